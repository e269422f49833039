import type { Detail, Observation } from "../../core/observation.ts";

/** What a client's session says, with whose it is. Each act is told as `invoked`: copied by name, which is quicker. */
export function observed(detail: Detail, atMs: number, client: number, room: string): Observation {
  if (detail.kind !== "invoked") return { ...detail, atMs, client, room };
  const { kind, op, act, plannedMs, marker } = detail;
  if (marker === undefined) return { kind, op, act, plannedMs, atMs, client, room };
  return { kind, op, act, plannedMs, marker, atMs, client, room };
}
