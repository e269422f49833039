import { FINDINGS_MAX, type CheckerOutcome, type Finding, type Property, type WitnessStep } from "../core/checker.ts";
import type { Reason } from "../core/reason.ts";

/** What broke, by property: all of it counted, the first FINDINGS_MAX of each reason kept with a witness. */
export class Breaches {
  readonly #findings: Finding[] = [];
  readonly #counts: Map<Property, Map<Reason, number>> = new Map();

  /** `witness` is asked for only when the finding is kept. */
  add(finding: Omit<Finding, "witness">, witness: () => readonly WitnessStep[]): void {
    const counts = this.#counts.get(finding.property) ?? new Map<Reason, number>();
    const count = (counts.get(finding.reason) ?? 0) + 1;
    counts.set(finding.reason, count);
    this.#counts.set(finding.property, counts);
    if (count <= FINDINGS_MAX) this.#findings.push({ ...finding, witness: witness() });
  }

  of(property: Property): Pick<CheckerOutcome, "broken" | "findings"> {
    return {
      broken: Object.fromEntries(this.#counts.get(property) ?? []),
      findings: this.#findings.filter((finding) => finding.property === property),
    };
  }
}
