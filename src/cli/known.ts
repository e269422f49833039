import type { RequirementResult } from "../core/result.ts";
import type { KnownFailure } from "../core/target.ts";

/** Results with their known failures marked, and what is wrong with the entries. */
export interface KnownOutcome {
  readonly requirements: readonly RequirementResult[];
  /** Entries of rate `always` whose failure did not happen: one line each. */
  readonly stale: readonly string[];
  /** Entries whose requirement was not judged at all though it was asked for: one line each. */
  readonly unmatched: readonly string[];
}

/**
 * Holds results against known failures. A failure is excused only when every reason it broke for is declared; then
 * it stands in the result as it is, marked `excused`, and does not count. `always` that passes, or that fails without
 * the declared reason, is stale; `sometimes` may go either way.
 */
export function applyKnown(results: readonly RequirementResult[], known: readonly KnownFailure[]): KnownOutcome {
  const stale: string[] = [];
  const unmatched: string[] = [];
  const requirements = results.map((result): RequirementResult => {
    const entries = known.filter((entry) => entry.id === result.id);
    const first = entries[0];
    if (first === undefined) return result;
    if (result.verdict === "skipped" || result.verdict === "reported") {
      unmatched.push(`known failure ${result.id} matches nothing: the requirement was not judged (${result.observed})`);
      return result;
    }
    if (result.verdict === "inconclusive") return result;
    const missing = entries.filter((entry) => entry.rate === "always" && !result.reasons.includes(entry.reason));
    for (const entry of missing) {
      stale.push(
        `known failure ${entry.id} (${entry.reason}) is stale: ${result.reasons.length === 0 ? "it passes now" : `it fails for ${result.reasons.join(", ")}`}`,
      );
    }
    const because = { because: first.because, until: first.until };
    if (missing.length > 0) return { ...result, known: { ...because, state: "stale" } };
    if (result.verdict === "pass") return { ...result, known: { ...because, state: "flaky-pass" } };
    const isDeclared = result.reasons.every((reason) => entries.some((entry) => entry.reason === reason));
    return isDeclared ? { ...result, known: { ...because, state: "excused" } } : result;
  });
  return { requirements, stale, unmatched };
}

/** Whether a result counts toward the run's verdict. */
export function counts(result: RequirementResult): boolean {
  return result.known?.state !== "excused";
}
