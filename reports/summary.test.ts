import { describe, expect, it } from "vitest";
import type { RequirementResult } from "../src/core/result.ts";
import { failingLoadResult, failingResult, loadResult, minimalResult, passingResult } from "./samples.ts";
import { byGravity, durationMsOf, rerunOf, standingOf, summarise } from "./summary.ts";

const first = passingResult.requirements[0] as RequirementResult;

describe("summarise", () => {
  it("counts known failures and stale ones apart from their verdicts", () => {
    const { judged, total, counts } = summarise(failingResult);
    expect({ judged, total }).toEqual({ judged: 31, total: 36 });
    expect(counts).toEqual({ fail: 2, stale: 0, inconclusive: 1, warning: 1, known: 1, pass: 27, reported: 2, skipped: 2 });
  });

  it("says in one sentence what the verdict rests on", () => {
    expect(summarise(passingResult).sentence).toBe("All 32 judged requirements met.");
    expect(summarise(failingResult).sentence).toBe("2 of 31 judged requirements broken.");
    expect(summarise(loadResult).sentence).toBe("All 8 judged requirements met. All 589,140 deliveries accounted for.");
    expect(summarise(failingLoadResult).sentence).toBe(
      "1 of 8 judged requirements broken. 2 objectives missed. 6 deliveries of 589,140 missing.",
    );
    expect(summarise(minimalResult).sentence).toBe("Nothing was judged.");
  });
});

describe("durationMsOf", () => {
  it("adds up a requirement's own cases, and knows none of a load run", () => {
    const cases = [
      { name: "a", end: "ran", durationMs: 1_200 },
      { name: "b", end: "overran", durationMs: 300 },
      { name: "c", end: "ran", durationMs: 7 },
    ] as const;
    const requirement = { ...first, cases: ["a", "b"] };
    expect(durationMsOf({ ...passingResult, cases }, requirement)).toBe(1_500);
    expect(durationMsOf(loadResult, requirement)).toBe(0);
  });
});

describe("standingOf", () => {
  it("lets a stale entry that fails for another reason be a failure", () => {
    const known = { because: "issue 12", until: "2027-03-01" } as const;
    expect(standingOf({ ...first, known: { ...known, state: "stale" } })).toBe("stale");
    expect(standingOf({ ...first, verdict: "fail", known: { ...known, state: "stale" } })).toBe("fail");
    expect(standingOf({ ...first, verdict: "fail", known: { ...known, state: "excused" } })).toBe("known");
    expect(standingOf({ ...first, known: { ...known, state: "flaky-pass" } })).toBe("pass");
  });
});

describe("byGravity", () => {
  it("puts failures first, then sorts by id", () => {
    expect(
      byGravity(failingResult.requirements)
        .slice(0, 5)
        .map((each) => each.id),
    ).toEqual(["PLAY-CONV-04", "PLAY-ORD-01", "PLAY-HB-06", "PLAY-LAT-01", "PLAY-ERR-01"]);
  });
});

describe("rerunOf", () => {
  it("narrows a check to the requirement and leaves everything else alone", () => {
    expect(rerunOf(passingResult, first)).toBe("rollcall check playback --seed harbour-17 --only PLAY-SESS-01");
    expect(rerunOf(loadResult, first)).toBe(loadResult.rerun);
    expect(rerunOf({ ...passingResult, rerun: "rollcall check playback --only PLAY-*" }, first)).toBe(
      "rollcall check playback --only PLAY-*",
    );
    expect(rerunOf(passingResult, { ...first, id: "A; rm -rf ." })).toBe(passingResult.rerun);
  });
});
