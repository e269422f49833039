import { expect, test } from "vitest";
import { requirementId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import type { RequirementResult } from "../core/result.ts";
import type { KnownFailure } from "../core/target.ts";
import type { Verdict } from "../core/verdict.ts";
import { applyKnown, counts } from "./known.ts";

const id = requirementId("PLAY-ERR-01");
function known(rate: "always" | "sometimes", reason: Reason = "wrong-refusal", until = "2027-03-01"): KnownFailure {
  return { id, reason, rate, because: "issue 12", until };
}

function result(verdict: Verdict, ...reasons: Reason[]): RequirementResult {
  return { id, level: "MUST", category: "errors", statement: "", source: "", verdict, observed: "", cases: [], reasons };
}

function outcome(
  entries: readonly KnownFailure[],
  verdict: Verdict,
  ...reasons: Reason[]
): { state: string | undefined; counts: boolean; stale: number; unmatched: number } {
  const { requirements, stale, unmatched } = applyKnown([result(verdict, ...reasons)], entries);
  const [first] = requirements;
  return { state: first?.known?.state, counts: first !== undefined && counts(first), stale: stale.length, unmatched: unmatched.length };
}

test("a failure for the declared reason is excused", () => {
  expect(outcome([known("always")], "fail", "wrong-refusal")).toEqual({ state: "excused", counts: false, stale: 0, unmatched: 0 });
});

test("a failure for another reason counts, and an entry that always fails is stale beside it", () => {
  expect(outcome([known("sometimes")], "fail", "silent")).toEqual({ state: undefined, counts: true, stale: 0, unmatched: 0 });
  expect(outcome([known("always")], "fail", "silent")).toEqual({ state: "stale", counts: true, stale: 1, unmatched: 0 });
});

test("a failure for the declared reason and one more counts", () => {
  expect(outcome([known("always")], "fail", "wrong-refusal", "silent")).toMatchObject({ state: undefined, counts: true });
  expect(outcome([known("always"), known("sometimes", "silent")], "fail", "wrong-refusal", "silent")).toMatchObject({ state: "excused" });
});

test("an entry that always fails and passes is stale; one that sometimes fails may pass", () => {
  expect(outcome([known("always")], "pass")).toMatchObject({ state: "stale", stale: 1 });
  expect(outcome([known("sometimes")], "pass")).toMatchObject({ state: "flaky-pass", counts: true, stale: 0 });
});

test("an entry whose requirement is skipped matches nothing; an inconclusive one says nothing", () => {
  expect(outcome([known("always")], "skipped")).toMatchObject({ unmatched: 1, stale: 0 });
  expect(outcome([known("always")], "inconclusive")).toMatchObject({ unmatched: 0, stale: 0, state: undefined });
});
