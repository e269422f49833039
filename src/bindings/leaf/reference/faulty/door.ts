import type { DoorFaults } from "../faults.ts";

export const DOOR_FAULTS: Readonly<Record<string, () => Partial<DoorFaults>>> = {};
