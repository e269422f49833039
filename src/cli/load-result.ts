import type { Binding, Judge } from "../core/binding.ts";
import { mergeOutcomes, withoutTimed, type CheckerOutcome, type Property } from "../core/checker.ts";
import { HARNESS_BOUNDS } from "../core/harness-bounds.ts";
import { figuresOf, type HistogramMaker, type LatencyFigures } from "../core/histogram.ts";
import type { RequirementId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import { redactAll } from "../core/redact.ts";
import type { Profile } from "../core/requirement.ts";
import type { LoadResult, Result, ShardsResult } from "../core/result.ts";
import type { Objectives, Scenario, ScenarioParameters } from "../core/scenario.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { mergeAll, type Verdict } from "../core/verdict.ts";
import type { RunningTarget } from "../targets/index.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import { assembleResults } from "../../conformance/runner/assemble.ts";
import type { RowPart } from "../../conformance/runner/row.ts";
import { logsOf } from "./container-logs.ts";
import { exitCodeOf } from "./exit-code.ts";
import { honestyOf, type Honesty } from "./honesty.ts";
import { applyKnown, counts } from "./known.ts";
import { type JudgedFaults, faultNotes, faultObjectives, faultsOf } from "./fault-result.ts";
import type { Done, Gathered } from "./load-workers.ts";

/** What the user asked for, as far as the verdict needs it. */
export interface JudgingOptions {
  readonly target: string;
  readonly profile?: Profile;
  readonly dialect?: string;
  readonly mutant?: { readonly id: string };
  readonly replicas?: number;
  /** Named in the command that runs it again, when it is not our own. */
  readonly engine?: "node" | "k6";
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
}

/** Of the server under test, what its verdict needs. */
export interface JudgedTarget
  extends
    Pick<ResolvedTarget, "name" | "urls" | "dialect" | "timeScale" | "known" | "replicas">,
    Pick<RunningTarget, "containers" | "engine"> {
  /** Set when it ended by itself. */
  readonly exited: { readonly code: number | null; readonly signal: string | null } | undefined;
}

/** What holds for several shards together, and for none alone. */
export interface JudgedShards extends ShardsResult {
  readonly outcomes: readonly CheckerOutcome[];
  /** Why the whole can not be trusted. */
  readonly doubts: readonly string[];
  readonly notes: readonly string[];
}

/** A run that has ended, with all that its verdict needs. */
export interface Judged {
  readonly options: JudgingOptions;
  readonly scenario: Scenario;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly target: JudgedTarget;
  readonly binding: Pick<Binding, "manifest" | "requirements">;
  /** What was to go wrong; absent when nothing was. */
  readonly faults?: JudgedFaults;
  readonly gathered: Gathered;
  /** Of a run over several shards: what their referee found beyond them. */
  readonly shards?: JudgedShards;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly workers: number;
  /** What an engine has its own of: histograms that take what the workers encoded, and the package's version. */
  readonly ports: { readonly histogram: HistogramMaker; readonly version: string };
}

/** The result document of a load run. */
export function resultOf(judged: Judged): Result {
  const { options, scenario, seed, target, binding, gathered, startedAt, endedAt } = judged;
  const profile = options.profile ?? "mvp";
  const shards = gathered.done.map((each) => each.result);
  const honesty = honestyOf(shards, judged.workers, judged.ports.histogram);
  const [behind] = honesty.harness.inconclusiveBecause;
  const found = mergeAllOutcomes(
    [...shards.flatMap((shard) => shard.outcomes), ...(judged.shards?.outcomes ?? [])].filter(
      (outcome) => binding.manifest.judges[outcome.property] !== undefined,
    ),
  );
  const outcomes =
    behind === undefined ? found : new Map([...found].map(([property, outcome]) => [property, withoutTimed(outcome, behind)]));
  const lacking = judged.shards?.doubts ?? [];
  const doubts = [...lacking, ...honesty.harness.inconclusiveBecause, ...honesty.undone];
  const loadResult = figures(judged, honesty, outcomes, doubts);
  const absent = gathered.interrupted ? [] : absentees(loadResult.clients, cameOf(shards, loadResult.joinMs.count));
  const parts = partsOf(outcomes, binding, loadResult, doubts);
  const { exited } = target;
  const robustness = binding.manifest.areas.robustness;
  if (exited !== undefined && robustness !== undefined) {
    parts.set(robustness, {
      id: robustness,
      judged: 1,
      broken: { crashed: 1 },
      notes: [],
      inconclusive: [],
      breaches: [{ reason: "crashed", expected: "a server that outlives the run", seen: `it ended with ${exited.code ?? exited.signal}` }],
    });
  }
  const ids = new Set(parts.keys());
  const row = {
    name: `load/${scenario.name}`,
    title: scenario.summary,
    phase: "shared" as const,
    end: "ran" as const,
    because: "",
    startedAt: startedAt.getTime(),
    endedAt: endedAt.getTime(),
    parts: [...parts.values()],
  };
  const assembled = assembleResults({
    requirements: binding.requirements,
    ids,
    rows: [row],
    gated: new Map(),
    planned: ids,
    profile,
    cutShortBecause: gathered.interrupted ? "interrupted" : undefined,
    death: undefined,
  });
  const relevant = target.known.filter((entry) => ids.has(entry.id) && entry.rate === "sometimes");
  const { requirements } = applyKnown(assembled, relevant);
  const verdicts = [
    ...requirements.filter(counts),
    ...loadResult.objectives.map((each) => ({ level: "SHOULD" as const, verdict: each.verdict })),
    ...(doubts.length + absent.length > 0 || gathered.interrupted ? [{ level: "MUST" as const, verdict: "inconclusive" as const }] : []),
  ];
  const nobody = loadResult.joinMs.count === 0;
  const exitCode = exitCodeOf(
    {
      usageErrors: 0,
      harnessFaults: 0,
      interrupted: gathered.interrupted,
      staleKnown: 0,
      reached: !nobody || exited !== undefined || lacking.length > 0,
      judged: requirements.length,
      verdicts,
    },
    { failOnWarning: options.failOnWarning ?? false, allowInconclusive: options.allowInconclusive ?? false },
  );
  // What a server says stands in witnesses and reasons, and it may quote what it was shown.
  return redactAll<Result>({
    schema: "rollcall/result@1",
    command: "load",
    version: judged.ports.version,
    startedAt: startedAt.toISOString(),
    durationMs: endedAt.getTime() - startedAt.getTime(),
    verdict: mergeAll(verdicts.map((each): Verdict => each.verdict)),
    exitCode,
    seed,
    profile,
    target: {
      name: target.name,
      url: target.urls[0],
      timeScale: target.timeScale,
      ...(options.mutant === undefined ? {} : { mutant: options.mutant.id }),
    },
    ...replicasOf(target, shards),
    binding: binding.manifest.name,
    dialect: target.dialect,
    rerun: rerunOf(judged),
    requirements,
    load: loadResult,
    harness: honesty.harness,
    notes: [
      ...lacking,
      ...(judged.shards?.notes ?? []),
      ...faultNotes(loadResult.faults),
      ...absent,
      ...joinNotes(shards, loadResult.joinMs.count),
      ...honesty.undone,
      ...recordingNotes(gathered.done),
    ],
    interrupted: gathered.interrupted,
    ...logsOf(target, exitCode),
  });
}

function rerunOf({ options, scenario, parameters, seed, faults }: Judged): string {
  const words = [
    "npx rollcall load",
    scenario.name,
    "--target",
    options.target,
    "--clients",
    parameters.clients,
    "--rooms",
    parameters.rooms,
    "--rate",
    parameters.ratePerSecond,
    "--duration",
    `${parameters.durationMs / 1000}s`,
    "--ramp",
    `${parameters.rampMs / 1000}s`,
  ];
  if (parameters.churnPerMinute > 0) words.push("--churn", parameters.churnPerMinute);
  if (options.engine === "k6") words.push("--engine", "k6");
  if (options.dialect !== undefined) words.push("--dialect", options.dialect);
  if (options.replicas !== undefined) words.push("--replicas", options.replicas);
  if (options.mutant !== undefined) words.push("--mutant", options.mutant.id);
  if (faults?.asked !== undefined) words.push("--faults", faults.asked);
  return [...words, "--seed", seed].join(" ");
}

function mergeAllOutcomes(outcomes: readonly CheckerOutcome[]): ReadonlyMap<Property, CheckerOutcome> {
  const merged = new Map<Property, CheckerOutcome>();
  for (const outcome of outcomes) {
    const before = merged.get(outcome.property);
    merged.set(outcome.property, before === undefined ? outcome : mergeOutcomes(before, outcome));
  }
  return merged;
}

/** How many clients came into a room; joins, where a recording does not say whose they were. */
function cameOf(shards: readonly ShardResult[], joins: number): number {
  if (shards.some(({ clientsByUrl }) => clientsByUrl === undefined)) return joins;
  return shards.flatMap(({ clientsByUrl = [] }) => clientsByUrl).reduce((sum, count) => sum + count, 0);
}

/** What it says of clients that never came into a room, where they are too many: they were told nothing that could be judged. */
export function absentees(clients: number, came: number): readonly string[] {
  const missing = clients - came;
  // Where nobody came there are other words for it.
  return came === 0 || missing <= clients * HARNESS_BOUNDS.absentShare
    ? []
    : [`${missing} of ${clients} clients never came into their rooms: what holds for them was not judged`];
}

/** Who came by which URL, where there are several. */
function replicasOf(
  { urls, replicas = [] }: Pick<ResolvedTarget, "urls" | "replicas">,
  shards: readonly ShardResult[],
): Pick<Result, "replicas"> {
  if (urls.length === 1) return {};
  const clients = (index: number): number => shards.reduce((sum, shard) => sum + (shard.clientsByUrl?.[index] ?? 0), 0);
  return {
    replicas: urls.map((url, index) => {
      const name = replicas[index];
      return { ...(name === undefined ? {} : { name }), url, clients: clients(index) };
    }),
  };
}

/** Why clients did not come into their rooms, for the notes. */
function joinNotes(shards: readonly ShardResult[], joins: number): readonly string[] {
  const refused = shards.reduce((sum, shard) => sum + shard.refusedJoins, 0);
  const first = shards.map((shard) => shard.firstFailure).find((text) => text !== undefined);
  if (refused > 0) return [`${refused} joins failed; the first: ${first ?? "no reason given"}`];
  return joins > 0 ? [] : ["no client could join a room: the server did not answer within the run"];
}

function recordingNotes(done: readonly Done[]): readonly string[] {
  const why = done.map((each) => each.unrecorded).find((text) => text !== undefined);
  return why === undefined ? [] : [`the recording is incomplete: ${why}`];
}

function figures(judged: Judged, honesty: Honesty, outcomes: ReadonlyMap<Property, CheckerOutcome>, doubts: readonly string[]): LoadResult {
  const { gathered, scenario, parameters } = judged;
  const merge = (of: (done: Done) => string): ReturnType<typeof figuresOf> => {
    const merged = judged.ports.histogram();
    for (const done of gathered.done) {
      const encoded = of(done);
      if (encoded !== "") merged.merge(encoded);
    }
    return figuresOf(merged);
  };
  const shards = gathered.done.map(({ result }) => result);
  const faults = judged.faults === undefined ? undefined : faultsOf(judged.faults, judged.binding, shards, outcomes);
  const sum = (of: (done: Done) => number): number => gathered.done.reduce((total, done) => total + of(done), 0);
  const delivered = sum((done) => done.delivered);
  const expected = sum((done) => done.expected) + (judged.shards?.lost ?? 0);
  const measuredMs = Math.max(...gathered.done.map(({ result }) => result.actMs));
  // A worker whose clock began late for want of a turn has no higher rate for it.
  const actMs = gathered.interrupted ? measuredMs : Math.max(measuredMs, parameters.durationMs);
  const deliveryMs = merge((done) => done.deliveryMs);
  const convergenceMs = merge((done) => done.convergenceMs);
  const readMs = merge((done) => done.result.readMs ?? "");
  const reach = expected === 0 ? 1 : delivered / expected;
  const violations = [...outcomes.values()].reduce(
    (total, outcome) => total + Object.values(outcome.broken).reduce((one, two) => one + two, 0),
    0,
  );
  return {
    scenario: scenario.name,
    clients: parameters.clients,
    rooms: parameters.rooms,
    durationMs: parameters.durationMs,
    expected,
    delivered,
    reach,
    deliveryMs,
    convergenceMs,
    spreadMs: merge((done) => done.spreadMs),
    joinMs: merge((done) => done.result.joinMs),
    ...shownOf(sum((done) => done.result.past ?? 0)),
    ...answered(
      "confirmMs",
      merge((done) => done.result.confirmMs ?? ""),
    ),
    ...answered("readMs", readMs),
    ...(readMs.count === 0 ? {} : { readsPerSecond: Math.round((readMs.count / actMs) * 10_000) / 10 }),
    ...signalsOf(
      merge((done) => done.result.signalMs ?? ""),
      actMs,
    ),
    sent: sum((done) => done.result.sent),
    late: honesty.late,
    unsent: honesty.unsent,
    dropped: honesty.dropped,
    sendLagMs: honesty.sendLagMs,
    plannedPerSecond: Math.round((honesty.planned / actMs) * 10_000) / 10,
    achievedPerSecond: Math.round((sum((done) => done.result.sent) / actMs) * 10_000) / 10,
    series: gathered.series,
    ...(faults === undefined ? {} : { faults }),
    ...(judged.shards === undefined ? {} : { shards: shardsOf(judged.shards) }),
    objectives: [
      ...judgeObjectives(
        judged.faults === undefined ? scenario.objectives : withoutTimes(scenario.objectives),
        { deliveryMsP99: deliveryMs.p99, convergenceMsP99: convergenceMs.p99, reach, violations },
        delivered,
        doubts,
      ),
      ...(faults === undefined || gathered.interrupted ? [] : faultObjectives(faults, doubts)),
    ],
  };
}

function shownOf(past: number): Pick<LoadResult, "past"> {
  return past === 0 ? {} : { past };
}

function shardsOf({ count, compared, lost, acrossMs, clockBoundMs }: JudgedShards): ShardsResult {
  return {
    count,
    compared,
    lost,
    ...(acrossMs === undefined ? {} : { acrossMs }),
    ...(clockBoundMs === undefined ? {} : { clockBoundMs }),
  };
}

/** While something is made to go wrong no time can be kept. */
function withoutTimes({ reach, violations }: Objectives): Objectives {
  return { ...(reach === undefined ? {} : { reach }), ...(violations === undefined ? {} : { violations }) };
}

/** Figures of something that happened; nothing of what did not. */
function answered<Name extends string>(name: Name, figures: LatencyFigures): { readonly [name in Name]?: LatencyFigures } {
  return figures.count === 0 ? {} : ({ [name]: figures } as { readonly [name in Name]: LatencyFigures });
}

function signalsOf(deliveryMs: LatencyFigures, actMs: number): Pick<LoadResult, "signals"> {
  if (deliveryMs.count === 0) return {};
  return { signals: { perSecond: Math.round((deliveryMs.count / actMs) * 10_000) / 10, deliveryMs } };
}

function judgeObjectives(
  wanted: Objectives,
  got: Required<Objectives>,
  delivered: number,
  doubts: readonly string[],
): LoadResult["objectives"] {
  const rows: { name: string; wanted: string; got: string; verdict: Verdict }[] = [];
  const timed = (isMet: boolean): Verdict =>
    delivered === 0 ? "inconclusive" : isMet ? "pass" : doubts.length > 0 ? "inconclusive" : "warning";
  if (wanted.deliveryMsP99 !== undefined)
    rows.push({
      name: "delivery p99",
      wanted: `≤ ${wanted.deliveryMsP99} ms`,
      got: `${got.deliveryMsP99} ms`,
      verdict: timed(got.deliveryMsP99 <= wanted.deliveryMsP99),
    });
  if (wanted.convergenceMsP99 !== undefined)
    rows.push({
      name: "convergence p99",
      wanted: `≤ ${wanted.convergenceMsP99} ms`,
      got: `${got.convergenceMsP99} ms`,
      verdict: timed(got.convergenceMsP99 <= wanted.convergenceMsP99),
    });
  if (wanted.reach !== undefined)
    rows.push({
      name: "reach",
      wanted: `${wanted.reach}`,
      got: `${got.reach}`,
      verdict: delivered === 0 ? "inconclusive" : got.reach >= wanted.reach ? "pass" : "fail",
    });
  if (wanted.violations !== undefined)
    rows.push({
      name: "violations",
      wanted: `${wanted.violations}`,
      got: `${got.violations}`,
      verdict: got.violations <= wanted.violations ? "pass" : "fail",
    });
  return rows;
}

/** Findings by the requirement they break, as the binding's manifest says. */
function partsOf(
  outcomes: ReadonlyMap<Property, CheckerOutcome>,
  binding: Judged["binding"],
  figures: LoadResult,
  doubts: readonly string[],
): Map<RequirementId, RowPart> {
  const parts = new Map<RequirementId, RowPart>();
  const add = (id: RequirementId, part: Omit<RowPart, "id">): void => {
    const before = parts.get(id) ?? { id, judged: 0, broken: {}, breaches: [], notes: [], inconclusive: [] };
    const broken: Partial<Record<Reason, number>> = { ...before.broken };
    for (const [reason, count] of Object.entries(part.broken) as [Reason, number][]) broken[reason] = (broken[reason] ?? 0) + count;
    parts.set(id, {
      id,
      judged: before.judged + part.judged,
      broken,
      breaches: [...before.breaches, ...part.breaches],
      notes: [...before.notes, ...part.notes],
      inconclusive: [...before.inconclusive, ...part.inconclusive],
    });
  };
  for (const [property, outcome] of outcomes) {
    const judge = binding.manifest.judges[property];
    if (judge === undefined || (outcome.judged === 0 && Object.keys(outcome.broken).length === 0)) continue;
    const why = outcome.inconclusiveBecause;
    add(requirementFor(judge, undefined), {
      judged: outcome.judged,
      broken: {},
      breaches: [],
      notes: [],
      inconclusive: why === undefined ? [] : [why],
    });
    for (const [reason, count] of Object.entries(outcome.broken) as [Reason, number][]) {
      const breaches = outcome.findings
        .filter((finding) => finding.reason === reason)
        .map((finding) => ({
          reason,
          expected: finding.expected,
          seen: `${finding.seen} (client ${finding.client}, room ${finding.room})`,
          witness: finding.witness,
        }));
      add(requirementFor(judge, reason), { judged: 0, broken: { [reason]: count }, breaches, notes: [], inconclusive: [] });
    }
  }
  const latency = binding.manifest.judges.latency;
  if (latency !== undefined && figures.delivered > 0 && figures.faults === undefined)
    add(requirementFor(latency, "late"), latencyPart(binding, figures, doubts));
  return parts;
}

function latencyPart(binding: Judged["binding"], figures: LoadResult, doubts: readonly string[]): Omit<RowPart, "id"> {
  const budgetMs = binding.manifest.budgets.deliveryMsP95;
  const notes = [
    `delivery p50 ${figures.deliveryMs.p50} ms, p95 ${figures.deliveryMs.p95} ms, p99 ${figures.deliveryMs.p99} ms, max ${figures.deliveryMs.max} ms`,
  ];
  if (doubts.length > 0) return { judged: 0, broken: {}, breaches: [], notes, inconclusive: doubts };
  if (budgetMs === undefined || figures.deliveryMs.p95 <= budgetMs) return { judged: 1, broken: {}, breaches: [], notes, inconclusive: [] };
  return {
    judged: 1,
    broken: { late: 1 },
    breaches: [{ reason: "late", expected: `delivery p95 ≤ ${budgetMs} ms`, seen: `p95 ${figures.deliveryMs.p95} ms` }],
    notes,
    inconclusive: [],
  };
}

function requirementFor(judge: Judge, reason: Reason | undefined): RequirementId {
  if (typeof judge === "string") return judge;
  return (reason === undefined ? undefined : judge[reason]) ?? judge.otherwise;
}
