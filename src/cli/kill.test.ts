import { expect, test } from "vitest";
import type { Mutant } from "../core/binding.ts";
import { requirementId } from "../core/ids.ts";
import type { Reason } from "../core/reason.ts";
import type { RequirementResult } from "../core/result.ts";
import type { Verdict } from "../core/verdict.ts";
import { judgeKill } from "./kill.ts";

const one = requirementId("PLAY-CONV-04");
const two = requirementId("PLAY-ORD-01");
const mutant: Mutant = { id: "m", summary: "", breaks: [{ id: one, reason: "lost" }], also: [{ id: two, reason: "disordered" }] };

function result(id: string, verdict: Verdict, ...reasons: Reason[]): RequirementResult {
  return { id, level: "MUST", category: "convergence", statement: "", source: "", verdict, observed: "", cases: [], reasons };
}

test("a mutant is killed when what it declares breaks for the declared reason", () => {
  expect(judgeKill(mutant, [result(one, "fail", "lost"), result(two, "pass")], []).killed).toBe(true);
  expect(judgeKill(mutant, [result(one, "warning", "lost"), result(two, "fail", "disordered")], []).killed).toBe(true);
});

test("a mutant survives when its requirement passes, is not judged, or breaks for another reason", () => {
  expect(judgeKill(mutant, [result(one, "pass")], []).killed).toBe(false);
  expect(judgeKill(mutant, [], []).killed).toBe(false);
  expect(judgeKill(mutant, [result(one, "inconclusive")], []).killed).toBe(false);
  expect(judgeKill(mutant, [result(one, "fail", "doubled")], []).killed).toBe(false);
});

test("a mutant that breaks more than it declares is not killed", () => {
  expect(judgeKill(mutant, [result(one, "fail", "lost"), result("PLAY-HB-01", "fail", "early")], []).killed).toBe(false);
  expect(judgeKill(mutant, [result(one, "fail", "lost", "doubled")], []).killed).toBe(false);
  expect(judgeKill(mutant, [result(one, "fail", "lost"), result(two, "fail", "lost")], []).killed).toBe(false);
});

test("what breaks on the pristine server too is not laid to the mutant, nor what could not be judged any more", () => {
  const before = [result("PLAY-HB-01", "fail", "early")];
  expect(
    judgeKill(mutant, [result(one, "fail", "lost"), result("PLAY-HB-01", "fail", "early"), result(two, "inconclusive")], before).killed,
  ).toBe(true);
});

test("what only may be is shown, and shown for the declared reason", () => {
  expect(judgeKill(mutant, [result(one, "reported", "lost")], []).killed).toBe(true);
  expect(judgeKill(mutant, [result(one, "reported", "doubled")], []).killed).toBe(false);
  expect(judgeKill(mutant, [result(one, "reported")], []).killed).toBe(false);
});
