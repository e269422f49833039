import { type DoorFaults, PRISTINE_DOOR, PRISTINE_SQL, type SqlFaults } from "../faults.ts";
import { DOOR_FAULTS } from "./door.ts";
import { SQL_FAULTS } from "./sql.ts";

/** Ids of all deliberate faults. */
export const FAULT_IDS: readonly string[] = [...Object.keys(SQL_FAULTS), ...Object.keys(DOOR_FAULTS)];

/** The points of a process that runs SQL, under the fault of that id; right ones for every other. */
export function sqlFaultsOf(id: string): SqlFaults {
  return { ...PRISTINE_SQL, ...SQL_FAULTS[id]?.() };
}

/** The points of the process that holds the sockets. */
export function doorFaultsOf(id: string): DoorFaults {
  return { ...PRISTINE_DOOR, ...DOOR_FAULTS[id]?.() };
}
