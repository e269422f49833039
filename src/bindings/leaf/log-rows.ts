import type { Marker } from "../../core/marker.ts";
import { decodeEvent, eventText, markerOf, type StoredEvent } from "./events.ts";
import type { Row } from "./messages.ts";

/** A row of the query `log` as a reader understands it. */
export interface LogRow {
  readonly stored: StoredEvent;
  readonly payload: Uint8Array;
  readonly marker: Marker | undefined;
  /** Canonical text of the event with its position and author. */
  readonly content: string;
}

const known = new WeakMap<readonly Row[], readonly (LogRow | undefined)[]>();

/** The rows of an answer to `log`; undefined for one of another form. Worked out once for rows that many have heard. */
export function logRows(rows: readonly Row[]): readonly (LogRow | undefined)[] {
  const before = known.get(rows);
  if (before !== undefined) return before;
  const read = rows.map(logRow);
  known.set(rows, read);
  return read;
}

function logRow({ idx, user, payload }: Row): LogRow | undefined {
  if (idx?.kind !== "integer" || user?.kind !== "text" || payload?.kind !== "blob") return undefined;
  const event = decodeEvent(payload.value) ?? { kind: "" };
  const stored: StoredEvent = { idx: Number(idx.value), user: user.value, event };
  return { stored, payload: payload.value, marker: markerOf(event), content: eventText(stored) };
}
