import { cpus } from "node:os";
import type { CapacityLevel } from "../core/capacity.ts";
import type { RequirementResult, Result } from "../core/result.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import type { TriedLevel } from "../load/search.ts";
import { counts } from "./known.ts";

/** How a load run came out as a level of a search. */
export type LevelFinding = Pick<TriedLevel, "outcome" | "isSoft"> & { readonly because: readonly string[] };

/**
 * What a load run says of its level. Met is a run that passed in every respect. Where the harness fell behind, what
 * broke may be its doing, and the level is inconclusive, but for a server that died. Clients that could not come into
 * their rooms, or lost them, are the server's doing.
 */
export function findingOf(result: Result): LevelFinding {
  const requirements = result.requirements.filter(counts);
  const broken = requirements.filter(({ verdict }) => verdict === "fail" || verdict === "warning");
  const missed = result.load?.objectives.filter(({ verdict }) => verdict === "fail" || verdict === "warning") ?? [];
  const words = [
    ...broken.map((each) => `${each.id}: ${each.observed}`),
    ...missed.map(({ name, got, wanted }) => `${name} ${got}, wanted ${wanted}`),
  ];
  const isDead = broken.some(({ reasons }) => reasons.includes("crashed"));
  if (isDead) return { outcome: "failed", isSoft: false, because: words };
  const behind = result.harness.inconclusiveBecause;
  if (behind.length > 0) return { outcome: "inconclusive", isSoft: true, because: behind };
  if (words.length > 0) return { outcome: "failed", isSoft: isOfLuck(broken, missed), because: words };
  if (result.verdict === "pass") return { outcome: "met", isSoft: false, because: [] };
  if (isKeptOut(result)) return { outcome: "failed", isSoft: true, because: result.notes };
  const open = requirements.filter(({ verdict }) => verdict === "inconclusive").map(({ id, observed }) => `${id}: ${observed}`);
  return { outcome: "inconclusive", isSoft: true, because: open.length > 0 ? open : ["too little was seen to judge"] };
}

/** Figures may be better another time; what was lost, doubled or wrong was so. */
function isOfLuck(broken: readonly RequirementResult[], missed: readonly { readonly verdict: string }[]): boolean {
  const isFigures = broken.every(({ reasons }) => reasons.every((reason) => reason === "late"));
  return isFigures && (broken.length > 0 || missed.every(({ verdict }) => verdict === "warning"));
}

function isKeptOut({ load }: Result): boolean {
  return load !== undefined && (load.joinMs.count < load.clients || load.dropped > 0);
}

/** A level as the result document has it. */
export function levelOf(
  result: Result,
  step: Pick<TriedLevel, "at" | "phase">,
  parameters: ScenarioParameters,
  { outcome, because }: LevelFinding,
  machineCpu: number,
): CapacityLevel {
  const { load, harness } = result;
  const nothing = { count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0 };
  const { clients, rooms, ratePerSecond, durationMs } = parameters;
  return {
    ...step,
    outcome,
    verdict: result.verdict,
    because,
    clients,
    rooms,
    ratePerSecond,
    durationMs,
    plannedPerSecond: load?.plannedPerSecond ?? 0,
    achievedPerSecond: load?.achievedPerSecond ?? 0,
    deliveredPerSecond: Math.round(((load?.delivered ?? 0) / durationMs) * 10_000) / 10,
    reach: load?.reach ?? 0,
    deliveryMs: load?.deliveryMs ?? nothing,
    harness: { loopLagMsP99: harness.loopLagMsP99, cpu: harness.cpu, machineCpu },
    rerun: result.rerun,
  };
}

/** How busy this machine is, whoever the cause: a server on the same machine shares it with the harness. */
export interface MachineWatch {
  /** Called once a second of the run, with its second. */
  tick(second: number): void;
  /** Share of all cores that were busy from `fromMs` to `toMs` of the run, 0…1; 0 when that is not known. */
  busy(fromMs: number, toMs: number): number;
}

/** Begins to watch; `tick` is called by the run. */
export function watchMachine(): MachineWatch {
  const seen: { readonly atMs: number; readonly idle: number; readonly total: number }[] = [];
  return {
    tick: (second) => {
      const times = cpus().map((core) => core.times);
      const idle = times.reduce((sum, each) => sum + each.idle, 0);
      const total = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle);
      seen.push({ atMs: second * 1000, idle, total });
    },
    busy: (fromMs, toMs) => {
      const within = seen.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const [first, last] = [within[0], within.at(-1)];
      if (first === undefined || last === undefined || last.total <= first.total) return 0;
      return Math.round((1 - (last.idle - first.idle) / (last.total - first.total)) * 1000) / 1000;
    },
  };
}
