import type { Mutant } from "../../core/binding.ts";

/** Faults of the reference server, one each. */
export const mutants: readonly Mutant[] = [];
