import type { OrderModel } from "../core/binding.ts";
import type { Histogram, HistogramMaker } from "../core/histogram.ts";

export interface LedgerOptions {
  readonly orderModel: OrderModel;
  /** Whether an author gets its own writes back. */
  readonly echo: boolean;
  readonly run: string;
  /** Greatest number of slots, 0…slots-1. */
  readonly slots: number;
  readonly histogram: HistogramMaker;
  /** Text of a frame for a witness. */
  readonly textOf: (bytes: Uint8Array) => string;
  /** Called with each delivery's latency, for a chart by the second. */
  readonly onDelivery?: (latencyMs: number) => void;
}

export interface LedgerFigures {
  readonly delivered: number;
  readonly expected: number;
  readonly invoked: number;
  /** Recognised by bytes, without decoding. */
  readonly recognised: number;
  readonly deliveryMs: Histogram;
  readonly convergenceMs: Histogram;
  readonly spreadMs: Histogram;
}
