import { FINDINGS_MAX, type CheckerOutcome, type Finding, type Property } from "../core/checker.ts";
import type { Reason } from "../core/reason.ts";

/** What one checker counts while it folds; `outcome` gives it as plain JSON. */
export interface Tally {
  judged(count?: number): void;
  broke(finding: Omit<Finding, "property">): void;
  /** A bound was met: the first word said stands. */
  bound(why: string): void;
  outcome(): CheckerOutcome;
}

export function createTally(property: Property): Tally {
  let judged = 0;
  let why: string | undefined;
  const broken: Partial<Record<Reason, number>> = {};
  const timed: Partial<Record<Reason, number>> = {};
  const findings: Finding[] = [];
  return {
    judged: (count = 1) => {
      judged += count;
    },
    broke: (finding) => {
      const { reason } = finding;
      // What is late always rests on time.
      const isTimed = reason === "late" || finding.isTimed === true;
      broken[reason] = (broken[reason] ?? 0) + 1;
      if (isTimed) timed[reason] = (timed[reason] ?? 0) + 1;
      const count = isTimed ? (timed[reason] ?? 0) : (broken[reason] ?? 0) - (timed[reason] ?? 0);
      if (count <= FINDINGS_MAX) findings.push({ property, ...finding, ...(isTimed ? { isTimed } : {}) });
    },
    bound: (text) => {
      why ??= text;
    },
    outcome: () => ({
      property,
      judged,
      broken,
      ...(Object.keys(timed).length === 0 ? {} : { timed }),
      findings,
      ...(why === undefined ? {} : { inconclusiveBecause: why }),
    }),
  };
}
