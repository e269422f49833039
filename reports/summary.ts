import type { RequirementResult, Result } from "../src/core/result.ts";
import type { Verdict } from "../src/core/verdict.ts";
import { capacitySentences } from "./capacity.ts";
import { formatNumber } from "./text.ts";

/**
 * How a requirement counts in a report: its verdict, but a known failure stands apart as `known`, and one that is
 * declared to fail and passes as `stale`. One that is stale and fails for another reason is a plain fail.
 */
export type Standing = Verdict | "known" | "stale";

export function standingOf(requirement: RequirementResult): Standing {
  if (requirement.known?.state === "stale" && requirement.verdict !== "fail") return "stale";
  if (requirement.known?.state === "excused") return "known";
  return requirement.verdict;
}

const STANDINGS: readonly Standing[] = ["fail", "stale", "inconclusive", "warning", "known", "pass", "reported", "skipped"];

/** The gravest first, then by id, so that what needs attention is read first. */
export function byGravity(requirements: readonly RequirementResult[]): readonly RequirementResult[] {
  return requirements.toSorted(
    (left, right) =>
      STANDINGS.indexOf(standingOf(left)) - STANDINGS.indexOf(standingOf(right)) || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0),
  );
}

/** The figures that every report begins with. */
export interface Summary {
  readonly total: number;
  /** Requirements with a judgement: pass, fail or warning. */
  readonly judged: number;
  readonly counts: Readonly<Record<Standing, number>>;
  readonly failed: readonly RequirementResult[];
  /** One sentence that says what the verdict rests on. */
  readonly sentence: string;
}

export function summarise(result: Result): Summary {
  const counts: Record<Standing, number> = { fail: 0, stale: 0, inconclusive: 0, warning: 0, known: 0, pass: 0, reported: 0, skipped: 0 };
  let judged = 0;
  for (const requirement of result.requirements) {
    counts[standingOf(requirement)] += 1;
    if (requirement.verdict === "pass" || requirement.verdict === "fail" || requirement.verdict === "warning") judged += 1;
  }
  const total = result.requirements.length;
  const failed = result.requirements.filter((requirement) => standingOf(requirement) === "fail");
  return { total, judged, counts, failed, sentence: sentenceOf(result, judged, counts) };
}

function sentenceOf(result: Result, judged: number, counts: Readonly<Record<Standing, number>>): string {
  if (result.capacity !== undefined) return capacitySentences(result.capacity).join(" ");
  const parts: string[] = [];
  const objectivesMissed = result.load?.objectives.filter((objective) => objective.verdict === "fail").length ?? 0;
  if (result.requirements.length > 0) parts.push(requirementsSentence(result, judged, counts));
  if (objectivesMissed > 0) parts.push(`${count(objectivesMissed, "objective")} missed.`);
  if (result.mutants !== undefined)
    parts.push(
      `${formatNumber(result.mutants.filter((mutant) => mutant.killed).length)} of ${count(result.mutants.length, "mutant")} killed.`,
    );
  const load = result.load;
  if (load !== undefined) {
    const missing = load.expected - load.delivered;
    parts.push(
      load.joinMs.count === 0
        ? "No client came into a room."
        : load.expected === 0
          ? "No delivery was expected."
          : missing === 0
            ? `All ${formatNumber(load.expected)} deliveries accounted for.`
            : missing > 0
              ? `${count(missing, "delivery", "deliveries")} of ${formatNumber(load.expected)} missing.`
              : `${count(-missing, "delivery", "deliveries")} more than expected.`,
    );
  }
  if (result.harness.inconclusiveBecause.length > 0) parts.push("The harness itself fell behind, so what passed is not proved.");
  return parts.length === 0 ? "Nothing was judged." : parts.join(" ");
}

function requirementsSentence(result: Result, judged: number, counts: Readonly<Record<Standing, number>>): string {
  if (counts.fail > 0) return `${formatNumber(counts.fail)} of ${count(judged, "judged requirement")} broken.`;
  if (counts.stale > 0) return `${count(counts.stale, "known failure")} no longer ${counts.stale === 1 ? "fails" : "fail"}.`;
  if (counts.inconclusive > 0) return `${count(counts.inconclusive, "requirement")} could not be judged.`;
  if (judged === 0) return "No requirement was judged.";
  if (counts.known > 0) return `Every judged requirement met, but for ${count(counts.known, "known failure")}.`;
  if (counts.warning > 0) return `Every MUST met; ${count(counts.warning, "SHOULD", "SHOULDs")} not met.`;
  return result.verdict === "pass" ? `All ${count(judged, "judged requirement")} met.` : `${count(judged, "requirement")} judged.`;
}

function count(amount: number, one: string, many = `${one}s`): string {
  return `${formatNumber(amount)} ${amount === 1 ? one : many}`;
}

/** The word for a run's verdict as a heading. */
export function verdictWord(verdict: Verdict): string {
  const words = {
    pass: "Passed",
    fail: "Failed",
    warning: "Passed with warnings",
    inconclusive: "Inconclusive",
    skipped: "Nothing judged",
    reported: "Reported",
  } as const;
  return words[verdict];
}

const PLAIN_ARGUMENT = /^[\w./:=@%+,-]+$/;

/** The command that judges one requirement again: that of the run, narrowed. Load runs have no narrower form. */
export function rerunOf(result: Result, requirement: RequirementResult): string {
  if (result.command !== "check" || /(^|\s)--only(\s|=)/.test(result.rerun) || !PLAIN_ARGUMENT.test(requirement.id)) return result.rerun;
  return `${result.rerun} --only ${requirement.id}`;
}

/** How long a requirement's cases took, added up; 0 when its cases are not in the result, as under load. */
export function durationMsOf(result: Result, requirement: RequirementResult): number {
  return (result.cases ?? []).reduce((sum, each) => (requirement.cases.includes(each.name) ? sum + each.durationMs : sum), 0);
}

/** Times of a witness from its first step on, as `+0.0`, `+12.3`. */
export function relativeMs(atMs: number, firstMs: number): string {
  return `+${formatNumber(Math.max(0, atMs - firstMs), 1)}`;
}
