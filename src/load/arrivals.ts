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

/** Picks names by weight. Weights are 0 or more and not all 0. */
export function weightedPick(mix: Readonly<Record<string, number>>, prng: Prng): string {
  const names = Object.keys(mix);
  let total = 0;
  for (const name of names) total += mix[name] ?? 0;
  let left = prng.next() * total;
  for (const name of names) {
    left -= mix[name] ?? 0;
    if (left < 0) return name;
  }
  return names.at(-1) ?? "";
}
