import type { Mutant } from "../core/binding.ts";
import type { Reason } from "../core/reason.ts";
import type { RequirementResult } from "../core/result.ts";

/** Whether a mutant was found out, exactly for what it declares. */
export interface Kill {
  readonly killed: boolean;
  /** What did not fit the declaration, one line each; empty when killed. */
  readonly problems: readonly string[];
}

/**
 * Killed: every declared requirement broke for its declared reason, and nothing else broke but what `also` lists. A
 * requirement that could no longer be judged (a crashed server) is not broken; one that breaks on the pristine server
 * too says nothing about the mutant. A declared MAY, which never fails, has to be reported with the reason.
 */
export function judgeKill(mutant: Mutant, results: readonly RequirementResult[], pristine: readonly RequirementResult[]): Kill {
  const problems: string[] = [];
  for (const { id, reason } of mutant.breaks) {
    const result = results.find((each) => each.id === id);
    if (result === undefined) problems.push(`${id} was not judged`);
    else if (!isBroken(result) && !(result.verdict === "reported" && result.reasons.length > 0))
      problems.push(`${id} ended ${result.verdict}: ${result.observed.slice(0, 200)}`);
    else if (!result.reasons.includes(reason)) problems.push(`${id} broke for ${result.reasons.join(", ")}, not for ${reason}`);
  }
  const allowed = [...mutant.breaks, ...(mutant.also ?? [])];
  const brokenBefore = new Set(pristine.filter(isBroken).map((each) => each.id));
  for (const result of results) {
    if (!isBroken(result) || brokenBefore.has(result.id)) continue;
    const reasons = new Set<Reason>(allowed.filter((each) => each.id === result.id).map((each) => each.reason));
    const stray = result.reasons.filter((reason) => !reasons.has(reason));
    if (stray.length > 0) problems.push(`${result.id} broke for ${stray.join(", ")} too: ${result.observed.slice(0, 200)}`);
  }
  return { killed: problems.length === 0, problems };
}

function isBroken(result: RequirementResult): boolean {
  return result.verdict === "fail" || result.verdict === "warning";
}
