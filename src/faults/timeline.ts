import type { FaultAction, FaultEntry, FaultKind, FaultPlan, FaultTime, FaultWhom } from "../core/fault.ts";
import type { Prng } from "../core/prng.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { wordsOf } from "./words.ts";

/**
 * The last part of a run's time, in which nothing is wrong: `heal()` stands at its begin, whatever a plan says, so that
 * the final checks look at a system that had time to recover.
 */
export const HEALED_SHARE = 0.2;

/** Clients are told apart by their lane (number modulo lanes): one lane is one percent of them, or one client of fewer. */
export const LANES_MAX = 100;

/** A fault that comes again more often than this is a mistake in the plan. */
const OCCURRENCES_MAX = 1000;

/** Each time a fault begins: whom it strikes is decided. Times in milliseconds from the start of the load. */
export interface PlannedFault {
  /** Place in the timeline, from 0. */
  readonly id: number;
  readonly action: FaultAction;
  readonly what: string;
  readonly whom: string;
  readonly beginMs: number;
  readonly endMs: number;
  /** Lanes of the clients that it strikes, of faults on the way. */
  readonly lanes: readonly number[];
  /** Replicas that it strikes, by index. */
  readonly replicas: readonly number[];
}

/** A plan as it will be carried out. */
export interface Timeline {
  readonly plan: string;
  readonly faults: readonly PlannedFault[];
  /** When all is healed at the latest. */
  readonly healMs: number;
  readonly lanes: number;
  /** Why parts of the plan cannot be: each ends a run before it begins. */
  readonly mistakes: readonly string[];
}

const ON_THE_WAY: ReadonlySet<FaultKind> = new Set(["latency", "bandwidth", "cut", "reset", "half-open", "slow-close"]);

/** Whether a fault lies on the way between clients and server: it needs the proxy. */
export function isOnTheWay(kind: FaultKind): boolean {
  return ON_THE_WAY.has(kind);
}

/** A plan with the run's times, clients and replicas filled in; the same prng gives the same timeline. */
export function timelineOf(
  plan: FaultPlan,
  { rampMs, durationMs, clients }: Pick<ScenarioParameters, "rampMs" | "durationMs" | "clients">,
  replicas: number,
  prng: Prng,
): Timeline {
  const lanes = Math.min(clients, LANES_MAX);
  const healMs = rampMs + durationMs * (1 - HEALED_SHARE);
  const ms = (time: FaultTime): number => ("ms" in time ? time.ms : time.share * durationMs);
  const drawn: Omit<PlannedFault, "id">[] = [];
  const mistakes: string[] = [];
  for (const [index, entry] of plan.faults.entries()) {
    const what = wordsOf(entry.action);
    const everyMs = entry.every === undefined ? undefined : ms(entry.every);
    let beginMs = rampMs + ms(entry.at);
    if (beginMs >= healMs)
      mistakes.push(`${what}: it begins after ${Math.round((1 - HEALED_SHARE) * 100)} % of the time, when all must be healed`);
    if (everyMs !== undefined && !(everyMs > 0 && (healMs - beginMs) / everyMs <= OCCURRENCES_MAX)) {
      mistakes.push(`${what}: it comes more than ${OCCURRENCES_MAX} times`);
      continue;
    }
    for (let time = 0; beginMs < healMs; time += 1) {
      const struck = strike(entry, lanes, clients, replicas, prng.fork(`${plan.name}/${index}/${time}`));
      drawn.push({ action: entry.action, what, beginMs, endMs: Math.min(healMs, beginMs + ms(entry.during)), ...struck });
      if (everyMs === undefined) break;
      beginMs += everyMs;
    }
  }
  const faults = drawn.toSorted((left, right) => left.beginMs - right.beginMs).map((fault, id) => ({ ...fault, id }));
  return { plan: plan.name, faults, healMs, lanes, mistakes };
}

function strike(
  { action, whom }: FaultEntry,
  lanes: number,
  clients: number,
  replicas: number,
  prng: Prng,
): Pick<PlannedFault, "lanes" | "replicas" | "whom"> {
  const allLanes = Array.from({ length: lanes }, (_, index) => index);
  const allReplicas = Array.from({ length: replicas }, (_, index) => index);
  if (action.kind === "away") return { lanes: [], replicas: [], whom: action.of };
  const chosen = replicasOf(whom, allReplicas, prng);
  const names =
    chosen.length === replicas ? (replicas === 1 ? "the server" : "all replicas") : `replica ${chosen.map((each) => each + 1).join(", ")}`;
  if (!isOnTheWay(action.kind)) return { lanes: allLanes, replicas: chosen, whom: names };
  if (typeof whom === "object" && "clients" in whom) {
    const count = Math.max(1, Math.min(lanes, Math.round(whom.clients * lanes)));
    const struck = shuffled(allLanes, prng)
      .slice(0, count)
      .toSorted((left, right) => left - right);
    const inLanes = struck.reduce((sum, lane) => sum + Math.floor((clients - lane - 1) / lanes) + 1, 0);
    return { lanes: struck, replicas: allReplicas, whom: `${inLanes} of ${clients} clients` };
  }
  return { lanes: allLanes, replicas: chosen, whom: whom === "all" ? `all ${clients} clients` : `clients of ${names}` };
}

function replicasOf(whom: FaultWhom, all: readonly number[], prng: Prng): readonly number[] {
  if (whom === "all" || "clients" in whom) return all;
  const first = prng.below(all.length);
  const count = Math.min(whom.replicas, all.length);
  return Array.from({ length: count }, (_, index) => (first + index) % all.length).toSorted((left, right) => left - right);
}

function shuffled<T>(items: readonly T[], prng: Prng): T[] {
  const left = [...items];
  for (let index = left.length - 1; index > 0; index -= 1) {
    const other = prng.below(index + 1);
    [left[index], left[other]] = [left[other] as T, left[index] as T];
  }
  return left;
}
