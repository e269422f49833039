/**
 * The closed list of words for how a system breaks a requirement. Verdicts, known failures and mutants share it,
 * so that a failure can be held against the reason that was declared for it.
 */
export const REASONS = [
  "lost",
  "doubled",
  "disordered",
  "damaged",
  "foreign",
  "stale",
  "diverged",
  "ghost",
  "absent",
  "early",
  "late",
  "not-refused",
  "wrong-refusal",
  "silent",
  "crashed",
  "closed",
  "leaked",
  "over-limit",
  "malformed",
  "miscounted",
] as const;

export type Reason = (typeof REASONS)[number];

/** Whether a word from outside is one of the closed list. */
export function isReason(word: string): word is Reason {
  return (REASONS as readonly string[]).includes(word);
}
