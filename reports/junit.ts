import type { RequirementResult, Result } from "../src/core/result.ts";
import { capacitySentences, levelHead, levelLine, levelWords } from "./capacity.ts";
import { durationMsOf, relativeMs, rerunOf, standingOf, summarise } from "./summary.ts";
import { cut, escapeMarkup, oneLine } from "./text.ts";

interface TestCase {
  readonly suite: string;
  readonly name: string;
  readonly outcome: "passed" | "failure" | "error" | "skipped";
  /** `type` and `message` of the outcome's element, then its text. */
  readonly type?: string;
  readonly message?: string;
  readonly body?: string;
  readonly output?: string;
  readonly durationMs?: number;
}

/**
 * JUnit XML: one test suite a category, one test case a requirement, then the objectives of a load run. Broken is
 * `failure`; a MUST that could not be judged is `error` unless the run forgave it; what is known, skipped or only
 * reported is `skipped`. A warning passes with a word on `system-out`, unless warnings are what failed the run.
 */
export function renderJUnit(result: Result): string {
  const { counts } = summarise(result);
  const warningsFail = result.exitCode === 1 && counts.fail === 0 && counts.stale === 0 && counts.warning > 0;
  const cases = [
    ...result.requirements.map((requirement) => ofRequirement(result, requirement, warningsFail)),
    ...ofCapacity(result),
    ...ofObjectives(result),
    ...ofHarness(result),
  ];
  const suites = Map.groupBy(cases, (each) => each.suite);
  const time = (result.durationMs / 1_000).toFixed(3);
  const body = [...suites].map(([name, members]) => {
    const head = `  <testsuite name="${escapeMarkup(`${oneLine(result.binding)} ${name}`)}" ${countsOf(members)} timestamp="${escapeMarkup(result.startedAt.replace(/\.\d+Z$|Z$/, ""))}">`;
    return `${head}\n${members.map((member) => renderCase(result, member)).join("\n")}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="rollcall" ${countsOf(cases)} time="${time}">\n${body.join("\n")}${body.length === 0 ? "" : "\n"}</testsuites>\n`;
}

function countsOf(cases: readonly TestCase[]): string {
  const amount = (outcome: TestCase["outcome"]): number => cases.filter((each) => each.outcome === outcome).length;
  return `tests="${cases.length}" failures="${amount("failure")}" errors="${amount("error")}" skipped="${amount("skipped")}"`;
}

function ofRequirement(result: Result, requirement: RequirementResult, warningsFail: boolean): TestCase {
  const base = {
    suite: requirement.category,
    name: `${oneLine(requirement.id)} ${oneLine(requirement.statement)}`,
    durationMs: durationMsOf(result, requirement),
  };
  const standing = standingOf(requirement);
  switch (standing) {
    case "pass":
      return { ...base, outcome: "passed" };
    case "fail":
      return {
        ...base,
        outcome: "failure",
        type: requirement.reasons.join(",") || "fail",
        message: requirement.observed,
        body: bodyOf(result, requirement),
      };
    case "stale":
      return {
        ...base,
        outcome: "failure",
        type: "stale",
        message: `known failure is stale: ${requirement.known?.because ?? ""}`,
        body: bodyOf(result, requirement),
      };
    case "warning":
      return warningsFail
        ? { ...base, outcome: "failure", type: "warning", message: requirement.observed, body: bodyOf(result, requirement) }
        : { ...base, outcome: "passed", output: `warning: ${requirement.observed}` };
    case "inconclusive":
      return {
        ...base,
        outcome: requirement.level === "MUST" && result.exitCode !== 0 ? "error" : "skipped",
        type: "inconclusive",
        message: `inconclusive: ${requirement.observed}`,
      };
    case "known":
      return {
        ...base,
        outcome: "skipped",
        message: `known failure until ${requirement.known?.until ?? ""}: ${requirement.known?.because ?? ""}`,
      };
    case "skipped":
    case "reported":
      return { ...base, outcome: "skipped", message: `${standing}: ${requirement.observed}` };
  }
}

/** A search is one case: whether a level was found that holds. Levels that did not hold are no failures, they are its end. */
function ofCapacity({ capacity, exitCode }: Result): readonly TestCase[] {
  if (capacity === undefined) return [];
  const base = { suite: "capacity", name: `${oneLine(capacity.scenario)} holds at least ${levelWords(capacity.by, capacity.from)}` };
  const message = capacitySentences(capacity).join(" ");
  const body = [levelHead(), ...capacity.levels.map(levelLine)].join("\n");
  if (exitCode === 0) return [{ ...base, outcome: "passed", output: message }];
  return [{ ...base, outcome: exitCode === 1 ? "failure" : "error", type: exitCode === 1 ? "capacity" : "inconclusive", message, body }];
}

function ofObjectives(result: Result): readonly TestCase[] {
  return (result.load?.objectives ?? []).map((objective): TestCase => {
    const base = { suite: "objectives", name: `${oneLine(objective.name)} ${oneLine(objective.wanted)}` };
    const message = `wanted ${objective.wanted}, got ${objective.got}`;
    if (objective.verdict === "fail") return { ...base, outcome: "failure", type: "objective", message };
    if (objective.verdict === "inconclusive")
      return { ...base, outcome: result.exitCode === 0 ? "skipped" : "error", type: "inconclusive", message };
    return {
      ...base,
      outcome: objective.verdict === "skipped" ? "skipped" : "passed",
      ...(objective.verdict === "skipped" ? { message } : { output: message }),
    };
  });
}

function ofHarness(result: Result): readonly TestCase[] {
  return result.harness.inconclusiveBecause.map((why, index) => ({
    suite: "harness",
    name: `the harness kept up (${index + 1})`,
    outcome: result.exitCode === 0 ? "skipped" : "error",
    type: "inconclusive",
    message: why,
  }));
}

function bodyOf(result: Result, requirement: RequirementResult): string {
  const lines = [`${requirement.level}, ${requirement.category}. Source: ${requirement.source}`];
  const witness = requirement.witness;
  if (witness !== undefined) {
    const first = witness.steps[0]?.atMs ?? 0;
    lines.push(`expected: ${witness.expected}`, `seen: ${witness.seen}`);
    lines.push(
      ...witness.steps.map(
        (step) =>
          `${step.isBad === true ? "✗" : " "} ${relativeMs(step.atMs, first)} ms  ${step.from} -> ${step.to}  ${step.label}${step.frame === undefined ? "" : `\n      ${cut(step.frame, 2_000)}`}`,
      ),
    );
  }
  return [...lines, `again: ${rerunOf(result, requirement)}`].join("\n");
}

function renderCase(result: Result, test: TestCase): string {
  const open = `    <testcase classname="${escapeMarkup(`rollcall.${oneLine(result.binding)}.${test.suite}`)}" name="${escapeMarkup(test.name)}" time="${((test.durationMs ?? 0) / 1_000).toFixed(3)}"`;
  if (test.outcome === "passed")
    return test.output === undefined ? `${open}/>` : `${open}><system-out>${escapeMarkup(oneLine(test.output))}</system-out></testcase>`;
  const type = test.type === undefined || test.outcome === "skipped" ? "" : ` type="${escapeMarkup(test.type)}"`;
  return `${open}><${test.outcome}${type} message="${escapeMarkup(oneLine(test.message ?? ""))}">${escapeMarkup(test.body ?? "")}</${test.outcome}></testcase>`;
}
