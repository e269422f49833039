import type { Requirement } from "../../core/requirement.ts";
import { editing } from "./requirements/editing.ts";
import { hardness } from "./requirements/hardness.ts";
import { people } from "./requirements/people.ts";

/**
 * What a server of this protocol must meet, in words of the dialect `documented`. Decisions that the checks name (S-n)
 * stand in docs/steps.md.
 */
export const requirements: readonly Requirement[] = [...editing, ...people, ...hardness];
