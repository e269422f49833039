import { expect, test } from "vitest";
import type { Verdict } from "../core/verdict.ts";
import { exitCodeOf, type ExitOptions, type RunOutcome } from "./exit-code.ts";

const well: RunOutcome = { usageErrors: 0, harnessFaults: 0, interrupted: false, staleKnown: 0, reached: true, judged: 1, verdicts: [] };
const must = (verdict: Verdict): RunOutcome["verdicts"][number] => ({ level: "MUST", verdict });
const should = (verdict: Verdict): RunOutcome["verdicts"][number] => ({ level: "SHOULD", verdict });
const plain: ExitOptions = { failOnWarning: false, allowInconclusive: false };

const table: readonly (readonly [string, Partial<RunOutcome>, Partial<ExitOptions>, number])[] = [
  ["all pass", { verdicts: [must("pass")] }, {}, 0],
  ["a usage error before all else", { usageErrors: 1, harnessFaults: 1, interrupted: true, verdicts: [must("fail")] }, {}, 2],
  ["a fault of ours before an interruption", { harnessFaults: 1, interrupted: true, verdicts: [must("fail")] }, {}, 5],
  ["an interruption before a failure", { interrupted: true, verdicts: [must("fail")] }, {}, 130],
  ["a failed MUST before an inconclusive one", { verdicts: [must("inconclusive"), must("fail")] }, {}, 1],
  ["a stale known failure", { staleKnown: 1, verdicts: [must("pass")] }, {}, 1],
  ["a target never reached", { reached: false, judged: 0 }, {}, 3],
  ["a finding on a target that died", { reached: false, verdicts: [must("fail")] }, {}, 1],
  ["an inconclusive MUST", { verdicts: [must("pass"), must("inconclusive")] }, {}, 4],
  ["an inconclusive SHOULD", { verdicts: [must("pass"), should("inconclusive")] }, {}, 0],
  ["an inconclusive MUST that is allowed", { verdicts: [must("pass"), must("inconclusive")] }, { allowInconclusive: true }, 0],
  ["nothing judged", { judged: 0, verdicts: [must("skipped")] }, {}, 4],
  ["nothing judged, though inconclusive is allowed", { judged: 0, verdicts: [must("inconclusive")] }, { allowInconclusive: true }, 4],
  ["a warning", { verdicts: [must("pass"), should("warning")] }, {}, 0],
  ["a warning that shall fail", { verdicts: [must("pass"), should("warning")] }, { failOnWarning: true }, 1],
  ["only an excused failure was judged", { judged: 1, verdicts: [] }, {}, 0],
];

test.for(table)("%s", ([, outcome, options, code]) => {
  expect(exitCodeOf({ ...well, ...outcome }, { ...plain, ...options })).toBe(code);
});
