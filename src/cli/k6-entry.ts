import { createJudges, judgingOf } from "../checkers/judges.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import type { Binding, Judge } from "../core/binding.ts";
import { type CheckerOutcome, type Property, withoutTimed } from "../core/checker.ts";
import type { Reason } from "../core/reason.ts";
import { effectiveLevel } from "../core/requirement.ts";
import type { Result } from "../core/result.ts";
import type { Scenario } from "../core/scenario.ts";
import type { Frame } from "../core/session.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { createMetrics } from "../engines/k6/metrics.ts";
import { TREND_STATS } from "../engines/k6/metric-names.ts";
import { ownPart, ownShare, post, vuPorts } from "../engines/k6/runtime.ts";
import type { VuReport } from "../engines/k6/report.ts";
import { createFiguresHistogram, type K6Summary, reportOf, thresholdsOf, vusOf } from "../engines/k6/summary.ts";
import { playVu, vuHistogram } from "../engines/k6/vu.ts";
import { roomsOfScripts } from "../engines/node/shard-player.ts";
import { honestyOf } from "./honesty.ts";
import { jobOfEnvironment, type K6Defaults, type K6Job, vusFor } from "./k6-job.ts";
import { resultOf } from "./load-result.ts";

/** Beyond ramp and duration: rooms, quiet, final states, and the closing of sockets. */
const OVERTIME_S = 60;

/** Findings that a VU shows in k6's log; all of them go to a parent, when there is one. */
const SHOWN_MAX = 5;

/** What a script hands to k6. */
export interface K6Entry {
  readonly options: object;
  readonly setup: () => K6Setup;
  readonly run: (setup: K6Setup) => Promise<void>;
  readonly handleSummary: (data: K6Summary) => Readonly<Record<string, string>>;
}

/** What all VUs of a process share. */
export interface K6Setup {
  readonly run: string;
  readonly seed: string;
  readonly startedAtMs: number;
  readonly scriptRooms: readonly number[];
}

/** Globals of k6 where a script is loaded. */
interface K6Globals {
  readonly __ENV: Readonly<Record<string, string | undefined>>;
  readonly open: (path: string) => string;
}

/**
 * A scenario against a binding's servers as a script of stock k6: its VUs play the clients, judge every delivery and
 * hand over what they found; `handleSummary` writes our result document beside k6's own summary.
 * @throws RangeError for variables that cannot be read.
 */
export function k6Entry(
  scenario: Scenario,
  binding: Pick<Binding, "session" | "rooms" | "operations" | "manifest" | "requirements">,
  defaults: K6Defaults = {},
): K6Entry {
  const { manifest } = binding;
  if (manifest.engines.k6 !== true) throw new RangeError(`${manifest.name} does not run in k6: ${manifest.engines.k6}`);
  const globals = globalThis as unknown as K6Globals;
  const job = jobOfEnvironment(globals.__ENV, scenario, { ...manifest, ...defaults }, (path) => globals.open(path));
  const metrics = createMetrics();
  const vus = vusFor(job.parameters, job.socketsPerVu);
  const judged = Object.keys(manifest.judges) as Property[];
  const musts = binding.requirements.filter((each) => effectiveLevel(each, job.profile) === "MUST" && each.reported === undefined);
  const seconds = Math.ceil((job.parameters.rampMs + job.parameters.durationMs) / 1000);
  return {
    options: {
      scenarios: {
        [scenario.name.replaceAll("-", "_")]: {
          executor: "per-vu-iterations",
          vus,
          iterations: 1,
          maxDuration: `${seconds + OVERTIME_S}s`,
          gracefulStop: "1s",
        },
      },
      thresholds: thresholdsOf(
        scenario.objectives,
        judged,
        musts.map(({ id }) => id).filter((id) => requirementsOf(manifest.judges).has(id)),
        vus,
      ),
      summaryTrendStats: TREND_STATS,
      systemTags: ["status", "error", "error_code", "name", "check"],
    },
    setup: () => {
      if (job.target.urls[0] === "") throw new RangeError("no target: give -e TARGET=ws://127.0.0.1:8080, or another address");
      const seed = job.seed === "" ? randomHex(12) : job.seed;
      const { parameters } = job;
      return {
        run: job.run ?? randomHex(8),
        seed,
        startedAtMs: Date.now(),
        scriptRooms: roomsOfScripts({ scenario, parameters, operations: binding.operations, seed }),
      };
    },
    run: (setup) => playOne(scenario, binding, job, metrics, setup),
    handleSummary: (data) => summarise(scenario, binding, job, data, vus),
  };
}

async function playOne(
  scenario: Scenario,
  binding: Parameters<typeof k6Entry>[1],
  job: K6Job,
  metrics: ReturnType<typeof createMetrics>,
  setup: K6Setup,
): Promise<void> {
  const { target, parameters, prepared, parent } = job;
  const judging = judgingOf(binding.manifest, target, setup.run);
  const { orderModel, echo } = judging;
  const ports = vuPorts(target, { prepared, broker: parent, spec: target.credential }, metrics.delivered, parent);
  const played = await playVu(
    {
      binding,
      scenario,
      parameters,
      target,
      seed: setup.seed,
      run: setup.run,
      scriptRooms: setup.scriptRooms,
      part: ownPart(),
      share: ownShare(),
    },
    ports,
    {
      ledger: (slots, onDelivery) =>
        new MemoryLedger<Frame>({ orderModel, echo, run: setup.run, slots, histogram: vuHistogram, textOf, onDelivery }),
      panel: createJudges(judging, vuHistogram),
    },
  );
  const report = trusted(played);
  metrics.handOver(report, (outcome, reason) => requirementFor(binding.manifest.judges, outcome.property, reason));
  if (parent !== undefined) {
    await post(`${parent}/report`, JSON.stringify(report));
    return;
  }
  const { outcomes, firstFailure, refusedJoins } = report.result;
  for (const text of findingsOf(outcomes).slice(0, SHOWN_MAX)) console.warn(text);
  if (firstFailure !== undefined) console.warn(`rollcall: ${refusedJoins} joins failed; the first: ${firstFailure}`);
}

/** Counts can not be taken back from k6's metrics: a VU that fell behind counts nothing that rests on time. */
function trusted(report: VuReport): VuReport {
  const [behind] = honestyOf([report.result], 1, vuHistogram).harness.inconclusiveBecause;
  if (behind === undefined) return report;
  return { ...report, result: { ...report.result, outcomes: report.result.outcomes.map((outcome) => withoutTimed(outcome, behind)) } };
}

function textOf(frame: Frame): string {
  return typeof frame === "string" ? frame : (decodeUtf8(frame, 0, frame.length) ?? `${frame.length} bytes`);
}

function findingsOf(outcomes: readonly CheckerOutcome[]): readonly string[] {
  return outcomes.flatMap(({ findings }) =>
    findings.map(
      ({ property, reason, expected, seen, client, room }) =>
        `rollcall: ${property} ${reason}: expected ${expected}; seen: ${seen} (client ${client}, room ${room})`,
    ),
  );
}

function summarise(
  scenario: Scenario,
  binding: Parameters<typeof k6Entry>[1],
  job: K6Job,
  data: K6Summary & { readonly setup_data?: K6Setup },
  vus: number,
): Readonly<Record<string, string>> {
  const endedAt = new Date();
  const setup = data.setup_data;
  const report = reportOf(data, job.parameters.clients);
  const missing = vus - vusOf(data);
  const result = resultOf({
    options: { target: job.targetName, profile: job.profile },
    scenario,
    parameters: job.parameters,
    seed: setup?.seed ?? job.seed,
    target: { ...job.target, exited: undefined },
    binding,
    gathered: { done: [{ kind: "done", ...report }], series: [], interrupted: missing > 0 },
    startedAt: new Date(setup?.startedAtMs ?? endedAt.getTime()),
    endedAt,
    workers: 1,
    ports: { histogram: createFiguresHistogram, version: "k6" },
  });
  return {
    [`${job.out}result.json`]: `${JSON.stringify(result, null, 2)}\n`,
    [`${job.out}k6-summary.json`]: JSON.stringify(data),
    stdout: summaryText(result, missing),
  };
}

function summaryText(result: Result, missing: number): string {
  const lines = [`rollcall: ${result.verdict}  ${result.load?.scenario ?? ""} on ${result.binding} at ${result.target.url}`];
  for (const { id, verdict, observed } of result.requirements) lines.push(`  ${verdict.padEnd(12)} ${id}  ${observed}`);
  for (const { name, wanted, got, verdict } of result.load?.objectives ?? [])
    lines.push(`  ${verdict.padEnd(12)} ${name}: ${got}, wanted ${wanted}`);
  for (const text of [...result.harness.inconclusiveBecause, ...result.notes]) lines.push(`  note: ${text}`);
  if (missing > 0) lines.push(`  note: ${missing} VUs did not come to their end`);
  return `\n${lines.join("\n")}\n\n`;
}

function requirementFor(judges: Binding["manifest"]["judges"], property: Property, reason: string): string {
  const judge: Judge | undefined = judges[property];
  if (judge === undefined) return "";
  if (typeof judge === "string") return judge;
  return judge[reason as Reason] ?? judge.otherwise;
}

function requirementsOf(judges: Binding["manifest"]["judges"]): ReadonlySet<string> {
  return new Set(Object.values(judges).flatMap((judge) => (typeof judge === "string" ? [judge] : Object.values(judge))));
}

function randomHex(digits: number): string {
  let text = "";
  while (text.length < digits) text += Math.floor(Math.random() * 16).toString(16);
  return text;
}
