import type { Observation } from "./observation.ts";
import type { Reason } from "./reason.ts";

/** What a checker looks at; one checker a property. */
export const PROPERTIES = [
  "delivery",
  "order",
  "convergence",
  "guarantees",
  "snapshot",
  "presence",
  "lifecycle",
  "isolation",
  "refusals",
  "kept",
  "typing",
  "hints",
  "endings",
  "statuses",
  "latency",
] as const;

export type Property = (typeof PROPERTIES)[number];

/** One message of a witness, drawn as an arrow between two lifelines. */
export interface WitnessStep {
  readonly atMs: number;
  /** `server`, or `client 17`. */
  readonly from: string;
  readonly to: string;
  /** A few words, such as `PLAYBACK_UPDATED a=3 n=7`. */
  readonly label: string;
  /** The raw frame, cut at 2,000 characters; binary as hexadecimal. */
  readonly frame?: string;
  /** Marks the step that breaks the requirement. */
  readonly isBad?: boolean;
}

/** A broken property with the smallest witness the checker can give. */
export interface Finding {
  readonly property: Property;
  readonly reason: Reason;
  readonly room: string;
  readonly client: number;
  readonly expected: string;
  readonly seen: string;
  readonly witness: readonly WitnessStep[];
  /** It rests on how long something took: a harness that fell behind may have made it itself. */
  readonly isTimed?: true;
}

/** What a checker has to say: findings are capped, `broken` counts all; `judged` 0 means it observed nothing. */
export interface CheckerOutcome {
  readonly property: Property;
  /** How many times the property was judged. */
  readonly judged: number;
  readonly broken: Readonly<Partial<Record<Reason, number>>>;
  /** Of `broken`, those that rest on time; left out where none do. */
  readonly timed?: Readonly<Partial<Record<Reason, number>>>;
  readonly findings: readonly Finding[];
  /** Set when a bound was met or a precondition missing. */
  readonly inconclusiveBecause?: string;
}

/**
 * A fold over observations for one property; knows no protocol and no socket. Online, constant work per observation,
 * bounded memory. Outcomes are plain JSON: merged over disjoint sets of rooms, in any order, they are the outcome of
 * one checker that had seen all (see `mergeOutcomes`).
 */
export interface Checker {
  readonly property: Property;
  /** Observations of one client come in their own order; of several, in the order of `atMs`. */
  observe(observation: Observation): void;
  /** Ends the fold. Called once, after the run is quiet. */
  finish(nowMs: number): CheckerOutcome;
}

/** Several checkers that watch the same run. */
export interface Panel {
  observe(observation: Observation): void;
  /** Ends all folds. Called once, after the run is quiet. */
  finish(nowMs: number): readonly CheckerOutcome[];
}

/** At most this many findings are kept a reason and property: enough to see a pattern, small enough for a report. */
export const FINDINGS_MAX = 10;

/** The outcome of two checkers that watched disjoint sets of rooms. */
export function mergeOutcomes(left: CheckerOutcome, right: CheckerOutcome): CheckerOutcome {
  const why = left.inconclusiveBecause ?? right.inconclusiveBecause;
  return {
    property: left.property,
    judged: left.judged + right.judged,
    broken: sumOf(left.broken, right.broken),
    ...(left.timed === undefined && right.timed === undefined ? {} : { timed: sumOf(left.timed ?? {}, right.timed ?? {}) }),
    findings: capFindings([...left.findings, ...right.findings]),
    ...(why === undefined ? {} : { inconclusiveBecause: why }),
  };
}

type Counts = Readonly<Partial<Record<Reason, number>>>;

function sumOf(left: Counts, right: Counts, sign: 1 | -1 = 1): Counts {
  const sum: Partial<Record<Reason, number>> = { ...left };
  for (const [reason, count] of Object.entries(right) as [Reason, number][]) sum[reason] = (sum[reason] ?? 0) + sign * count;
  return sum;
}

/** What is left of an outcome when no time is to be trusted: what rests on one is not broken, and not judged either. */
export function withoutTimed(outcome: CheckerOutcome, why: string): CheckerOutcome {
  const { timed, ...rest } = outcome;
  const count = Object.values(timed ?? {}).reduce((sum, each) => sum + each, 0);
  if (timed === undefined || count === 0) return rest;
  const left = Object.entries(sumOf(outcome.broken, timed, -1)).filter(([, each]) => each > 0);
  const reasons = Object.keys(timed).join(", ");
  return {
    ...rest,
    broken: Object.fromEntries(left),
    findings: outcome.findings.filter(({ isTimed }) => isTimed !== true),
    inconclusiveBecause: outcome.inconclusiveBecause ?? `not judged ${count} times (${reasons}), for the harness fell behind: ${why}`,
  };
}

/** The first FINDINGS_MAX of each reason, those that rest on time apart, in a stable order. */
export function capFindings(findings: readonly Finding[]): readonly Finding[] {
  const kept = new Map<string, number>();
  return findings.filter(({ reason, isTimed }) => {
    const name = `${reason} ${isTimed ?? false}`;
    const count = kept.get(name) ?? 0;
    kept.set(name, count + 1);
    return count < FINDINGS_MAX;
  });
}
