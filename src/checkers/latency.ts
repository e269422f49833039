import type { Checker, CheckerOutcome, Finding } from "../core/checker.ts";
import type { Histogram, HistogramMaker } from "../core/histogram.ts";
import { createFlights } from "./flights.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, keyOf, toClient } from "./words.ts";

/** Limits in milliseconds; what is left out is measured and not judged. */
export interface Budgets {
  readonly deliveryMsP95?: number;
  readonly spreadMs?: number;
}

/** What shards hand to one judgement; plain JSON. */
export interface LatencyParts {
  readonly delivery: LatencyPart;
  readonly spread: LatencyPart;
}

interface LatencyPart {
  readonly count: number;
  /** Those over the budget. */
  readonly over: number;
  /** A histogram's `encode()`. */
  readonly histogram: string;
  readonly worst: Omit<Finding, "property"> | undefined;
}

export interface LatencyChecker extends Checker {
  /** Planned send → receipt, each receiver. */
  readonly deliveryMs: Histogram;
  /** First → last receiver of a write that all have. */
  readonly spreadMs: Histogram;
  /** To be called before or after `finish`. */
  parts(): LatencyParts;
}

/** Share of values over their budget that a 95th percentile within it allows. */
const OVER_SHARE_MAX = 0.05;

/**
 * Deliveries within their budget, from the *planned* time, so that a server that holds up its clients' sends is charged
 * for it (no coordinated omission). A percentile is no sum: shards are judged together by `judgeLatency(parts)`, and
 * `mergeOutcomes` of single verdicts is stricter than that.
 */
export function createLatency(options: { run: string; echo: boolean; budgets: Budgets; histogram: HistogramMaker }): LatencyChecker {
  const deliveryMs = options.histogram();
  const spreadMs = options.histogram();
  const { budgets } = options;
  let why: string | undefined;
  const meter = (histogram: Histogram, budgetMs: number | undefined) => {
    let count = 0;
    let over = 0;
    let worstMs = -Infinity;
    let worst: Omit<Finding, "property"> | undefined;
    return {
      take: (valueMs: number, finding: () => Omit<Finding, "property">) => {
        histogram.record(Math.max(0, valueMs));
        count += 1;
        if (budgetMs === undefined || valueMs <= budgetMs) return;
        over += 1;
        if (valueMs > worstMs) worst = finding();
        worstMs = Math.max(worstMs, valueMs);
      },
      part: (): LatencyPart => ({ count: budgetMs === undefined ? 0 : count, over, histogram: histogram.encode(), worst }),
    };
  };
  const delivery = meter(deliveryMs, budgets.deliveryMsP95);
  const spread = meter(spreadMs, budgets.spreadMs);
  const flights = createFlights(options, {
    received: (flight, _stay, arrived) => {
      const valueMs = arrived.atMs - flight.plannedMs;
      delivery.take(valueMs, () => ({
        reason: "late",
        room: flight.room,
        client: arrived.client,
        expected: `95 % of deliveries within ${budgets.deliveryMsP95 ?? 0} ms of their planned time`,
        seen: `${Math.round(valueMs)} ms`,
        witness: [
          fromClient(flight.plannedMs, flight.author, `write ${keyOf(flight)} planned`),
          bad(toClient(arrived.atMs, arrived.client, keyOf(flight))),
        ],
      }));
    },
    completed: (flight) => {
      const firstMs = flight.firstMs ?? 0;
      const lastMs = flight.lastMs ?? firstMs;
      spread.take(lastMs - firstMs, () => ({
        reason: "late",
        room: flight.room,
        client: flight.author,
        expected: `first to last receiver within ${budgets.spreadMs ?? 0} ms`,
        seen: `${Math.round(lastMs - firstMs)} ms`,
        witness: [
          fromClient(flight.invokedMs, flight.author, `write ${keyOf(flight)}`),
          { atMs: firstMs, from: "server", to: "first member", label: keyOf(flight) },
          bad({ atMs: lastMs, from: "server", to: "last member", label: keyOf(flight) }),
        ],
      }));
    },
    bound: (text) => {
      why ??= text;
    },
  });
  const parts = (): LatencyParts => ({ delivery: delivery.part(), spread: spread.part() });
  return {
    property: "latency",
    deliveryMs,
    spreadMs,
    observe: (observation) => flights.observe(observation),
    parts,
    finish: () => ({ ...judgeLatency([parts()]), ...(why === undefined ? {} : { inconclusiveBecause: why }) }),
  };
}

/** The outcome over all shards: late when over 5 % of all deliveries, or of all spreads, are over their budget. */
export function judgeLatency(shards: readonly LatencyParts[]): CheckerOutcome {
  const tally = createTally("latency");
  for (const kind of ["delivery", "spread"] as const) {
    let count = 0;
    let over = 0;
    for (const shard of shards) {
      count += shard[kind].count;
      over += shard[kind].over;
    }
    tally.judged(count);
    if (over <= count * OVER_SHARE_MAX) continue;
    for (const {
      [kind]: { worst },
    } of shards)
      if (worst !== undefined) {
        tally.broke({ ...worst, seen: `${over} of ${count} over it, such as ${worst.seen}` });
        break;
      }
  }
  return tally.outcome();
}
