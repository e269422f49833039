import type { Mutant } from "../../core/binding.ts";

/** Reference servers with one deliberate fault each. */
export const mutants: readonly Mutant[] = [];
