import type { Prng } from "../core/prng.ts";

/**
 * Planned times of a Poisson process of `ratePerSecond` in [fromMs, toMs): the open model, in which users do not wait
 * for the server. Each call gives the next time, or undefined past the end.
 */
export function poissonArrivals(ratePerSecond: number, fromMs: number, toMs: number, prng: Prng): () => number | undefined {
  let atMs = fromMs;
  return () => {
    if (ratePerSecond <= 0) return undefined;
    atMs += (-Math.log(1 - prng.next()) * 1000) / ratePerSecond;
    return atMs < toMs ? atMs : undefined;
  };
}

/** Planned times at a fixed interval with a random first phase, so that clients do not beat in step. */
export function steadyArrivals(ratePerSecond: number, fromMs: number, toMs: number, prng: Prng): () => number | undefined {
  const intervalMs = 1000 / ratePerSecond;
  let atMs = fromMs - prng.next() * intervalMs;
  return () => {
    if (ratePerSecond <= 0) return undefined;
    atMs += intervalMs;
    return atMs < toMs ? atMs : undefined;
  };
}

interface Weighed {
  readonly mix: Readonly<Record<string, number>>;
  readonly names: readonly string[];
  readonly weights: readonly number[];
  readonly total: number;
}

/** The mix that was picked from last: thousands of clients share one, which does not change. */
let weighed: Weighed | undefined;

function weigh(mix: Readonly<Record<string, number>>): Weighed {
  const names = Object.keys(mix);
  const weights = names.map((name) => mix[name] ?? 0);
  return { mix, names, weights, total: weights.reduce((sum, weight) => sum + weight, 0) };
}

/** Picks names by weight. Weights are 0 or more and not all 0; a mix is not changed after its first use. */
export function weightedPick(mix: Readonly<Record<string, number>>, prng: Prng): string {
  if (weighed?.mix !== mix) weighed = weigh(mix);
  const { names, weights, total } = weighed;
  let left = prng.next() * total;
  for (let index = 0; index < names.length; index += 1) {
    left -= weights[index] ?? 0;
    if (left < 0) return names[index] ?? "";
  }
  return names.at(-1) ?? "";
}
