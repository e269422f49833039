import type { Histogram } from "./histogram.ts";

/** What a ledger has counted and timed of deliveries; `H` is a histogram, or its text where figures are told on. */
export interface Figures<H = Histogram> {
  readonly delivered: number;
  readonly expected: number;
  /** Recognised by bytes, without decoding. */
  readonly recognised: number;
  readonly deliveryMs: H;
  readonly convergenceMs: H;
  readonly spreadMs: H;
}

export type EncodedFigures = Figures<string>;

/** Figures as a worker tells them at its end. */
export function encodeFigures({ delivered, expected, recognised, deliveryMs, convergenceMs, spreadMs }: Figures): EncodedFigures {
  return {
    delivered,
    expected,
    recognised,
    deliveryMs: deliveryMs.encode(),
    convergenceMs: convergenceMs.encode(),
    spreadMs: spreadMs.encode(),
  };
}
