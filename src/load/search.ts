/** How a level of load came out: `inconclusive` says that the harness, not the server, was in the way. */
export type LevelOutcome = "met" | "failed" | "inconclusive";

/** Why a level is tried: going up, closing in, or holding what was found for longer. */
export type LevelPhase = "ramp" | "bisect" | "confirm";

/** What is searched. Levels are rates or numbers of clients; more of it is more load. */
export interface SearchRange {
  /** The lowest level, more than 0. */
  readonly from: number;
  /** The highest level; reaching it ends the search. */
  readonly to: number;
  /** The search ends once the lowest level that did not hold is within this share above the highest that did. */
  readonly resolution: number;
  /** Whether only whole numbers are levels, as for clients. */
  readonly isWhole: boolean;
}

/** A level that was tried. */
export interface TriedLevel {
  readonly at: number;
  readonly phase: LevelPhase;
  readonly outcome: LevelOutcome;
  /**
   * Whether trying again may well show something else: a figure that was missed, a harness that fell behind. A lost
   * message or a server that died is no matter of luck.
   */
  readonly isSoft: boolean;
}

/** What the levels so far come to. */
export interface SearchAnswer {
  /** The highest level that held; undefined when none did. */
  readonly at: number | undefined;
  /** Whether it held also in the longer confirming window. */
  readonly isConfirmed: boolean;
  /** The lowest level above it that did not hold; undefined when the highest level asked for held. */
  readonly bound: { readonly at: number; readonly outcome: Exclude<LevelOutcome, "met"> } | undefined;
}

export type SearchStep =
  | { readonly kind: "try"; readonly at: number; readonly phase: LevelPhase }
  | { readonly kind: "done"; readonly answer: SearchAnswer };

/** Each level of the ramp is this many times the one before it. */
export const GROWTH = 2;

/**
 * Levels in one search at most. From 1 to 1,000,000 the ramp takes 21, closing in to 1 % takes 7, and each confirming
 * window that fails takes a few more; a limit that is all noise must not hold a machine for ever.
 */
export const LEVELS_MAX = 48;

/** A level as people write it: three significant digits, so that the command that runs it again says the same number. */
function rounded(value: number, isWhole: boolean): number {
  return isWhole ? Math.round(value) : Number(value.toPrecision(3));
}

/** Where the search stands: the highest level that held below the lowest that did not. */
function standing(range: SearchRange, tried: readonly TriedLevel[]): SearchAnswer {
  // A level counts as its last try, and a confirming window counts above a shorter one.
  const last = new Map<number, TriedLevel>();
  for (const level of tried) last.set(level.at, level);
  let bound: SearchAnswer["bound"];
  for (const { at, outcome } of last.values()) {
    if (outcome !== "met" && (bound === undefined || at < bound.at)) bound = { at, outcome };
  }
  let at: number | undefined;
  for (const level of last.values()) {
    const isBelow = bound === undefined || level.at < bound.at;
    if (level.outcome === "met" && isBelow && (at === undefined || level.at > at)) at = level.at;
  }
  const isConfirmed = at !== undefined && last.get(at)?.phase === "confirm";
  return { at, isConfirmed, bound };
}

/**
 * The next step of a search for the highest level that holds, as a function of the levels tried so far: it goes up by
 * GROWTH until a level does not hold, halves the gap (as a ratio) until it is within the resolution, then holds what it
 * found in a confirming window. A confirming window that fails is a bound like any other, and the search goes on below
 * it. What ends the ramp, and a confirming window, is tried twice where luck may have decided it: one hiccup of the
 * machine would otherwise cut the range in half.
 */
export function nextStep(range: SearchRange, tried: readonly TriedLevel[]): SearchStep {
  const now = standing(range, tried);
  const done: SearchStep = { kind: "done", answer: now };
  const last = tried.at(-1);
  if (last === undefined) return { kind: "try", at: range.from, phase: "ramp" };
  if (tried.length >= LEVELS_MAX) return done;
  if (isWorthRepeating(tried, last)) return { kind: "try", at: last.at, phase: last.phase };
  if (now.at === undefined) return done;
  if (now.bound === undefined) {
    if (now.at >= range.to) return now.isConfirmed ? done : { kind: "try", at: now.at, phase: "confirm" };
    return { kind: "try", at: Math.min(range.to, rounded(now.at * GROWTH, range.isWhole)), phase: "ramp" };
  }
  const between = rounded(Math.sqrt(now.at * now.bound.at), range.isWhole);
  const isNear = now.bound.at <= now.at * (1 + range.resolution) || between <= now.at || between >= now.bound.at;
  if (!isNear) return { kind: "try", at: between, phase: "bisect" };
  return now.isConfirmed ? done : { kind: "try", at: now.at, phase: "confirm" };
}

function isWorthRepeating(tried: readonly TriedLevel[], last: TriedLevel): boolean {
  if (last.outcome === "met" || !last.isSoft || last.phase === "bisect") return false;
  return tried.filter((level) => level.at === last.at && level.phase === last.phase).length < 2;
}

/** What was found when a search is cut short. */
export function answerSoFar(range: SearchRange, tried: readonly TriedLevel[]): SearchAnswer {
  return standing(range, tried);
}

/** A point of the curve of latency against load. */
export interface LoadPoint {
  readonly at: number;
  /** What went through, such as deliveries a second. */
  readonly throughput: number;
  readonly latencyMs: number;
}

/**
 * The knee of latency against load: the level with the most *power*, throughput ÷ latency (Kleinrock, "Power and
 * deterministic rules of thumb", 1979). Below it more load costs little latency; above it latency grows faster than
 * what goes through. Undefined with fewer than three points, or when the highest is the best: then it is not in sight.
 */
export function kneeOf(points: readonly LoadPoint[]): number | undefined {
  const known = points.filter(({ throughput, latencyMs }) => throughput > 0 && latencyMs > 0);
  const levels = new Set(known.map(({ at }) => at));
  if (levels.size < 3) return undefined;
  let best = known[0];
  for (const point of known) {
    if (best === undefined || point.throughput / point.latencyMs > best.throughput / best.latencyMs) best = point;
  }
  return best === undefined || best.at >= Math.max(...levels) ? undefined : best.at;
}
