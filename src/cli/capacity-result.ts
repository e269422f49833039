import type { CapacityLevel, CapacityLimit, CapacityResult } from "../core/capacity.ts";
import type { Result } from "../core/result.ts";
import type { Verdict } from "../core/verdict.ts";
import { answerSoFar, kneeOf, type SearchRange, type TriedLevel } from "../load/search.ts";
import { INTERRUPTED } from "./interrupt.ts";

/** Above this share of all cores, server and harness on one machine are in each other's way. */
const MACHINE_BUSY = 0.9;

/** What the levels of a search come to. */
export function capacityOf(
  about: Pick<CapacityResult, "scenario" | "by" | "holdMs">,
  range: SearchRange,
  levels: readonly CapacityLevel[],
  tried: readonly TriedLevel[],
): CapacityResult {
  const { at, isConfirmed, bound } = answerSoFar(range, tried);
  const lastAt = (level: number): number => levels.findLastIndex((each) => each.at === level);
  const knee = kneeOf(
    levels
      .filter(({ outcome }) => outcome !== "inconclusive")
      .map((level) => ({
        at: level.at,
        throughput: level.deliveredPerSecond > 0 ? level.deliveredPerSecond : level.achievedPerSecond,
        latencyMs: level.deliveryMs.p99,
      })),
  );
  const limit: CapacityLimit =
    bound !== undefined
      ? { kind: bound.outcome === "failed" ? "server" : "harness", at: bound.at, because: levels[lastAt(bound.at)]?.because ?? [] }
      : at !== undefined && at >= range.to
        ? { kind: "asked", at: range.to }
        : { kind: "open" };
  const { from, to, resolution } = range;
  return {
    ...about,
    from,
    to,
    resolution,
    levels,
    ...(at === undefined ? {} : { answer: { at, isConfirmed, level: lastAt(at) } }),
    limit,
    ...(knee === undefined ? {} : { kneeAt: knee }),
  };
}

/**
 * The exit code of a search, the first that applies: 130 interrupted · 0 a level was confirmed, unless the harness was
 * the limit before any level failed: then 4, for the server's own limit was never seen (`allowInconclusive`: 0) ·
 * 1 the lowest level failed · 4 nothing was confirmed. 3, when the first level reached nobody, is that of its load run.
 */
export function capacityExit(
  { answer, limit, levels }: Pick<CapacityResult, "answer" | "limit" | "levels">,
  isInterrupted: boolean,
  allowInconclusive: boolean,
): number {
  if (isInterrupted) return INTERRUPTED;
  const hasFailed = levels.some(({ outcome }) => outcome === "failed");
  if (answer?.isConfirmed === true) return limit.kind === "harness" && !hasFailed && !allowInconclusive ? 4 : 0;
  return answer === undefined && limit.kind === "server" ? 1 : 4;
}

/** The verdict that goes with an exit code. */
export function capacityVerdict(exitCode: number): Verdict {
  return exitCode === 0 ? "pass" : exitCode === 1 ? "fail" : "inconclusive";
}

/** The result document of a search: that of the level that answers it (or of the last one) with the search beside it. */
export function capacityDocument(found: {
  readonly capacity: CapacityResult;
  readonly shown: Result;
  readonly isInterrupted: boolean;
  readonly allowInconclusive: boolean;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly rerun: string;
  readonly notes: readonly string[];
}): Result {
  const { capacity, shown, isInterrupted, startedAt, endedAt, rerun } = found;
  const isUnreached = capacity.levels.length <= 1 && shown.exitCode === 3;
  const exitCode = isUnreached ? shown.exitCode : capacityExit(capacity, isInterrupted, found.allowInconclusive);
  return {
    ...shown,
    command: "capacity",
    startedAt: startedAt.toISOString(),
    durationMs: endedAt.getTime() - startedAt.getTime(),
    verdict: capacityVerdict(exitCode),
    exitCode,
    rerun,
    capacity,
    notes: [...shown.notes, ...found.notes, ...sharedMachine(capacity)],
    interrupted: isInterrupted,
  };
}

/** A limit that was met while the whole machine was busy is that of both that share it. */
function sharedMachine({ limit, levels }: CapacityResult): readonly string[] {
  if (limit.kind !== "server") return [];
  const busy = levels.findLast(({ at }) => at === limit.at)?.harness.machineCpu ?? 0;
  return busy < MACHINE_BUSY
    ? []
    : [
        `this machine was ${(busy * 100).toFixed(0)} % busy at ${limit.at}: a server that shares it with the harness may hold more on its own`,
      ];
}
