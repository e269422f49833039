import { effectiveLevel, type Profile, type Requirement } from "./requirement.ts";

/** `reported` stands beside the five: shown, never judged. */
export type Verdict = "pass" | "fail" | "warning" | "inconclusive" | "skipped" | "reported";

const WEIGHT = { skipped: 0, reported: 1, pass: 2, warning: 3, inconclusive: 4, fail: 5 } as const satisfies Record<Verdict, number>;

/**
 * The verdict of two parts of one thing: fail > inconclusive > warning > pass; skipped and reported give way to
 * anything that was judged. Associative and commutative, so that shards merge in any order.
 */
export function mergeVerdicts(left: Verdict, right: Verdict): Verdict {
  return WEIGHT[left] >= WEIGHT[right] ? left : right;
}

/** The merged verdict of all; `skipped` when there is none. */
export function mergeAll(verdicts: Iterable<Verdict>): Verdict {
  let merged: Verdict = "skipped";
  for (const verdict of verdicts) merged = mergeVerdicts(merged, verdict);
  return merged;
}

/** What a broken check means for a requirement: a MUST fails, a SHOULD warns, a MAY or a reported entry is only shown. */
export function brokenVerdict(requirement: Requirement, profile: Profile): Verdict {
  if (requirement.reported !== undefined) return "reported";
  const level = effectiveLevel(requirement, profile);
  if (level === "MUST") return "fail";
  return level === "SHOULD" ? "warning" : "reported";
}
