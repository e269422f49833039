import type { EncodedFigures, MeasuredSecond } from "../../core/measured.ts";
import type { ShardResult } from "../node/shard-types.ts";

/** What a VU tells at its end: all that a worker of our own engine tells. Plain JSON; histograms are encoded. */
export interface VuReport extends EncodedFigures {
  readonly part: { readonly index: number; readonly count: number };
  readonly result: ShardResult;
}

/** Some seconds of a VU, told while it plays. */
export interface VuSeconds {
  readonly part: number;
  readonly seconds: readonly MeasuredSecond[];
}
