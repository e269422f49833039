import type { Faulty } from "./fault.ts";
import { hardness } from "./hardness.ts";
import { people } from "./people.ts";
import { writing } from "./writing.ts";

/** Every fault by its mutant's id. */
export const FAULTS: Readonly<Record<string, Faulty>> = { ...writing, ...people, ...hardness };
