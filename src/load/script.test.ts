import { expect, test } from "vitest";
import { createPrng } from "../core/prng.ts";
import { poissonArrivals, steadyArrivals, weightedPick } from "./arrivals.ts";
import { fixedSteps, mergeSteps } from "./script.ts";

test("steps of several sources come in the order of their planned times", () => {
  const script = mergeSteps(3, [
    fixedSteps([
      { atMs: 5, kind: "read" },
      { atMs: 9, kind: "leave" },
    ]),
    fixedSteps([
      { atMs: 1, kind: "join" },
      { atMs: 7, kind: "cut" },
    ]),
  ]);
  const kinds: string[] = [];
  for (let step = script.next(); step !== undefined; step = script.next()) kinds.push(step.kind);
  expect(kinds).toEqual(["join", "read", "cut", "leave"]);
  expect(script.room).toBe(3);
});

test("Poisson arrivals keep their rate and stay in their window", () => {
  const next = poissonArrivals(10, 1000, 101_000, createPrng("arrivals"));
  const times: number[] = [];
  for (let atMs = next(); atMs !== undefined; atMs = next()) times.push(atMs);
  expect(times.length).toBeGreaterThan(900);
  expect(times.length).toBeLessThan(1100);
  expect(times.every((atMs, index) => atMs >= 1000 && atMs < 101_000 && (index === 0 || atMs >= (times[index - 1] ?? 0)))).toBe(true);
});

test("steady arrivals are one interval apart from a phase below one interval", () => {
  const next = steadyArrivals(2, 0, 5000, createPrng("steady"));
  const first = next() ?? -1;
  expect(first).toBeGreaterThanOrEqual(0);
  expect(first).toBeLessThan(500);
  expect((next() ?? 0) - first).toBeCloseTo(500);
});

test("a rate of zero plans nothing, and a weight of zero is never picked", () => {
  expect(poissonArrivals(0, 0, 1000, createPrng("none"))()).toBeUndefined();
  const prng = createPrng("mix");
  const seen = new Set(Array.from({ length: 200 }, () => weightedPick({ play: 1, pause: 3, never: 0 }, prng)));
  expect([...seen].toSorted()).toEqual(["pause", "play"]);
});
