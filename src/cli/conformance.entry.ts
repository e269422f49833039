import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { inject, test } from "vitest";
import { createCheckers } from "../checkers/index.ts";
import type { CaseDefinition, Phase } from "../core/case.ts";
import { createPrng, hash32 } from "../core/prng.ts";
import { createAlarms } from "../engines/node/alarms.ts";
import { createNodeClient } from "../engines/node/client.ts";
import { createHdr } from "../engines/node/hdr.ts";
import { requestHttp } from "../engines/node/http.ts";
import { rawUpgrade } from "../engines/node/raw.ts";
import { loadTransport } from "../engines/node/transports.ts";
import { type CaseRow, createLanes, createUsers, isBroken, isSpoilt, runCase, type RunnerPorts } from "../../conformance/runner/index.ts";
import { launchReference, startDriver } from "../targets/index.ts";
import { createDirectoryPort, createPdsPort, directoryClient } from "../../fixtures/atproto/index.ts";
import { createCredentials } from "../../fixtures/credentials/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { allCases } from "./cases.ts";
import "./conformance-job.ts";
import { processBehind } from "./control.ts";
import * as registry from "./registry.ts";

/**
 * Cases at once by phase. Shared: enough to fill the waits, and few enough that storms do not starve each other.
 * Quiet and waiting: most of them wait for minutes and do little; all of them at once keep a suite as long as its
 * longest wait. Own: each starts processes, and a small machine has few cores for them; some only wait.
 */
const AT_ONCE = { shared: 12, quiet: 24, waiting: 24, own: 3, exclusive: 1 } as const;
/** A stack in containers shares the machine with its stores, the engine's forwarders and us: a third of the storms fill it. */
const SHARED_AT_ONCE_CONTAINED = 4;
const LAG_RESOLUTION_MS = 10;
/** Twenty joins take a tenth of this. */
const SETTLE_MS = 3_000;
/** A machine that is busy for longer than three runs of a timed case has no time for any. */
const ATTEMPTS_MAX = 3;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** A refused upgrade is refused within 5 s. */
const RAW_MS_MAX = 5_000;

const job = inject("rollcall");
const { launch } = job;
const binding = await registry.loadBinding(job.binding);
const chosen = new Set(job.cases);
const order = { shared: 0, quiet: 1, waiting: 2, own: 3, exclusive: 4 } as const satisfies Record<Phase, number>;
const cases = (await allCases(binding))
  .filter((each) => chosen.has(each.name))
  .toSorted((left, right) => order[left.phase] - order[right.phase]);
const pool = await openPool({ seed: job.poolSeed });
const prng = createPrng(job.seed);
const transport = await loadTransport(job.transport);
const nowMs = (): number => performance.now();
const alarms = createAlarms(nowMs);
let clients = 0;
const clientsByUrl: Record<string, number> = {};

function checkersOf(run: string): RunnerPorts["checkers"] {
  return (only) =>
    createCheckers({
      orderModel: binding.manifest.orderModel,
      echo: binding.manifest.echo && job.capabilities["echoToSender"] !== false,
      run,
      histogram: createHdr,
      budgets: binding.manifest.budgets,
      only,
    });
}

function portsOn(target: typeof job.target, process: RunnerPorts["process"]): Omit<RunnerPorts, "prng"> {
  const credentials = createCredentials({ target, pool, pdsUrl: job.pdsUrl });
  const client =
    target.directoryUrl === undefined || job.directoryControlUrl === undefined
      ? undefined
      : directoryClient(job.directoryControlUrl, target.directoryUrl);
  const http: RunnerPorts["http"] = (url, request, credential, withinMs) =>
    requestHttp({ target, url, request, credential, withinMs, bodyBytesMax: BODY_BYTES_MAX });
  return {
    binding,
    target,
    capabilities: job.capabilities,
    run: job.run,
    nowMs,
    nextClient: () => {
      clients += 1;
      return clients;
    },
    borrowUser: createUsers(credentials),
    open: ({ session, url, credential, observe, frameSeen }) => {
      let hasCome = false;
      const client = createNodeClient({
        session,
        url,
        headers: target.headers,
        ca: target.ca,
        localAddress: undefined,
        transport,
        alarms,
        nowMs,
        credential,
        http: async (request) => http(url, request, await credential(), RAW_MS_MAX),
        observe: (detail, atMs) => {
          if (!hasCome && detail.kind === "lifecycle" && detail.event === "joined") {
            hasCome = true;
            clientsByUrl[url] = (clientsByUrl[url] ?? 0) + 1;
          }
          observe(detail, atMs);
        },
        frameSeen,
      });
      return client;
    },
    http,
    rawUpgrade: (path, credential) => rawUpgrade({ target, path, credential, withinMs: RAW_MS_MAX }),
    checkers: checkersOf(job.run),
    process,
    ...(client === undefined ? {} : { directory: createDirectoryPort({ client, target, pool }) }),
    ...(job.pdsUrl === undefined ? {} : { pds: createPdsPort({ url: job.pdsUrl, target }) }),
    ...(job.client === undefined ? {} : { driveClient: () => Promise.resolve(startDriver(job.client ?? "")) }),
    ...(launch === undefined
      ? {}
      : {
          launch: (env) =>
            launchReference(
              { ...launch, registry, ...(target.directoryUrl === undefined ? {} : { directoryUrl: target.directoryUrl }) },
              env,
            ),
        }),
  };
}

const shared = portsOn(job.target, undefined);
const exclusive =
  job.exclusiveTarget.urls[0] === job.target.urls[0] && job.controlUrl === undefined
    ? shared
    : portsOn(job.exclusiveTarget, job.controlUrl === undefined ? undefined : processBehind(job.controlUrl));

const counts: Record<Phase, number> = { shared: 0, quiet: 0, waiting: 0, own: 0, exclusive: 0 };
for (const each of cases) counts[each.phase] += 1;
const atOnce = { ...AT_ONCE, ...binding.manifest.casesAtOnce };
const isContained = job.target.replicas !== undefined;
const lanes = createLanes(counts, isContained ? { ...atOnce, shared: Math.min(SHARED_AT_ONCE_CONTAINED, atOnce.shared) } : atOnce, job);
const requirements = new Map(binding.requirements.map((each) => [each.id, each]));
const performed: Promise<CaseRow>[] = [];
/** What the harness was late for is judged again when all else has ended, one after the other. */
let again = lanes.done();

async function perform(each: CaseDefinition, signal: AbortSignal): Promise<CaseRow> {
  const leave = await lanes.enter(each.phase);
  const row = await attempt(each, 1, signal).finally(leave);
  if (!isLate(row)) return row;
  const last = again.then(async () => {
    let latest = row;
    for (let attempts = 2; attempts <= ATTEMPTS_MAX && isLate(latest) && !signal.aborted; attempts += 1)
      latest = { ...(await attempt(each, attempts, signal)), attempts };
    return latest;
  });
  again = last.then(() => {});
  return last;
}

async function attempt(each: CaseDefinition, nth: number, signal: AbortSignal): Promise<CaseRow> {
  const ports = { ...(each.phase === "exclusive" ? exclusive : shared), prng: prng.fork(nth === 1 ? each.name : `${each.name} ${nth}`) };
  if (each.phase !== "quiet") return runCase(ports, each, signal);
  // A further attempt has rooms and markers of its own.
  const run = nth === 1 ? job.run : hash32(`${job.run}/${nth}`).toString(16).padStart(8, "0");
  // All quiet cases begin at once: what is timed by the millisecond waits until their joins are over.
  if (nth === 1 && each.ids.some((id) => requirements.get(id)?.category === "latency")) await pause(SETTLE_MS);
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  const row = await runCase({ ...ports, run, checkers: checkersOf(run) }, each, signal);
  lag.disable();
  return { ...row, loopLagMsP99: lag.count === 0 ? 0 : Math.max(0, lag.percentile(99) / 1e6 - LAG_RESOLUTION_MS) };
}

function isLate(row: CaseRow): boolean {
  return row.parts.some((part) => {
    const requirement = requirements.get(part.id);
    return requirement !== undefined && isSpoilt(row, part, requirement);
  });
}

for (const each of cases) {
  // The lanes decide when a case runs, and the runner how long: vitest's own limit would count the wait as well.
  test.concurrent(`${each.ids.map((id) => `[${id}]`).join(" ")} ${each.title}`, { timeout: 0 }, async ({ task, signal, skip }) => {
    const performing = perform(each, signal);
    performed.push(performing);
    const row = await performing;
    task.meta.rollcallRow = row;
    const broken = row.parts.filter(isBroken);
    if (broken.length > 0) {
      throw new Error(
        broken
          .map(
            (part) =>
              `${part.id} ${part.breaches.map((breach) => `${breach.reason}: expected ${breach.expected}; seen ${breach.seen}`).join("; ")}`,
          )
          .join("\n"),
      );
    }
    if (row.end === "faulted") throw new Error(row.because);
    if (row.end !== "ran") skip(row.because);
  });
}

test.concurrent("the harness kept time", { timeout: 0 }, async ({ task }) => {
  await lanes.done();
  await Promise.all(performed);
  task.meta.rollcallFigures = { clientsByUrl };
  alarms.stop();
});
