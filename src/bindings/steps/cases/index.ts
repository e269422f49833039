import type { CaseDefinition } from "../../../core/case.ts";

/** What is special to this protocol. */
export const cases: readonly CaseDefinition[] = [];
