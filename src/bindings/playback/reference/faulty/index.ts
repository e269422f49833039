import { type Faults, PRISTINE } from "../faults.ts";
import { DELIVERY_FAULTS } from "./delivery.ts";
import type { FaultMaker, FaultOptions } from "./fault.ts";
import { LIFE_FAULTS } from "./life.ts";
import { LOAD_FAULTS } from "./load.ts";
import { PEOPLE_FAULTS } from "./people.ts";
import { STATE_FAULTS } from "./state.ts";

const MAKERS: Readonly<Record<string, FaultMaker>> = {
  ...DELIVERY_FAULTS,
  ...STATE_FAULTS,
  ...LIFE_FAULTS,
  ...PEOPLE_FAULTS,
  ...LOAD_FAULTS,
};

/** Every fault that the server can be started with. */
export const FAULT_IDS: readonly string[] = Object.keys(MAKERS);

/** The pristine server's answers when `id` is undefined; undefined when there is no fault of that id. */
export function createFaults(id: string | undefined, options: FaultOptions): Faults | undefined {
  if (id === undefined) return PRISTINE;
  const make = Object.hasOwn(MAKERS, id) ? MAKERS[id] : undefined;
  return make === undefined ? undefined : { ...PRISTINE, ...make(options) };
}
