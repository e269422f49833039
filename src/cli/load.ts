import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Binding, Judge } from "../core/binding.ts";
import { mergeOutcomes, type CheckerOutcome, type Property } from "../core/checker.ts";
import { HarnessError } from "../core/errors.ts";
import { figuresOf } from "../core/histogram.ts";
import type { RequirementId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import type { Profile } from "../core/requirement.ts";
import type { LoadResult, Result, SeriesPoint } from "../core/result.ts";
import type { Objectives, Scenario, ScenarioParameters } from "../core/scenario.ts";
import { mergeAll, type Verdict } from "../core/verdict.ts";
import { createHdr } from "../engines/node/hdr.ts";
import type { ShardResult, ShardSecond } from "../engines/node/shard.ts";
import { startTarget, type RunningTarget } from "../targets/index.ts";
import { assembleResults } from "../../conformance/runner/assemble.ts";
import type { RowPart } from "../../conformance/runner/row.ts";
import { startDirectory } from "../../fixtures/directory/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { scenarios } from "../../scenarios/index.ts";
import { exitCodeOf } from "./exit-code.ts";
import { applyKnown, checkKnown, counts } from "./known.ts";
import { bindingFolder, bindingNames, loadBinding } from "./registry.ts";
import { closest } from "./suggest.ts";
import { version } from "./version.ts";
import type { WorkerJob, WorkerMessage } from "./worker.ts";

export interface LoadOptions {
  readonly scenario: string;
  /** A reference server's name or the path of a target file. */
  readonly target: string;
  readonly parameters?: Partial<ScenarioParameters>;
  readonly seed?: string;
  readonly profile?: Profile;
  /** Worker processes; default one for every 5,000 clients, at most one a core. */
  readonly workers?: number;
  /** Reference servers only: run against this mutant. */
  readonly mutant?: { readonly id: string; readonly env?: Readonly<Record<string, string>> };
  readonly mayLoad?: readonly string[];
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

export type LoadProgress =
  | { readonly kind: "stage"; readonly text: string }
  | { readonly kind: "second"; readonly point: SeriesPoint; readonly totalSeconds: number };

/** Clients that one worker carries before a second one pays for itself (two workers cost a quarter more processor time). */
const CLIENTS_PER_WORKER = 5000;

/** One process may have 20,000 files open on common limits; some are not sockets. */
const CLIENTS_PER_WORKER_MAX = 15_000;

/** More of the sends late, or of the acts without a joined client, than this share: the plan was not carried out. */
const SHARE_LATE_MAX = 0.01;

const LOOP_LAG_MS_MAX = 50;
const CPU_MAX = 0.95;

/** Longest time beyond its plan that a run may take before its workers are ended. */
const OVERTIME_MS_MAX = 60_000;

/**
 * Runs a scenario against a target and judges every delivery. Resolves with the result, also for runs that fail.
 * @throws HarnessError for mistakes of the user, a target never reached, and faults of our own.
 */
export async function load(options: LoadOptions): Promise<Result> {
  const startedAt = new Date();
  const scenario = scenarioNamed(options.scenario);
  const parameters: ScenarioParameters = { ...scenario.defaults, ...options.parameters };
  checkParameters(parameters);
  const seed = options.seed ?? randomBytes(6).toString("hex");
  const run = randomBytes(4).toString("hex");
  const stage = (text: string): void => options.onProgress?.({ kind: "stage", text });
  stage("starting the directory and the target");
  const poolSeed = "rollcall";
  const pool = await openPool({ seed: poolSeed });
  const directory = await startDirectory({ pool });
  try {
    const registry = { bindingNames, bindingFolder, loadBinding };
    const running = await startTarget({
      target: options.target,
      registry,
      purpose: "load",
      directoryUrl: directory.url,
      ...(options.mayLoad === undefined ? {} : { mayLoad: options.mayLoad }),
      ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
    });
    try {
      const { binding } = running;
      checkKnown(running.resolved.known, binding.requirements, startedAt.toISOString().slice(0, 10));
      checkFit(binding, running, parameters);
      stage(`preparing ${parameters.clients} identities`);
      if (running.resolved.directoryUrl !== undefined) await directory.prepare(parameters.clients);
      const job: Omit<WorkerJob, "shard"> = {
        kind: "job", binding: binding.manifest.name, target: running.resolved, scenario: scenario.name, parameters, seed, run, pool: { dir: undefined, seed: poolSeed },
      };
      const count = workersFor(parameters, options.workers);
      const gathered = await runWorkers(job, count, options);
      return resultOf({ options, scenario, parameters, seed, running, binding, gathered, startedAt, workers: count });
    } finally {
      await running.stop();
    }
  } finally {
    await directory.close();
  }
}

function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((each) => each.name);
  const near = closest(name, names);
  throw new HarnessError("usage", `there is no scenario "${name}"`, { hint: `${near === undefined ? "" : `did you mean "${near}"? `}scenarios: ${names.join(", ")}` });
}

function checkParameters(parameters: ScenarioParameters): void {
  const { clients, rooms, ratePerSecond, durationMs, rampMs, churnPerMinute } = parameters;
  const wrong = (what: string): never => {
    throw new HarnessError("usage", what, { hint: "see rollcall load --help" });
  };
  if (!Number.isInteger(clients) || clients < 1) wrong(`--clients must be a whole number of at least 1, not ${clients}`);
  if (!Number.isInteger(rooms) || rooms < 1) wrong(`--rooms must be a whole number of at least 1, not ${rooms}`);
  if (rooms > clients) wrong(`${rooms} rooms for ${clients} clients: every room needs a client`);
  if (!(ratePerSecond >= 0)) wrong(`--rate must be 0 or more, not ${ratePerSecond}`);
  if (!(durationMs > 0) || !(rampMs >= 0)) wrong("--duration must be more than 0 and --ramp at least 0");
  if (!(churnPerMinute >= 0)) wrong(`--churn must be 0 or more, not ${churnPerMinute}`);
}

function checkFit(binding: Binding, running: RunningTarget, parameters: ScenarioParameters): void {
  const { clientsMax } = running.resolved;
  if (clientsMax !== undefined && parameters.clients > clientsMax) {
    throw new HarnessError("usage", `${parameters.clients} clients are more than the target allows (clientsMax ${clientsMax})`, { hint: "lower --clients, or raise clientsMax in the target file" });
  }
  const membersMax = binding.rooms.kind === "created" ? binding.rooms.membersMax : undefined;
  const members = Math.ceil(parameters.clients / parameters.rooms);
  if (membersMax !== undefined && members > membersMax) {
    throw new HarnessError("usage", `${members} clients in one room; ${binding.manifest.name} holds ${membersMax}`, { hint: `give --rooms ${Math.ceil(parameters.clients / membersMax)} or more` });
  }
}

function workersFor(parameters: ScenarioParameters, asked: number | undefined): number {
  const wanted = asked ?? Math.min(availableParallelism(), Math.ceil(parameters.clients / CLIENTS_PER_WORKER));
  const needed = Math.ceil(parameters.clients / CLIENTS_PER_WORKER_MAX);
  return Math.max(1, Math.min(Math.max(wanted, needed), parameters.rooms));
}

type Done = Extract<WorkerMessage, { kind: "done" }>;

interface Gathered {
  readonly done: readonly Done[];
  readonly series: readonly SeriesPoint[];
  readonly interrupted: boolean;
}

/** Forks the workers, starts them together, and gathers what they say. Ends only its own children. */
async function runWorkers(job: Omit<WorkerJob, "shard">, count: number, options: LoadOptions): Promise<Gathered> {
  const path = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url));
  const children = Array.from({ length: count }, () => fork(path, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] }));
  const series = new Map<number, { seconds: ShardSecond[] }>();
  const totalSeconds = Math.ceil((job.parameters.rampMs + job.parameters.durationMs) / 1000);
  const points: SeriesPoint[] = [];
  const stop = (): void => children.forEach((child) => child.connected && child.send({ kind: "stop" }));
  options.signal?.addEventListener("abort", stop, { once: true });
  const onSecond = (second: ShardSecond): void => {
    const slot = series.get(second.t) ?? { seconds: [] };
    slot.seconds.push(second);
    series.set(second.t, slot);
    if (slot.seconds.length < count) return;
    series.delete(second.t);
    const point = pointOf(slot.seconds);
    points.push(point);
    options.onProgress?.({ kind: "second", point, totalSeconds });
  };
  try {
    options.onProgress?.({ kind: "stage", text: `starting ${count} worker${count === 1 ? "" : "s"}` });
    await Promise.all(children.map((child, index) => ready(child, { ...job, shard: { index, count } })));
    const limitMs = job.parameters.rampMs + job.parameters.durationMs + OVERTIME_MS_MAX;
    const done = await Promise.all(children.map((child) => finished(child, onSecond, limitMs)));
    return { done, series: points, interrupted: options.signal?.aborted ?? false };
  } finally {
    options.signal?.removeEventListener("abort", stop);
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  }
}

function ready(child: ChildProcess, job: WorkerJob): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "ready") resolve();
      else if (message.kind === "failed") reject(new HarnessError(message.code, message.message, message.hint === undefined ? {} : { hint: message.hint }));
    });
    child.once("exit", (code, signal) => reject(new HarnessError("internal", `a load worker ended with ${code ?? signal} before it was ready`)));
    child.send(job);
  });
}

function finished(child: ChildProcess, onSecond: (second: ShardSecond) => void, limitMs: number): Promise<Done> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HarnessError("internal", `a load worker did not end within ${limitMs} ms`)), limitMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "second") onSecond(message.second);
      else if (message.kind === "done") settle(() => resolve(message));
      else if (message.kind === "failed") settle(() => reject(new HarnessError(message.code, message.message, message.hint === undefined ? {} : { hint: message.hint })));
    });
    child.once("exit", (code, signal) => settle(() => reject(new HarnessError("internal", `a load worker ended with ${code ?? signal} in mid-run`))));
    child.send({ kind: "go" });
  });
}

function pointOf(seconds: readonly ShardSecond[]): SeriesPoint {
  const merged = createHdr();
  for (const second of seconds) merged.merge(second.deliveryMs);
  const sum = (of: (second: ShardSecond) => number): number => seconds.reduce((total, second) => total + of(second), 0);
  const figures = figuresOf(merged);
  return {
    t: seconds[0]?.t ?? 0,
    clients: sum((second) => second.clients),
    sent: sum((second) => second.sent),
    delivered: sum((second) => second.delivered),
    deliveryMsP50: figures.p50,
    deliveryMsP99: figures.p99,
    loopLagMs: Math.max(...seconds.map((second) => second.loopLagMs)),
  };
}

interface Judged {
  readonly options: LoadOptions;
  readonly scenario: Scenario;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly running: RunningTarget;
  readonly binding: Binding;
  readonly gathered: Gathered;
  readonly startedAt: Date;
  readonly workers: number;
}

function resultOf(judged: Judged): Result {
  const { options, scenario, parameters, seed, running, binding, gathered, startedAt } = judged;
  const profile = options.profile ?? "mvp";
  const shards = gathered.done.map((each) => each.result);
  const outcomes = mergeAllOutcomes(shards.flatMap((shard) => shard.outcomes).filter((outcome) => binding.manifest.judges[outcome.property] !== undefined));
  const behind = fellBehind(shards);
  const loadResult = figures(judged, shards, outcomes, behind);
  const parts = partsOf(outcomes, binding, loadResult, behind);
  const exited = running.exited();
  const robustness = binding.manifest.areas.robustness;
  if (exited !== undefined && robustness !== undefined) {
    parts.set(robustness, { id: robustness, judged: 1, broken: { crashed: 1 }, notes: [], inconclusive: [], breaches: [{ reason: "crashed", expected: "a server that outlives the run", seen: `it ended with ${exited.code ?? exited.signal}` }] });
  }
  const ids = new Set(parts.keys());
  const row = { name: `load/${scenario.name}`, title: scenario.summary, phase: "shared" as const, end: "ran" as const, because: "", startedAt: startedAt.getTime(), endedAt: Date.now(), parts: [...parts.values()] };
  const assembled = assembleResults({ requirements: binding.requirements, ids, rows: [row], gated: new Map(), planned: ids, profile, cutShortBecause: gathered.interrupted ? "interrupted" : undefined, lateBecause: undefined, death: undefined });
  const relevant = running.resolved.known.filter((entry) => ids.has(entry.id) && entry.rate === "sometimes");
  const { requirements } = applyKnown(assembled, relevant);
  const verdicts = [...requirements.filter(counts), ...loadResult.objectives.map((each) => ({ level: "SHOULD" as const, verdict: each.verdict })), ...(behind.length > 0 ? [{ level: "MUST" as const, verdict: "inconclusive" as const }] : [])];
  const firstFailure = shards.map((shard) => shard.firstFailure).find((text) => text !== undefined);
  const refused = shards.reduce((sum, shard) => sum + shard.refusedJoins, 0);
  const nobody = loadResult.joinMs.count === 0;
  const exitCode = exitCodeOf(
    { usageErrors: 0, harnessFaults: 0, interrupted: gathered.interrupted, staleKnown: 0, reached: !nobody || exited !== undefined, judged: requirements.length, verdicts },
    { failOnWarning: options.failOnWarning ?? false, allowInconclusive: options.allowInconclusive ?? false },
  );
  return {
    schema: "rollcall/result@1",
    command: "load",
    version,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    verdict: mergeAll(verdicts.map((each): Verdict => each.verdict)),
    exitCode,
    seed,
    profile,
    target: { name: running.resolved.name, url: running.resolved.urls[0], timeScale: running.resolved.timeScale, ...(options.mutant === undefined ? {} : { mutant: options.mutant.id }) },
    binding: binding.manifest.name,
    dialect: running.resolved.dialect,
    rerun: rerunOf(judged),
    requirements,
    load: loadResult,
    harness: {
      loopLagMsP99: Math.round(Math.max(...shards.map((shard) => shard.loopLagMsP99)) * 10) / 10,
      cpu: Math.round(Math.max(...shards.map((shard) => shard.cpu)) * 1000) / 1000,
      residentBytes: shards.reduce((sum, shard) => sum + shard.residentBytes, 0),
      workers: judged.workers,
      inconclusiveBecause: behind,
    },
    notes: refused === 0 ? [] : [`${refused} joins failed; the first: ${firstFailure ?? "no reason given"}`],
    interrupted: gathered.interrupted,
  };
}

function rerunOf({ options, scenario, parameters, seed }: Judged): string {
  const words = ["rollcall load", scenario.name, "--target", options.target, "--clients", parameters.clients, "--rooms", parameters.rooms, "--rate", parameters.ratePerSecond, "--duration", `${parameters.durationMs / 1000}s`, "--ramp", `${parameters.rampMs / 1000}s`];
  if (parameters.churnPerMinute > 0) words.push("--churn", parameters.churnPerMinute);
  if (options.mutant !== undefined) words.push("--mutant", options.mutant.id);
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

/** Why the run's figures cannot be trusted: the harness, not the server, was the limit. */
function fellBehind(shards: readonly ShardResult[]): readonly string[] {
  const reasons: string[] = [];
  const lag = Math.max(...shards.map((shard) => shard.loopLagMsP99));
  const cpu = Math.max(...shards.map((shard) => shard.cpu));
  const sum = (of: (shard: ShardResult) => number): number => shards.reduce((total, shard) => total + of(shard), 0);
  const planned = Math.max(1, sum((shard) => shard.planned));
  if (lag > LOOP_LAG_MS_MAX) reasons.push(`event-loop lag p99 ${lag.toFixed(0)} ms is over ${LOOP_LAG_MS_MAX} ms: use fewer clients, more --workers or a quieter machine`);
  if (cpu > CPU_MAX) reasons.push(`a worker used ${(cpu * 100).toFixed(0)} % of its core: use fewer clients or more --workers`);
  if (sum((shard) => shard.late) / planned > SHARE_LATE_MAX) reasons.push(`${sum((shard) => shard.late)} of ${planned} sends were late by over 50 ms`);
  if (sum((shard) => shard.dropped) / planned > SHARE_LATE_MAX) reasons.push(`${sum((shard) => shard.dropped)} of ${planned} planned acts found their client outside its room`);
  return reasons;
}

function figures(judged: Judged, shards: readonly ShardResult[], outcomes: ReadonlyMap<Property, CheckerOutcome>, behind: readonly string[]): LoadResult {
  const { gathered, scenario, parameters } = judged;
  const merge = (of: (done: Done) => string): ReturnType<typeof figuresOf> => {
    const merged = createHdr();
    for (const done of gathered.done) merged.merge(of(done));
    return figuresOf(merged);
  };
  const sum = (of: (done: Done) => number): number => gathered.done.reduce((total, done) => total + of(done), 0);
  const delivered = sum((done) => done.delivered);
  const expected = sum((done) => done.expected);
  const actMs = Math.max(...shards.map((shard) => shard.actMs));
  const deliveryMs = merge((done) => done.deliveryMs);
  const convergenceMs = merge((done) => done.convergenceMs);
  const reach = expected === 0 ? 1 : delivered / expected;
  const violations = [...outcomes.values()].reduce((total, outcome) => total + Object.values(outcome.broken).reduce((one, two) => one + two, 0), 0);
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
    sent: sum((done) => done.result.sent),
    late: sum((done) => done.result.late),
    plannedPerSecond: Math.round((sum((done) => done.result.planned) / actMs) * 10_000) / 10,
    achievedPerSecond: Math.round((sum((done) => done.result.sent) / actMs) * 10_000) / 10,
    series: gathered.series,
    objectives: judgeObjectives(scenario.objectives, { deliveryMsP99: deliveryMs.p99, convergenceMsP99: convergenceMs.p99, reach, violations }, delivered, behind),
  };
}

function judgeObjectives(wanted: Objectives, got: Required<Objectives>, delivered: number, behind: readonly string[]): LoadResult["objectives"] {
  const rows: { name: string; wanted: string; got: string; verdict: Verdict }[] = [];
  const timed = (isMet: boolean): Verdict => (delivered === 0 ? "inconclusive" : isMet ? "pass" : behind.length > 0 ? "inconclusive" : "warning");
  if (wanted.deliveryMsP99 !== undefined) rows.push({ name: "delivery p99", wanted: `≤ ${wanted.deliveryMsP99} ms`, got: `${got.deliveryMsP99} ms`, verdict: timed(got.deliveryMsP99 <= wanted.deliveryMsP99) });
  if (wanted.convergenceMsP99 !== undefined) rows.push({ name: "convergence p99", wanted: `≤ ${wanted.convergenceMsP99} ms`, got: `${got.convergenceMsP99} ms`, verdict: timed(got.convergenceMsP99 <= wanted.convergenceMsP99) });
  if (wanted.reach !== undefined) rows.push({ name: "reach", wanted: `${wanted.reach}`, got: `${got.reach}`, verdict: delivered === 0 ? "inconclusive" : got.reach >= wanted.reach ? "pass" : "fail" });
  if (wanted.violations !== undefined) rows.push({ name: "violations", wanted: `${wanted.violations}`, got: `${got.violations}`, verdict: got.violations <= wanted.violations ? "pass" : "fail" });
  return rows;
}

/** Findings by the requirement they break, as the binding's manifest says. */
function partsOf(outcomes: ReadonlyMap<Property, CheckerOutcome>, binding: Binding, figures: LoadResult, behind: readonly string[]): Map<RequirementId, RowPart> {
  const parts = new Map<RequirementId, RowPart>();
  const add = (id: RequirementId, part: Omit<RowPart, "id">): void => {
    const before = parts.get(id) ?? { id, judged: 0, broken: {}, breaches: [], notes: [], inconclusive: [] };
    const broken: Partial<Record<Reason, number>> = { ...before.broken };
    for (const [reason, count] of Object.entries(part.broken) as [Reason, number][]) broken[reason] = (broken[reason] ?? 0) + count;
    parts.set(id, { id, judged: before.judged + part.judged, broken, breaches: [...before.breaches, ...part.breaches], notes: [...before.notes, ...part.notes], inconclusive: [...before.inconclusive, ...part.inconclusive] });
  };
  for (const [property, outcome] of outcomes) {
    const judge = binding.manifest.judges[property];
    if (judge === undefined || (outcome.judged === 0 && Object.keys(outcome.broken).length === 0)) continue;
    const why = outcome.inconclusiveBecause;
    add(requirementFor(judge, undefined), { judged: outcome.judged, broken: {}, breaches: [], notes: [], inconclusive: why === undefined ? [] : [why] });
    for (const [reason, count] of Object.entries(outcome.broken) as [Reason, number][]) {
      const breaches = outcome.findings.filter((finding) => finding.reason === reason).map((finding) => ({ reason, expected: finding.expected, seen: `${finding.seen} (client ${finding.client}, room ${finding.room})`, witness: finding.witness }));
      add(requirementFor(judge, reason), { judged: 0, broken: { [reason]: count }, breaches, notes: [], inconclusive: [] });
    }
  }
  const latency = binding.manifest.judges.latency;
  if (latency !== undefined && figures.delivered > 0) add(requirementFor(latency, "late"), latencyPart(binding, figures, behind));
  return parts;
}

function latencyPart(binding: Binding, figures: LoadResult, behind: readonly string[]): Omit<RowPart, "id"> {
  const budgetMs = binding.manifest.budgets.deliveryMsP95;
  const notes = [`delivery p50 ${figures.deliveryMs.p50} ms, p95 ${figures.deliveryMs.p95} ms, p99 ${figures.deliveryMs.p99} ms, max ${figures.deliveryMs.max} ms`];
  if (behind.length > 0) return { judged: 0, broken: {}, breaches: [], notes, inconclusive: behind };
  if (budgetMs === undefined || figures.deliveryMs.p95 <= budgetMs) return { judged: 1, broken: {}, breaches: [], notes, inconclusive: [] };
  return { judged: 1, broken: { late: 1 }, breaches: [{ reason: "late", expected: `delivery p95 ≤ ${budgetMs} ms`, seen: `p95 ${figures.deliveryMs.p95} ms` }], notes, inconclusive: [] };
}

function requirementFor(judge: Judge, reason: Reason | undefined): RequirementId {
  if (typeof judge === "string") return judge;
  return (reason === undefined ? undefined : judge[reason]) ?? judge.otherwise;
}

