import { randomBytes } from "node:crypto";
import type { CapacityLevel, CapacityResult } from "../core/capacity.ts";
import { HarnessError } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { nextStep, type SearchRange, type TriedLevel } from "../load/search.ts";
import { findingOf, levelOf, watchMachine } from "./capacity-level.ts";
import { capacityDocument, capacityOf } from "./capacity-result.ts";
import { type Ground, type LoadOptions, openGround, playOn } from "./load.ts";
import { scenarioNamed } from "./scenario-named.ts";

export interface CapacityOptions extends Omit<LoadOptions, "record"> {
  /** What is raised: the writes a second of each client, or the clients. Default: the rate, where the scenario writes. */
  readonly by?: CapacityResult["by"];
  /** The lowest level; default the scenario's own. Not even this: no capacity. */
  readonly from?: number;
  /** The highest level; default far beyond one machine. */
  readonly to?: number;
  /** How long a level is held. */
  readonly holdMs?: number;
  /** Share by which a level that holds and one that does not may differ at the end. */
  readonly resolution?: number;
  /** Told of each level when it is done, with its whole result. */
  readonly onLevel?: (level: CapacityLevel, result: Result) => void | Promise<void>;
}

const HOLD_MS = 10_000;
const RESOLUTION = 0.05;

/** What was found is held this many times longer: what builds up slowly shows. */
const CONFIRM_TIMES = 3;

/** Beyond these the harness is the limit on any machine of today. */
const TO_DEFAULT = { rate: 1000, clients: 100_000 } as const;

/** Clients that come in a second at most, unless a ramp is asked for: a level must not fail by how it begins. */
const JOINS_PER_SECOND = 250;

/** After a level that did not hold the server works off what is left. */
const SETTLE_MS = 2000;

/**
 * Finds the greatest rate, or number of clients, at which a scenario's objectives are met without a violation. Each
 * level is a load run; one server serves all of them, started again only when it died and is ours.
 * @throws HarnessError for mistakes of the user, a target never reached, and faults of our own.
 */
export async function capacity(options: CapacityOptions): Promise<Result> {
  const startedAt = new Date();
  const search = searchOf(options);
  const seed = options.seed ?? randomBytes(6).toString("hex");
  options.onProgress?.({ kind: "stage", text: "starting the directory and the target" });
  const ground = await openGround(options);
  try {
    const within = fitted(search, ground.running.resolved.clientsMax);
    const found = await climb(ground, { ...options, seed }, within);
    return documentOf(found, within, { ...options, seed }, startedAt);
  } finally {
    await ground.close();
  }
}

interface Search {
  readonly by: CapacityResult["by"];
  readonly range: SearchRange;
  readonly holdMs: number;
  readonly base: ScenarioParameters;
}

/**
 * What is searched, with defaults filled in.
 * @throws HarnessError `usage` for a range that is none.
 */
export function searchOf(options: CapacityOptions): Search {
  const base = { ...scenarioNamed(options.scenario).defaults, ...options.parameters };
  const by = options.by ?? (base.ratePerSecond > 0 ? "rate" : "clients");
  const from = options.from ?? (by === "clients" ? base.clients : base.ratePerSecond > 0 ? base.ratePerSecond : 1);
  const to = options.to ?? Math.max(from, TO_DEFAULT[by]);
  const resolution = options.resolution ?? RESOLUTION;
  const wrong = (what: string): never => {
    throw new HarnessError("usage", what, { hint: "see rollcall capacity --help" });
  };
  if (!(from > 0)) wrong(`--from must be more than 0, not ${from}`);
  if (!(to >= from)) wrong(`--to ${to} is below --from ${from}`);
  if (by === "clients" && !(Number.isInteger(from) && Number.isInteger(to))) wrong("--from and --to are whole numbers of clients");
  if (!(resolution > 0 && resolution <= 1)) wrong("--resolution is a share such as 5%");
  return { by, range: { from, to, resolution, isWhole: by === "clients" }, holdMs: options.holdMs ?? HOLD_MS, base };
}

/** A target says how many clients it takes at most. */
function fitted(search: Search, clientsMax: number | undefined): Search {
  const { range } = search;
  if (search.by === "rate" || clientsMax === undefined || clientsMax >= range.to) return search;
  if (clientsMax < range.from) {
    throw new HarnessError("usage", `${range.from} clients are more than the target allows (clientsMax ${clientsMax})`, {
      hint: "lower --from, or raise clientsMax in the target file",
    });
  }
  return { ...search, range: { ...range, to: clientsMax } };
}

/** The load run of a level. */
export function parametersAt({ by, base, holdMs }: Search, step: Pick<TriedLevel, "at" | "phase">, rampMs?: number): ScenarioParameters {
  const durationMs = step.phase === "confirm" ? holdMs * CONFIRM_TIMES : holdMs;
  if (by === "rate") return { ...base, durationMs, ratePerSecond: step.at };
  const perRoom = base.clients / base.rooms;
  const rooms = Math.max(1, Math.min(step.at, Math.ceil(step.at / perRoom)));
  return {
    ...base,
    durationMs,
    clients: step.at,
    rooms,
    rampMs: rampMs ?? Math.max(base.rampMs, Math.ceil(step.at / JOINS_PER_SECOND) * 1000),
  };
}

/** The levels in their order, the result of each, and what was under way when the search was cut short. */
interface Climb {
  readonly levels: readonly CapacityLevel[];
  readonly tried: readonly TriedLevel[];
  readonly results: readonly Result[];
  readonly partial: Result | undefined;
  readonly notes: readonly string[];
}

async function climb(ground: Ground, options: CapacityOptions, search: Search): Promise<Climb> {
  const levels: CapacityLevel[] = [];
  const tried: TriedLevel[] = [];
  const results: Result[] = [];
  const notes: string[] = [];
  const ended = (partial?: Result): Climb => ({ levels, tried, results, partial, notes });
  for (;;) {
    const step = nextStep(search.range, tried);
    if (step.kind === "done" || (options.signal?.aborted === true && results.length > 0)) return ended();
    const { at, phase } = step;
    const parameters = parametersAt(search, step, options.parameters?.rampMs);
    const machine = watchMachine();
    const result = await playOn(ground, {
      ...options,
      parameters,
      onProgress: (progress) => {
        if (progress.kind === "second") machine.tick(progress.point.t);
        options.onProgress?.(progress);
      },
    });
    if (result.interrupted) return ended(result);
    const finding = findingOf(result);
    const { rampMs, durationMs } = parameters;
    const level = levelOf(
      { ...result, rerun: [result.rerun, ...extrasOf(options)].join(" ") },
      { at, phase },
      parameters,
      finding,
      machine.busy(rampMs, rampMs + durationMs),
    );
    levels.push(level);
    tried.push({ at, phase, outcome: finding.outcome, isSoft: finding.isSoft });
    results.push(result);
    await options.onLevel?.(level, result);
    const gone = await revive(ground, result, (text) => options.onProgress?.({ kind: "stage", text }));
    if (gone !== undefined) {
      notes.push(gone);
      return ended();
    }
    if (finding.outcome !== "met") await pause(SETTLE_MS, options.signal);
  }
}

/** Starts a server again that ended, where it is ours; says why the search can not go on when it can not. */
async function revive({ running }: Ground, { load }: Result, say: (text: string) => void): Promise<string | undefined> {
  if (running.exited() === undefined) {
    const isGone = running.process === undefined && load?.joinMs.count === 0;
    return isGone ? "no client came into a room any more: the search ends here" : undefined;
  }
  if (running.process === undefined) return "the server ended, and its target file lets nobody start it again: the search ends here";
  say("the server ended: starting it again");
  try {
    await running.process.restart();
    return undefined;
  } catch (error) {
    return `the server ended and did not start again: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function documentOf(found: Climb, search: Search, options: CapacityOptions, startedAt: Date): Result {
  const { levels, tried, results, partial, notes } = found;
  const about = { scenario: options.scenario, by: search.by, holdMs: search.holdMs };
  const capacityFound = capacityOf(about, search.range, levels, tried);
  const shown = results[capacityFound.answer?.level ?? results.length - 1] ?? partial;
  if (shown === undefined) throw new HarnessError("internal", "a search without a level");
  return capacityDocument({
    capacity: capacityFound,
    shown,
    isInterrupted: options.signal?.aborted ?? false,
    allowInconclusive: options.allowInconclusive ?? false,
    startedAt,
    endedAt: new Date(),
    rerun: rerunOf(search, options),
    notes,
  });
}

/** What a load run's own command does not say, and a level was run with. */
function extrasOf({ workers, transport, profile }: Pick<CapacityOptions, "workers" | "transport" | "profile">): readonly string[] {
  return [
    ...(workers === undefined ? [] : ["--workers", String(workers)]),
    ...(transport === undefined ? [] : ["--transport", transport]),
    ...(profile === undefined || profile === "mvp" ? [] : ["--profile", profile]),
  ];
}

function rerunOf({ by, range, holdMs }: Search, { scenario, target, parameters, ...options }: CapacityOptions): string {
  const given = Object.entries({
    "--clients": parameters?.clients,
    "--rooms": parameters?.rooms,
    "--rate": parameters?.ratePerSecond,
    "--ramp": parameters?.rampMs === undefined ? undefined : `${parameters.rampMs / 1000}s`,
    "--churn": parameters?.churnPerMinute,
    "--dialect": options.dialect,
    "--replicas": options.replicas,
    "--mutant": options.mutant?.id,
    "--seed": options.seed,
  }).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
  const { from, to, resolution } = range;
  const asked = ["--by", by, "--from", from, "--to", to, "--hold", `${holdMs / 1000}s`];
  const share = `${Number((resolution * 100).toPrecision(6))}%`;
  return ["npx rollcall capacity", scenario, "--target", target, ...asked, "--resolution", share, ...given, ...extrasOf(options)].join(" ");
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
