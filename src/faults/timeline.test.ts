import { describe, expect, test } from "vitest";
import type { FaultEntry, FaultPlan } from "../core/fault.ts";
import { createPrng } from "../core/prng.ts";
import { namedPlans } from "./named.ts";
import { parseFaultPlan, writtenPlan } from "./schema.ts";
import { LANES_MAX, timelineOf } from "./timeline.ts";

const RUN = { rampMs: 1000, durationMs: 10_000, clients: 50 };
const entry = (more: Partial<FaultEntry>): FaultEntry => ({
  action: { kind: "cut" },
  whom: "all",
  at: { ms: 0 },
  during: { ms: 0 },
  every: undefined,
  ...more,
});
const plan = (...faults: FaultEntry[]): FaultPlan => ({ name: "p", summary: "", faults });

describe("a timeline", () => {
  test("counts from the end of the ramp, and shares are of the duration", () => {
    const { faults, healMs } = timelineOf(
      plan(entry({ at: { share: 0.4 }, during: { ms: 500 } }), entry({ at: { ms: 100 } })),
      RUN,
      1,
      createPrng("s"),
    );
    expect(faults.map(({ beginMs, endMs }) => [beginMs, endMs])).toEqual([
      [1100, 1100],
      [5000, 5500],
    ]);
    expect(healMs).toBe(9000);
  });

  test("comes again until all must be healed, and nothing lasts beyond that", () => {
    const { faults, healMs } = timelineOf(
      plan(entry({ at: { ms: 2000 }, every: { ms: 2000 }, during: { ms: 3000 } })),
      RUN,
      1,
      createPrng("s"),
    );
    expect(faults.map(({ beginMs }) => beginMs)).toEqual([3000, 5000, 7000]);
    expect(faults.every(({ endMs }) => endMs <= healMs)).toBe(true);
  });

  test("says what begins too late, or comes too often", () => {
    expect(timelineOf(plan(entry({ at: { share: 0.9 } })), RUN, 1, createPrng("s")).mistakes[0]).toMatch(/after 80 %/);
    expect(timelineOf(plan(entry({ every: { ms: 1 } })), RUN, 1, createPrng("s")).mistakes[0]).toMatch(/1000 times/);
    expect(timelineOf(plan(entry({ every: { ms: 0 } })), RUN, 1, createPrng("s")).mistakes).toHaveLength(1);
  });

  test("draws a share of the clients anew each time, and the same for the same seed", () => {
    const cuts = plan(entry({ whom: { clients: 0.1 }, every: { ms: 1000 } }));
    const drawn = (seed: string): (readonly number[])[] => timelineOf(cuts, RUN, 1, createPrng(seed)).faults.map(({ lanes }) => lanes);
    expect(drawn("a")).toEqual(drawn("a"));
    expect(drawn("a")).not.toEqual(drawn("b"));
    expect(new Set(drawn("a").map(String)).size).toBeGreaterThan(4);
    for (const lanes of drawn("a")) expect(lanes).toHaveLength(5);
  });

  test("of thousands of clients a lane is one percent, and the words say how many that are", () => {
    const { faults, lanes } = timelineOf(plan(entry({ whom: { clients: 0.1 } })), { ...RUN, clients: 2000 }, 1, createPrng("s"));
    expect([lanes, faults[0]?.lanes.length, faults[0]?.whom]).toEqual([LANES_MAX, 10, "200 of 2000 clients"]);
  });

  test("of several replicas strikes as many as asked, each seed another first one", () => {
    const kill = plan(entry({ action: { kind: "kill" }, whom: { replicas: 1 } }));
    const struck = Array.from({ length: 20 }, (_, seed) => timelineOf(kill, RUN, 3, createPrng(String(seed))).faults[0]?.replicas);
    expect(struck.every((each) => each?.length === 1)).toBe(true);
    expect(new Set(struck.map(String))).toEqual(new Set(["0", "1", "2"]));
  });
});

describe("a plan's file", () => {
  test.each(namedPlans.map((each) => [each.name, each] as const))("holds %s as it is", (_, each) => {
    const read = parseFaultPlan(JSON.parse(JSON.stringify(writtenPlan(each))), "x");
    expect(read).toEqual({ ok: true, plan: each });
    expect(timelineOf(each, { ...RUN, durationMs: 20_000 }, 2, createPrng("s")).mistakes).toEqual([]);
  });

  test.each([
    [{ what: "latency", at: "1s", for: "1s" }, /latency/],
    [{ what: "latency", latency: "fast", at: "1s", for: "1s" }, /200ms/],
    [{ what: "latency", latency: "10ms", at: "1s" }, /needs `for`/],
    [{ what: "cut", at: "150%" }, /share of the run/],
    [{ what: "kill", at: "1s", whom: { clients: "10%" } }, /strikes servers/],
    [{ what: "squeeze", at: "1s", for: "1s" }, /`cpus` or `memoryMiB`/],
    [{ what: "flood", at: "1s" }, /what/],
    [{ what: "cut", at: "1s", often: true }, /often/],
  ])("is told its mistake: %j", (fault, mistake) => {
    const read = parseFaultPlan({ faults: [fault] }, "x");
    expect(read.ok ? [] : read.mistakes.join("\n")).toMatch(mistake);
  });
});
