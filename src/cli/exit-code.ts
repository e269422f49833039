import type { Level } from "../core/requirement.ts";
import type { Verdict } from "../core/verdict.ts";

/** What a run came to, as far as its exit code needs it. */
export interface RunOutcome {
  /** Mistakes of flags, target file or known failures. */
  readonly usageErrors: number;
  /** Faults of our own. */
  readonly harnessFaults: number;
  readonly interrupted: boolean;
  /** Known failures that pass. */
  readonly staleKnown: number;
  /** Whether the target was ever reached. */
  readonly reached: boolean;
  /** Requirements that were judged either way, excused ones among them; what is only reported is not judged. */
  readonly judged: number;
  /** Verdicts that count: known failures that are excused are left out. `level` is the one in effect. */
  readonly verdicts: readonly { readonly level: Level; readonly verdict: Verdict }[];
}

export interface ExitOptions {
  readonly failOnWarning: boolean;
  readonly allowInconclusive: boolean;
}

/**
 * The exit code, the first that applies: 2 usage or configuration · 5 a fault of the harness · 130 interrupted ·
 * 1 a MUST failed or a known failure is stale · 3 the target was never reached · 4 a MUST is inconclusive or nothing
 * was judged · 0. `failOnWarning` makes a warning a 1; `allowInconclusive` lets inconclusive ones pass, but a run
 * that judged nothing at all stays a 4.
 */
export function exitCodeOf(outcome: RunOutcome, options: ExitOptions): number {
  if (outcome.usageErrors > 0) return 2;
  if (outcome.harnessFaults > 0) return 5;
  if (outcome.interrupted) return 130;
  const has = (verdict: Verdict): boolean => outcome.verdicts.some((each) => each.verdict === verdict);
  if (has("fail") || outcome.staleKnown > 0 || (options.failOnWarning && has("warning"))) return 1;
  if (!outcome.reached) return 3;
  const open = outcome.verdicts.some((each) => each.verdict === "inconclusive" && each.level === "MUST");
  if (open && !options.allowInconclusive) return 4;
  return outcome.judged === 0 ? 4 : 0;
}
