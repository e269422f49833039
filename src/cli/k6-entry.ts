import { createJudges, judgingOf } from "../checkers/judges.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import type { Binding, Judge } from "../core/binding.ts";
import { type CheckerOutcome, type Property, withoutTimed } from "../core/checker.ts";
import type { MeasuredSecond } from "../core/measured.ts";
import type { Reason } from "../core/reason.ts";
import { effectiveLevel } from "../core/requirement.ts";
import type { Result } from "../core/result.ts";
import type { Scenario } from "../core/scenario.ts";
import type { Frame } from "../core/session.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import { createMetrics } from "../engines/k6/metrics.ts";
import { TREND_STATS } from "../engines/k6/metric-names.ts";
import { ownPart, ownSegment, post, vuPorts } from "../engines/k6/runtime.ts";
import { createFiguresHistogram, type K6Summary, reportOf, thresholdsOf, vusOf } from "../engines/k6/summary.ts";
import { playVu, vuHistogram } from "../engines/k6/vu.ts";
import type { VuReport } from "../engines/k6/report.ts";
import type { Share } from "../load/shares.ts";
import { roomsOfScripts } from "../engines/node/shard-player.ts";
import { honestyOf } from "./honesty.ts";
import { jobOfEnvironment, type K6Defaults, type K6Job, vusOfProcess } from "./k6-job.ts";
import { type K6Place, openVuShard, registerProcess, verdictOf, type VuShard } from "./k6-shard.ts";
import { resultOf } from "./load-result.ts";

/** Beyond ramp and duration: rooms, quiet, final states, and the closing of sockets. */
const OVERTIME_S = 60;

/** Shards wait for each other twice at their end, for a minute at most, and then show what the referee wants to see. */
const OVERTIME_IN_SHARDS_S = 240;

/** A referee waits 5 minutes for its shards unless it is told otherwise, and as long as it is told for the last of them. */
const GATHER_TIME = "30m";

/** Findings that a VU shows in k6's log; all of them go to a parent, when there is one. */
const SHOWN_MAX = 5;

/** What a script hands to k6. */
export interface K6Entry {
  readonly options: object;
  readonly setup: () => Promise<K6Setup>;
  readonly run: (setup: K6Setup) => Promise<void>;
  readonly teardown: (setup: K6Setup) => Promise<void>;
  readonly handleSummary: (data: K6Summary) => Readonly<Record<string, string>>;
}

/** What all VUs of a process share. */
export interface K6Setup {
  readonly run: string;
  readonly seed: string;
  readonly startedAtMs: number;
  readonly scriptRooms: readonly number[];
  /** Its place in a run over several processes with a referee. */
  readonly place?: K6Place;
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
  const vus = vusOfProcess(job);
  const judged = Object.keys(manifest.judges) as Property[];
  const musts = binding.requirements.filter((each) => effectiveLevel(each, job.profile) === "MUST" && each.reported === undefined);
  const seconds = Math.ceil((job.parameters.rampMs + job.parameters.durationMs) / 1000);
  return {
    options: {
      scenarios: {
        [scenario.name.replaceAll("-", "_")]: {
          executor: "per-vu-iterations",
          vus: vus.asked,
          iterations: 1,
          maxDuration: `${seconds + (job.referee === undefined ? OVERTIME_S : OVERTIME_IN_SHARDS_S)}s`,
          gracefulStop: "1s",
        },
      },
      // A shard is no run: whether the whole is as it should be, the referee says.
      thresholds:
        job.referee === undefined
          ? thresholdsOf(
              scenario.objectives,
              judged,
              musts.map(({ id }) => id).filter((id) => requirementsOf(manifest.judges).has(id)),
              vus.own,
            )
          : { rollcall_vus: [`count>=${vus.own}`] },
      ...(job.referee === undefined ? {} : { setupTimeout: GATHER_TIME, teardownTimeout: GATHER_TIME }),
      summaryTrendStats: TREND_STATS,
      systemTags: ["status", "error", "error_code", "name", "check"],
    },
    setup: async () => {
      if (job.target.urls[0] === "") throw new RangeError("no target: give -e TARGET=ws://127.0.0.1:8080, or another address");
      const { parameters, referee } = job;
      const plan = { binding: manifest.name, scenario: scenario.name };
      const registered = referee === undefined ? undefined : await registerProcess(job, referee, plan);
      const seed = registered?.seed ?? (job.seed === "" ? randomHex(12) : job.seed);
      const scriptRooms = roomsOfScripts({ scenario, parameters, operations: binding.operations, seed });
      const place = await registered?.start();
      return {
        run: registered?.run ?? job.run ?? randomHex(8),
        seed,
        startedAtMs: Date.now(),
        scriptRooms,
        ...(place === undefined ? {} : { place }),
      };
    },
    run: (setup) => playOne(scenario, binding, job, metrics, setup),
    teardown: async ({ place }) => {
      if (job.referee !== undefined && place !== undefined) console.log(`rollcall: ${await verdictOf(job.referee, place)}`);
    },
    handleSummary: (data) =>
      job.referee === undefined
        ? summarise(scenario, binding, job, data, vus.own)
        : { [`${job.out}k6-summary.json`]: JSON.stringify(data) },
  };
}

/** The process's part of the run; bare segments keep rooms whole, so that each process judges its own. */
function shareHere(place: K6Place | undefined): Share | undefined {
  const segment = ownSegment();
  return place?.share ?? (segment === undefined ? undefined : { ...segment, by: "rooms" });
}

async function playOne(
  scenario: Scenario,
  binding: Parameters<typeof k6Entry>[1],
  job: K6Job,
  metrics: ReturnType<typeof createMetrics>,
  setup: K6Setup,
): Promise<void> {
  const { target, parameters, prepared, parent, referee } = job;
  const part = ownPart();
  const share = shareHere(setup.place);
  const judging = { ...judgingOf(binding.manifest, target, setup.run), isDivided: share?.by === "members" };
  const { orderModel, echo } = judging;
  const ports = vuPorts(target, { prepared, broker: parent, spec: target.credential }, metrics.delivered, parent);
  const shard = referee === undefined || setup.place === undefined ? undefined : openVuShard(referee, setup.place, part.index, orderModel);
  const panel = createJudges(judging, vuHistogram);
  const playing = playVu(
    {
      binding,
      scenario,
      parameters,
      target,
      seed: setup.seed,
      run: setup.run,
      scriptRooms: setup.scriptRooms,
      part,
      share,
      ...(shard === undefined ? {} : { together: shard.side.together }),
    },
    shard === undefined ? ports : { ...ports, onSecond: (second) => tellSecond(shard, part.index, second), isStopped: shard.isStopped },
    {
      ledger: (slots, onDelivery, elsewhere) => {
        const across = shard?.side.witness(elsewhere);
        const shared = across === undefined ? {} : { across };
        return new MemoryLedger<Frame>({ orderModel, echo, run: setup.run, slots, histogram: vuHistogram, textOf, onDelivery, ...shared });
      },
      panel: shard?.side.panel(panel) ?? panel,
    },
  );
  let report: VuReport;
  try {
    report = trusted(await playing);
    await shard?.finish(report);
  } catch (error) {
    shard?.link.leave();
    throw error;
  }
  metrics.handOver(report, (outcome, reason) => requirementFor(binding.manifest.judges, outcome.property, reason));
  if (parent !== undefined) {
    await post(`${parent}/report`, JSON.stringify(report));
    return;
  }
  const { outcomes, firstFailure, refusedJoins } = report.result;
  for (const text of findingsOf(outcomes).slice(0, SHOWN_MAX)) console.warn(text);
  if (firstFailure !== undefined) console.warn(`rollcall: ${refusedJoins} joins failed; the first: ${firstFailure}`);
}

function tellSecond({ link, side }: VuShard, worker: number, second: MeasuredSecond): void {
  link.second({ worker, ...second });
  side.second();
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
