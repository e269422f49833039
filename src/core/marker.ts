import { hash32 } from "./prng.ts";

/**
 * What makes one load message unlike every other: the run, the number of the client that wrote it (unique
 * over all shards), its counter from 1, and a sum over the payload. It tells loss, doubling, disorder, damage and
 * foreign delivery apart.
 */
export interface Marker {
  readonly run: string;
  readonly author: number;
  readonly n: number;
  /** False when the sum in the message does not fit its payload. Always true on the sender's side. */
  readonly intact: boolean;
}

/** Sum over run, author, n and the payload's canonical text; lower-case hexadecimal, 8 digits. */
export function markerSum(run: string, author: number, n: number, payload: string): string {
  return hash32(`${run}|${author}|${n}|${payload}`).toString(16).padStart(8, "0");
}
