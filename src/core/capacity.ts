import type { LatencyFigures } from "./histogram.ts";
import type { Verdict } from "./verdict.ts";

/** One load run of a capacity search. */
export interface CapacityLevel {
  /** What was searched: the rate of one client, or the number of clients. */
  readonly at: number;
  /** Going up, closing in, or holding what was found for longer. */
  readonly phase: "ramp" | "bisect" | "confirm";
  /** `inconclusive`: the harness was in the way, or too little was seen. */
  readonly outcome: "met" | "failed" | "inconclusive";
  /** That of the load run. */
  readonly verdict: Verdict;
  /** Why it is not met: objectives, requirements, what kept clients out, how the harness fell behind. */
  readonly because: readonly string[];
  readonly clients: number;
  readonly rooms: number;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly plannedPerSecond: number;
  readonly achievedPerSecond: number;
  readonly deliveredPerSecond: number;
  readonly reach: number;
  readonly deliveryMs: LatencyFigures;
  readonly harness: {
    readonly loopLagMsP99: number;
    /** Of one core, busiest worker. */
    readonly cpu: number;
    /** Of all cores of this machine, whoever used them; 0…1. */
    readonly machineCpu: number;
  };
  /** The command that runs this level again. */
  readonly rerun: string;
}

/** What ended a search: the server, the harness, the range that was asked for, or nothing yet. */
export type CapacityLimit =
  | { readonly kind: "server" | "harness"; readonly at: number; readonly because: readonly string[] }
  | { readonly kind: "asked"; readonly at: number }
  | { readonly kind: "open" };

/** The greatest load that a server holds, by a scenario's objectives and without a violation. */
export interface CapacityResult {
  readonly scenario: string;
  readonly by: "rate" | "clients";
  readonly from: number;
  readonly to: number;
  readonly resolution: number;
  readonly holdMs: number;
  readonly levels: readonly CapacityLevel[];
  /** The greatest level that held; absent when none did. `level` is its last run, an index of `levels`. */
  readonly answer?: { readonly at: number; readonly isConfirmed: boolean; readonly level: number };
  readonly limit: CapacityLimit;
  /** Where throughput ÷ latency was greatest; absent when that is not in sight. */
  readonly kneeAt?: number;
}
