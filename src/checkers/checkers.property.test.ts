import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OrderModel } from "../core/binding.ts";
import { type CheckerOutcome, mergeOutcomes, type Property } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createCheckers } from "./index.ts";
import { isConverged } from "./oracles/convergence.ts";
import { deliveryReasons } from "./oracles/delivery.ts";
import { isDeliveryLate, isolationReasons, refusalsReasons } from "./oracles/effects.ts";
import { exactHistogram } from "./oracles/exact-histogram.ts";
import { spansOf, writesOf } from "./oracles/facts.ts";
import { histories } from "./oracles/history.ts";
import { lifecycleReasons, lives } from "./oracles/lifecycle.ts";
import { isOrdered } from "./oracles/order.ts";
import { comings, presenceReasons } from "./oracles/presence.ts";
import { guaranteesReasons, snapshotReasons } from "./oracles/reads.ts";

const RUNS = 400;
const LIFE = { roomTtlMs: 300, toleranceBelowMs: 20, toleranceAboveMs: 20, toldWithinMs: 50 };
const MODELS: readonly OrderModel[] = ["total", "position", "perAuthor"];

function judge(property: Property, history: readonly Observation[], orderModel: OrderModel, echo: boolean): CheckerOutcome {
  const [checker] = createCheckers({
    orderModel,
    echo,
    run: "run",
    histogram: exactHistogram,
    only: [property],
    lifecycle: LIFE,
    presence: { withinMs: 100 },
    budgets: { deliveryMsP95: 100 },
  });
  if (checker === undefined) throw new Error(`no checker for ${property}`);
  for (const observation of history) checker.observe(observation);
  return checker.finish((history.at(-1)?.atMs ?? 0) + 10_000);
}

const reasonsOf = (outcome: CheckerOutcome): string[] => Object.keys(outcome.broken).sort();
/** Numbers, when they are there, decide alone; without them the evidence of markers is tried. */
function withoutPosition(one: Observation): Observation {
  if (one.kind !== "delivered" && one.kind !== "accepted") return one;
  const { position, ...rest } = one;
  return position === undefined ? one : rest;
}
const show = (history: readonly Observation[]): string => history.map((one) => JSON.stringify(one)).join("\n");

describe("checkers agree with brute force", () => {
  test("delivery", () => {
    fc.assert(
      fc.property(histories(2), ({ shape, history }) => {
        expect(reasonsOf(judge("delivery", history, "total", shape.echo)), show(history)).toEqual(
          [...deliveryReasons(history, { run: "run", echo: shape.echo })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test.each(MODELS)("order, %s", (orderModel) => {
    fc.assert(
      fc.property(histories(2), ({ shape, history }) => {
        expect(reasonsOf(judge("order", history, orderModel, shape.echo)).length === 0, show(history)).toBe(
          isOrdered(history, { run: "run", orderModel }),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test.each(["total", "perAuthor"] as const)("guarantees, %s", (orderModel) => {
    fc.assert(
      fc.property(histories(1), ({ shape, history }) => {
        const bare = history.map((one) => withoutPosition(one));
        expect(reasonsOf(judge("guarantees", bare, orderModel, shape.echo)), show(bare)).toEqual(
          [...guaranteesReasons(bare, { run: "run", orderModel })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("snapshot", () => {
    fc.assert(
      fc.property(histories(2), ({ shape, history }) => {
        expect(reasonsOf(judge("snapshot", history, "total", shape.echo)), show(history)).toEqual(
          [...snapshotReasons(history, { run: "run" })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("isolation", () => {
    fc.assert(
      fc.property(histories(3), ({ shape, history }) => {
        expect(reasonsOf(judge("isolation", history, "total", shape.echo)), show(history)).toEqual(
          [...isolationReasons(history, { run: "run" })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("refusals", () => {
    fc.assert(
      fc.property(histories(1), ({ shape, history }) => {
        expect(reasonsOf(judge("refusals", history, "total", shape.echo)), show(history)).toEqual(
          [...refusalsReasons(history, { run: "run" })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test.each(MODELS)("convergence, %s", (orderModel) => {
    fc.assert(
      fc.property(histories(2), ({ shape, history }) => {
        expect(reasonsOf(judge("convergence", history, orderModel, shape.echo)).length === 0, show(history)).toBe(
          isConverged(history, { run: "run", echo: shape.echo, orderModel }),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("presence", () => {
    fc.assert(
      fc.property(comings(100), (history) => {
        const endMs = (history.at(-1)?.atMs ?? 0) + 10_000;
        expect(reasonsOf(judge("presence", history, "total", true)), show(history)).toEqual(
          [...presenceReasons(history, { withinMs: 100, endMs })].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("lifecycle", () => {
    fc.assert(
      fc.property(lives(LIFE), (history) => {
        const endMs = (history.at(-1)?.atMs ?? 0) + 10_000;
        expect(reasonsOf(judge("lifecycle", history, "total", true)), show(history)).toEqual(
          [...lifecycleReasons(history, LIFE, endMs)].sort(),
        );
      }),
      { numRuns: RUNS },
    );
  });
  test("latency", () => {
    fc.assert(
      fc.property(histories(2), ({ history }) => {
        const delaysMs: number[] = [];
        for (const write of writesOf(history))
          for (const span of spansOf(history)) {
            const first = history.find(
              (one, at) =>
                one.kind === "delivered" &&
                one.client === span.client &&
                at > span.from &&
                at < span.to &&
                one.room === write.room &&
                at > write.at &&
                one.marker?.run === "run" &&
                one.marker.author === write.author &&
                one.marker.n === write.n &&
                !history.slice(0, at).some((other) => other.kind === "rejected" && other.client === write.author && other.op === write.op),
            );
            if (first !== undefined) delaysMs.push(first.atMs - (history[write.at]?.atMs ?? 0) + 10);
          }
        expect(reasonsOf(judge("latency", history, "total", true)).length > 0, show(history)).toBe(isDeliveryLate(delaysMs, 100));
      }),
      { numRuns: RUNS },
    );
  });
});

describe("outcomes of disjoint rooms", () => {
  const properties: readonly Property[] = [
    "delivery",
    "order",
    "convergence",
    "guarantees",
    "snapshot",
    "presence",
    "lifecycle",
    "isolation",
    "refusals",
  ];
  test.each(properties)("of %s merge to the outcome of the whole", (property) => {
    fc.assert(
      fc.property(histories(3), fc.constantFrom(...MODELS), ({ shape, history }, model) => {
        const parts = [...new Set(history.map((one) => one.room))].map((room) =>
          judge(
            property,
            history.filter((one) => one.room === room),
            model,
            shape.echo,
          ),
        );
        const first = parts[0];
        if (first === undefined) return;
        const merged = parts.slice(1).reduce(mergeOutcomes, first);
        const whole = judge(property, history, model, shape.echo);
        expect(merged.judged).toBe(whole.judged);
        expect(merged.broken).toEqual(whole.broken);
      }),
      { numRuns: 150 },
    );
  });
});
