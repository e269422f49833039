/** Results of capacity searches, for tests and for looking at the renderers; the figures are made up. */
import type { CapacityLevel, CapacityResult } from "../src/core/capacity.ts";
import type { Result } from "../src/core/result.ts";

type Tried = readonly [at: number, phase: CapacityLevel["phase"], outcome: CapacityLevel["outcome"], because?: string];

/** An M/M/1 of sorts: latency grows as 1 ÷ what is left of the server. */
function levelOf([at, phase, outcome, because]: Tried): CapacityLevel {
  const left = Math.max(0.004, 1 - at / 41);
  const p50 = Math.round(40 / left) / 100;
  const at99 = Math.round(600 / left) / 100;
  const planned = Math.round(at * 100);
  return {
    at,
    phase,
    outcome,
    verdict: outcome === "met" ? "pass" : outcome === "failed" ? "warning" : "inconclusive",
    because: because === undefined ? [] : [because],
    clients: 100,
    rooms: 10,
    ratePerSecond: at,
    durationMs: phase === "confirm" ? 30_000 : 10_000,
    plannedPerSecond: planned,
    achievedPerSecond: Math.round(planned * 9.98) / 10,
    deliveredPerSecond: planned * 10,
    reach: 1,
    deliveryMs: { count: planned * 100, p50, p90: p50 * 3, p95: at99 * 0.6, p99: at99, p999: at99 * 1.6, max: at99 * 2.2 },
    harness: { loopLagMsP99: 1.2 + at / 20, cpu: at / 60, machineCpu: at / 80 },
    rerun: `npx rollcall load watch-party --target playback --clients 100 --rooms 10 --rate ${at} --duration ${phase === "confirm" ? 30 : 10}s --ramp 3s --seed harbour-17`,
  };
}

const MISSED = "delivery p99 812.4 ms, wanted ≤ 500 ms";

const TRIED: readonly Tried[] = [
  [1, "ramp", "met"],
  [2, "ramp", "met"],
  [4, "ramp", "met"],
  [8, "ramp", "met"],
  [16, "ramp", "met"],
  [32, "ramp", "met"],
  [64, "ramp", "failed", "PLAY-CONV-04 lost: 512 of 640,000 deliveries lost"],
  [45.3, "bisect", "inconclusive", "event-loop lag p99 61 ms is over 50 ms: use fewer clients, more --workers or a quieter machine"],
  [38.1, "bisect", "met"],
  [41.5, "bisect", "failed", MISSED],
  [39.8, "bisect", "failed", MISSED],
  [38.1, "confirm", "met"],
];

const FOUND: CapacityResult = {
  scenario: "watch-party",
  by: "rate",
  from: 1,
  to: 1000,
  resolution: 0.05,
  holdMs: 10_000,
  levels: TRIED.map(levelOf),
  answer: { at: 38.1, isConfirmed: true, level: TRIED.length - 1 },
  limit: { kind: "server", at: 39.8, because: [MISSED] },
  kneeAt: 16,
};

/** A search that found the server's limit, and one in which not even the lowest level held; the rest as in `load`. */
export function capacitySamples(load: Result, failing: Result): { readonly capacity: Result; readonly nothingHolds: Result } {
  const rerun =
    "npx rollcall capacity watch-party --target playback --by rate --from 1 --to 1000 --hold 10s --resolution 5% --clients 100 --seed harbour-17";
  const capacity: Result = { ...load, command: "capacity", durationMs: 214_000, rerun, capacity: FOUND };
  const lowest = levelOf([1, "ramp", "failed", "PLAY-CONV-04 lost: 6 of 589,140 deliveries lost"]);
  const { answer: _, kneeAt: __, ...rest } = FOUND;
  return {
    capacity,
    nothingHolds: {
      ...failing,
      command: "capacity",
      rerun,
      capacity: { ...rest, levels: [lowest], limit: { kind: "server", at: 1, because: lowest.because } },
    },
  };
}
