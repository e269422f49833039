import type { FaultSeen } from "./fault.ts";
import type { Histogram } from "./histogram.ts";
import type { GcPauses } from "./result.ts";

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

/** What one second of a worker's run held. */
export interface MeasuredSecond {
  readonly t: number;
  readonly clients: number;
  readonly sent: number;
  readonly delivered: number;
  /** Encoded histogram of the second's delivery latencies. */
  readonly deliveryMs: string;
  readonly loopLagMs: number;
}

/** What a worker has measured and counted over its run. Histograms are encoded. */
export interface Measured {
  readonly clients: number;
  readonly rooms: number;
  readonly sent: number;
  readonly planned: number;
  readonly late: number;
  /** Acts whose client was not in its room at the planned time. */
  readonly dropped: number;
  readonly refusedJoins: number;
  /** Writes of the past that clients were shown before they were in, each held against its place; absent in older recordings. */
  readonly past?: number;
  /** Clients that came into their room, by the index of the URL they used. Absent in older recordings. */
  readonly clientsByUrl?: readonly number[];
  readonly joinMs: string;
  /** From the planned time of a write to its confirmation, where the protocol has one. */
  readonly confirmMs?: string;
  /** From the planned time of a question to its answer. */
  readonly readMs?: string;
  /** From the planned time of a signal (typing, word of a write) to each other member, where there were any. */
  readonly signalMs?: string;
  readonly actMs: number;
  readonly loopLagMsP99: number;
  readonly cpu: number;
  readonly residentBytes: number;
  readonly interrupted: boolean;
  /** Absent in recordings that do not hold it. */
  readonly pace?: Pace;
  /** Of a run with faults: what was seen of each. */
  readonly faults?: readonly FaultSeen[];
  /** Of a run with faults: acts whose client was away because of one. */
  readonly upset?: number;
  /** Of a run with faults: clients that had been in their rooms and never came back. */
  readonly missing?: number;
}

/** How well a worker kept its plan. */
export interface Pace {
  /** Acts whose planned time had passed, but not their turn, when the time was up. */
  readonly unsent: number;
  /** Planned time of an act to its send; encoded histogram. */
  readonly sendLagMs: string;
  readonly loopLagMsMax: number;
  readonly gc: GcPauses;
}
