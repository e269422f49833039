import { describe, expect, test } from "vitest";
import type { CapacityLevel } from "../core/capacity.ts";
import type { SearchRange, TriedLevel } from "../load/search.ts";
import { loadResult, samples } from "../../reports/samples.ts";
import { parametersAt, searchOf } from "./capacity.ts";
import { capacityDocument, capacityExit, capacityOf } from "./capacity-result.ts";

const RANGE: SearchRange = { from: 1, to: 64, resolution: 1, isWhole: false };
const ABOUT = { scenario: "watch-party", by: "rate", holdMs: 10_000 } as const;
const SAMPLE = samples["capacity"]?.capacity?.levels[0];

type Shorthand = readonly [at: number, phase: TriedLevel["phase"], outcome: TriedLevel["outcome"]];

function found(...list: readonly Shorthand[]) {
  if (SAMPLE === undefined) throw new Error("the sample has no level");
  const levels = list.map(([at, phase, outcome]): CapacityLevel => ({
    ...SAMPLE,
    at,
    phase,
    outcome,
    because: outcome === "met" ? [] : [`why ${at}`],
  }));
  const tried = list.map(([at, phase, outcome]): TriedLevel => ({ at, phase, outcome, isSoft: false }));
  return capacityOf(ABOUT, RANGE, levels, tried);
}

const held = found([1, "ramp", "met"], [2, "ramp", "failed"], [1, "confirm", "met"]);
const all = found([64, "ramp", "met"], [64, "confirm", "met"]);
const harness = found([1, "ramp", "met"], [2, "ramp", "inconclusive"], [1, "confirm", "met"]);
const none = found([1, "ramp", "failed"]);
const unknown = found([1, "ramp", "inconclusive"], [1, "ramp", "inconclusive"]);
const unconfirmed = found([1, "ramp", "met"]);

describe("what a search comes to", () => {
  test("names the answer, its last run, and whose limit ended it", () => {
    expect(held).toMatchObject({ answer: { at: 1, isConfirmed: true, level: 2 }, limit: { kind: "server", at: 2, because: ["why 2"] } });
    expect(harness.limit).toMatchObject({ kind: "harness", at: 2 });
    expect(all.limit).toEqual({ kind: "asked", at: 64 });
    expect(none).toMatchObject({ limit: { kind: "server", at: 1 } });
    expect(none.answer).toBeUndefined();
    expect(unconfirmed.limit).toEqual({ kind: "open" });
  });

  test.each([
    ["a level was confirmed", held, false, false, 0],
    ["the highest asked for was confirmed", all, false, false, 0],
    ["the harness was the limit before any level failed", harness, false, false, 4],
    ["that is forgiven", harness, false, true, 0],
    [
      "the harness was in the way, but a level above failed",
      found([1, "ramp", "met"], [4, "ramp", "failed"], [2, "bisect", "inconclusive"], [1, "confirm", "met"]),
      false,
      false,
      0,
    ],
    ["not even the lowest level held", none, false, false, 1],
    ["the harness could not even do the lowest", unknown, false, false, 4],
    ["forgiving does not make an answer", unknown, false, true, 4],
    ["nothing was confirmed", unconfirmed, false, false, 4],
    ["interrupted, whatever was found", held, true, false, 130],
  ] as const)("has an exit code: %s", (_name, capacity, isInterrupted, isForgiven, code) => {
    expect(capacityExit(capacity, isInterrupted, isForgiven)).toBe(code);
  });

  const document = {
    shown: loadResult,
    isInterrupted: false,
    allowInconclusive: false,
    startedAt: new Date(0),
    endedAt: new Date(5000),
    rerun: "again",
    notes: [],
  };

  test("stands in the result document beside the level that answers", () => {
    const result = capacityDocument({ ...document, capacity: held });
    expect(result).toMatchObject({ command: "capacity", verdict: "pass", exitCode: 0, durationMs: 5000, rerun: "again" });
    expect(result.load).toBe(loadResult.load);
  });

  test("says when server and harness shared a busy machine", () => {
    const busy = { ...held, levels: held.levels.map((level) => ({ ...level, harness: { ...level.harness, machineCpu: 0.97 } })) };
    expect(capacityDocument({ ...document, capacity: busy }).notes.join()).toContain("97 % busy");
    expect(capacityDocument({ ...document, capacity: held }).notes).toEqual(loadResult.notes);
  });

  test("a target that was never reached is exit code 3", () => {
    expect(capacityDocument({ ...document, shown: { ...loadResult, exitCode: 3 }, capacity: none }).exitCode).toBe(3);
  });
});

describe("the load run of a level", () => {
  const options = { scenario: "watch-party", target: "playback" } as const;

  test("has the rate, and the confirming window is three times as long", () => {
    const search = searchOf({ ...options, parameters: { clients: 40, rooms: 4 }, holdMs: 2000 });
    expect(search.by).toBe("rate");
    expect(parametersAt(search, { at: 7.5, phase: "ramp" })).toMatchObject({ clients: 40, rooms: 4, ratePerSecond: 7.5, durationMs: 2000 });
    expect(parametersAt(search, { at: 7.5, phase: "confirm" }).durationMs).toBe(6000);
  });

  test("has the clients, in rooms of the same size, coming at a bearable pace", () => {
    const search = searchOf({ ...options, by: "clients" });
    expect(parametersAt(search, { at: 1005, phase: "ramp" })).toMatchObject({ clients: 1005, rooms: 101, rampMs: 5000 });
    expect(parametersAt(search, { at: 5000, phase: "ramp" }, 1000).rampMs).toBe(1000);
    expect(
      parametersAt(searchOf({ ...options, by: "clients", parameters: { clients: 3, rooms: 3 } }), { at: 1, phase: "ramp" }).rooms,
    ).toBe(1);
  });

  test("is searched by clients where the scenario writes nothing", () => {
    expect(searchOf({ scenario: "idle-rooms", target: "playback" }).by).toBe("clients");
  });

  test.each([
    [{ from: 0 }, "--from"],
    [{ from: 5, to: 4 }, "below --from"],
    [{ by: "clients", from: 1.5 }, "whole numbers"],
    [{ resolution: 2 }, "--resolution"],
  ] as const)("a range that is none is a mistake of the user: %o", (wrong, words) => {
    expect(() => searchOf({ ...options, ...wrong })).toThrow(words);
  });
});
