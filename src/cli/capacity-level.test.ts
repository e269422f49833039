import { describe, expect, test } from "vitest";
import type { RequirementResult, Result } from "../core/result.ts";
import { failingLoadResult, loadResult } from "../../reports/samples.ts";
import { findingOf } from "./capacity-level.ts";

const { load } = loadResult;

function withLoad(change: Partial<NonNullable<Result["load"]>>, verdict: Result["verdict"], rest: Partial<Result> = {}): Result {
  if (load === undefined) throw new Error("the sample has no load");
  return { ...loadResult, verdict, load: { ...load, ...change }, ...rest };
}

const objective = (verdict: "pass" | "warning" | "fail") => ({ name: "delivery p99", wanted: "≤ 500 ms", got: "812 ms", verdict });
const behind = { harness: { ...loadResult.harness, inconclusiveBecause: ["event-loop lag p99 61 ms is over 50 ms"] } };

function breaking(reasons: RequirementResult["reasons"], verdict: "fail" | "warning" = "fail"): Pick<Result, "requirements"> {
  const [first, ...others] = loadResult.requirements;
  if (first === undefined) throw new Error("the sample has no requirement");
  return { requirements: [{ ...first, verdict, reasons }, ...others] };
}

describe("a load run as a level of a search", () => {
  test("is met when it passed", () => {
    expect(findingOf(loadResult)).toEqual({ outcome: "met", isSoft: false, because: [] });
  });

  test("fails by what was lost, and that is no matter of luck", () => {
    expect(findingOf(failingLoadResult)).toMatchObject({ outcome: "failed", isSoft: false });
    expect(findingOf(failingLoadResult).because.join()).toContain("PLAY-CONV-04: 6 of 589,140 deliveries lost");
  });

  test("fails softly by a figure that was missed", () => {
    expect(findingOf(withLoad({ objectives: [objective("warning")] }, "warning"))).toEqual({
      outcome: "failed",
      isSoft: true,
      because: ["delivery p99 812 ms, wanted ≤ 500 ms"],
    });
    expect(findingOf(withLoad({}, "warning", breaking(["late"], "warning")))).toMatchObject({ outcome: "failed", isSoft: true });
  });

  test("tells nothing when the harness fell behind, whatever else was seen", () => {
    expect(findingOf(withLoad({ objectives: [objective("warning")] }, "inconclusive", behind))).toMatchObject({ outcome: "inconclusive" });
    expect(findingOf({ ...failingLoadResult, ...behind })).toMatchObject({ outcome: "inconclusive", isSoft: true });
  });

  test("but a server that died has failed", () => {
    expect(findingOf(withLoad({}, "fail", { ...behind, ...breaking(["crashed"]) }))).toMatchObject({ outcome: "failed", isSoft: false });
  });

  test("fails when clients could not do their part: that is the server's doing", () => {
    const dropped = withLoad({ dropped: 5000 }, "inconclusive", { notes: ["5000 of 58914 planned acts were not done"] });
    expect(findingOf(dropped)).toEqual({ outcome: "failed", isSoft: true, because: ["5000 of 58914 planned acts were not done"] });
  });

  test("tells nothing when too little was seen", () => {
    expect(findingOf(withLoad({ dropped: 0 }, "inconclusive"))).toMatchObject({ outcome: "inconclusive" });
  });
});
