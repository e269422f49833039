import type { Config } from "../config.ts";
import type { Faults } from "../faults.ts";

/** What a mutant replaces. State that a fault needs lives in the closure: one server, one fault. */
export type Faulty = (config: Config) => Partial<Faults>;

/** Every fault by its mutant's id. */
export const FAULTS: Readonly<Record<string, Faulty>> = {};
