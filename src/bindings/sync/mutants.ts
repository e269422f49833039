import type { Mutant } from "../../core/binding.ts";

export const mutants: readonly Mutant[] = [];
