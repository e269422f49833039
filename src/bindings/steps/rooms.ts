import type { Rooms } from "../../core/binding.ts";

/** Rooms are made by their first join. */
export const rooms: Rooms = { kind: "named", name: (label) => `notes-${label}` };
