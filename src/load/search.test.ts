import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPrng } from "../core/prng.ts";
import { answerSoFar, kneeOf, LEVELS_MAX, nextStep, type SearchAnswer, type SearchRange, type TriedLevel } from "./search.ts";

type Server = (at: number, phase: TriedLevel["phase"], nth: number) => Pick<TriedLevel, "outcome" | "isSoft">;

const MET = { outcome: "met", isSoft: false } as const;
const MISSED = { outcome: "failed", isSoft: true } as const;
const BROKEN = { outcome: "failed", isSoft: false } as const;
const BEHIND = { outcome: "inconclusive", isSoft: true } as const;

const RATES: SearchRange = { from: 1, to: 1000, resolution: 0.05, isWhole: false };
const CLIENTS: SearchRange = { from: 10, to: 20_000, resolution: 0.05, isWhole: true };

function search(range: SearchRange, server: Server): { readonly answer: SearchAnswer; readonly tried: readonly TriedLevel[] } {
  const tried: TriedLevel[] = [];
  for (;;) {
    const step = nextStep(range, tried);
    if (step.kind === "done") return { answer: step.answer, tried };
    tried.push({ at: step.at, phase: step.phase, ...server(step.at, step.phase, tried.length) });
  }
}

describe("a search for the greatest load that holds", () => {
  test("finds a sharp limit to its resolution, and confirms it", () => {
    const { answer, tried } = search(RATES, (at) => (at <= 37 ? MET : MISSED));
    expect(answer.isConfirmed).toBe(true);
    expect(answer.at).toBeLessThanOrEqual(37);
    expect((answer.at ?? 0) * 1.05).toBeGreaterThanOrEqual(36.9);
    expect(answer.bound?.outcome).toBe("failed");
    expect(tried.at(-1)).toEqual({ at: answer.at, phase: "confirm", ...MET });
  });

  test("goes up by doubling, then closes in, then confirms", () => {
    const { tried } = search({ ...RATES, to: 100, resolution: 0.5 }, (at) => (at <= 10 ? MET : BROKEN));
    expect(tried.map(({ at, phase }) => `${phase} ${at}`)).toEqual([
      "ramp 1",
      "ramp 2",
      "ramp 4",
      "ramp 8",
      "ramp 16",
      "bisect 11.3",
      "confirm 8",
    ]);
  });

  test("what ends the ramp by a missed figure is tried twice: one hiccup does not halve the answer", () => {
    let hiccups = 1;
    const { answer } = search(RATES, (at) => (at === 4 && hiccups-- > 0 ? MISSED : at <= 50 ? MET : MISSED));
    expect(answer.at).toBeGreaterThan(45);
  });

  test("a broken requirement is no matter of luck and is not tried again", () => {
    const { tried } = search(RATES, (at) => (at < 4 ? MET : BROKEN));
    expect(tried.filter(({ at }) => at === 4)).toHaveLength(1);
  });

  test("with a noisy limit ends, and answers with a level that held in a confirming window", () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const prng = createPrng(`noise-${seed}`);
      // From 20 to 40 it holds less and less often.
      const { answer } = search(RATES, (at) => (prng.next() < (40 - at) / 20 ? MET : MISSED));
      expect(answer.isConfirmed).toBe(true);
      expect(answer.at).toBeGreaterThan(8);
      expect(answer.at).toBeLessThan(40);
    }
  });

  test("a level that fails its confirming window is a bound, and the search goes on below it", () => {
    const { answer, tried } = search(RATES, (at, phase) => (at <= (phase === "confirm" ? 30 : 37) ? MET : MISSED));
    expect(tried.some(({ phase, outcome }) => phase === "confirm" && outcome === "failed")).toBe(true);
    expect(answer.isConfirmed).toBe(true);
    expect(answer.at).toBeLessThanOrEqual(30);
    expect(answer.at).toBeGreaterThan(27);
  });

  test("tells the harness's limit from the server's", () => {
    const { answer } = search(RATES, (at) => (at <= 60 ? MET : BEHIND));
    expect(answer).toMatchObject({ isConfirmed: true, bound: { outcome: "inconclusive" } });
    expect(answer.at).toBeGreaterThan(57);
  });

  test("when nothing holds it ends at the lowest level, without an answer", () => {
    const { answer, tried } = search(RATES, () => BROKEN);
    expect(answer).toEqual({ at: undefined, isConfirmed: false, bound: { at: 1, outcome: "failed" } });
    expect(tried).toHaveLength(1);
    expect(search(RATES, () => BEHIND).tried).toHaveLength(2);
  });

  test("when everything holds it ends at the highest level, confirmed and without a bound", () => {
    const { answer, tried } = search(RATES, () => MET);
    expect(answer).toEqual({ at: 1000, isConfirmed: true, bound: undefined });
    expect(tried.at(-2)).toMatchObject({ at: 1000, phase: "ramp" });
  });

  test("a range of one level tries that one, and confirms it", () => {
    const { answer, tried } = search({ ...RATES, to: 1 }, () => MET);
    expect(answer.isConfirmed).toBe(true);
    expect(tried.map(({ phase }) => phase)).toEqual(["ramp", "confirm"]);
  });

  test("numbers of clients are whole", () => {
    const { answer, tried } = search(CLIENTS, (at) => (at <= 4321 ? MET : MISSED));
    expect(tried.every(({ at }) => Number.isInteger(at))).toBe(true);
    expect(answer.at).toBeLessThanOrEqual(4321);
    expect((answer.at ?? 0) * 1.05).toBeGreaterThan(4300);
  });

  test("cut short, it answers with what held so far, unconfirmed", () => {
    const tried: readonly TriedLevel[] = [
      { at: 1, phase: "ramp", ...MET },
      { at: 2, phase: "ramp", ...MET },
      { at: 4, phase: "ramp", ...MISSED },
    ];
    expect(answerSoFar(RATES, tried)).toEqual({ at: 2, isConfirmed: false, bound: { at: 4, outcome: "failed" } });
    expect(answerSoFar(RATES, [])).toEqual({ at: undefined, isConfirmed: false, bound: undefined });
  });
});

const ranges = fc
  .record({
    from: fc.integer({ min: 1, max: 500 }),
    factor: fc.integer({ min: 1, max: 2000 }),
    resolution: fc.constantFrom(0.01, 0.05, 0.1, 0.5),
    isWhole: fc.boolean(),
  })
  .map(({ from, factor, ...rest }): SearchRange => ({ ...rest, from, to: from * factor }));

describe("whatever the server does", () => {
  test("with a sharp limit the answer held, is confirmed, and the next level that could be told apart did not", () => {
    fc.assert(
      fc.property(ranges, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (range, share, isHarness) => {
        // Evenly over the ratio, from just below the range to just above it.
        const limit = range.from * 0.9 * Math.pow((range.to * 1.2) / (range.from * 0.9), share);
        const { answer, tried } = search(range, (at) => (at <= limit ? MET : isHarness ? BEHIND : MISSED));
        expect(tried.every(({ at }) => at >= range.from && at <= range.to)).toBe(true);
        if (limit < range.from) {
          expect(answer.at).toBeUndefined();
          return;
        }
        expect(answer.isConfirmed).toBe(true);
        expect(answer.at).toBeLessThanOrEqual(limit);
        if (answer.bound === undefined) {
          expect(answer.at).toBe(range.to);
          return;
        }
        expect(answer.bound.at).toBeGreaterThan(limit);
        const gap = answer.bound.at - (answer.at ?? 0);
        // Whole clients, and rates of three digits, can not be told apart more finely.
        const least = range.isWhole ? 1 : answer.bound.at / 100;
        expect(gap <= (answer.at ?? 0) * range.resolution + 1e-9 || gap <= least).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test("a search with any outcomes at all ends, within its range, and never answers above a bound", () => {
    const outcomes = fc.array(fc.constantFrom(MET, MISSED, BROKEN, BEHIND), { minLength: 1, maxLength: LEVELS_MAX });
    fc.assert(
      fc.property(ranges, outcomes, (range, list) => {
        const { answer, tried } = search(range, (_at, _phase, nth) => list[nth % list.length] ?? MET);
        expect(tried.length).toBeLessThanOrEqual(LEVELS_MAX);
        expect(tried.every(({ at }) => at >= range.from && at <= range.to)).toBe(true);
        if (answer.at !== undefined && answer.bound !== undefined) expect(answer.at).toBeLessThan(answer.bound.at);
        if (answer.isConfirmed)
          expect(tried.some(({ at, phase, outcome }) => at === answer.at && phase === "confirm" && outcome === "met")).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the knee of latency against load", () => {
  test("is where throughput divided by latency is greatest", () => {
    // M/M/1: latency 1/(mu - load); the power is greatest at half of mu.
    const points = Array.from({ length: 19 }, (_, index) => (index + 1) * 5).map((at) => ({
      at,
      throughput: at,
      latencyMs: 1000 / (100 - at),
    }));
    expect(kneeOf(points)).toBe(50);
  });

  test("is not named when it is not in sight", () => {
    const flat = [1, 2, 4, 8].map((at) => ({ at, throughput: at, latencyMs: 2 }));
    expect(kneeOf(flat)).toBeUndefined();
    expect(kneeOf(flat.slice(0, 2))).toBeUndefined();
    expect(kneeOf([])).toBeUndefined();
  });
});
