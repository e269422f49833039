import { type Marker, markerSum } from "../../core/marker.ts";
import type { Frame } from "../../core/session.ts";
import type { ClientMessage, ServerMessage } from "./messages.ts";
import { packMap, unpack, type Packed } from "./msgpack.ts";

/** A value that passed, or what is wrong with it in a few words. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

function fieldsOf(frame: Frame): Parsed<ReadonlyMap<string, Packed>> {
  if (typeof frame === "string") return bad("text frame; the protocol has binary frames only");
  const unpacked = unpack(frame);
  if ("problem" in unpacked) return bad(`no msgpack: ${unpacked.problem}`);
  return unpacked.value instanceof Map ? { ok: true, value: unpacked.value } : bad("no map");
}

function isBytes(value: Packed | undefined): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Reads a frame of a server. Unknown fields pass. Never throws. */
export function readServerFrame(frame: Frame): Parsed<ServerMessage> {
  const fields = fieldsOf(frame);
  if (!fields.ok) return fields;
  const [type, entityId, update] = [fields.value.get("type"), fields.value.get("entityId"), fields.value.get("update")];
  if (type !== "handleUpdate") return bad(`unknown type ${typeof type === "string" ? type.slice(0, 40) : typeof type}`);
  if (typeof entityId !== "string") return bad("handleUpdate: entityId is missing or of a wrong type");
  if (!isBytes(update)) return bad("handleUpdate: update is missing or of a wrong type");
  return { ok: true, value: { type, entityId, update } };
}

/** Reads a frame of a client. Unknown fields pass. Never throws. */
export function readClientFrame(frame: Frame): Parsed<ClientMessage> {
  const fields = fieldsOf(frame);
  if (!fields.ok) return fields;
  const type = fields.value.get("type");
  const entityId = fields.value.get("entityId");
  if (type !== "subscribe" && type !== "unsubscribe" && type !== "sendUpdate")
    return bad(`unknown type ${typeof type === "string" ? type.slice(0, 40) : typeof type}`);
  if (typeof entityId !== "string") return bad(`${type}: entityId is missing or of a wrong type`);
  if (type === "unsubscribe") return { ok: true, value: { type, entityId } };
  if (type === "subscribe") {
    const versionVector = fields.value.get("versionVector");
    return isBytes(versionVector)
      ? { ok: true, value: { type, entityId, versionVector } }
      : bad("subscribe: versionVector is missing or of a wrong type");
  }
  const update = fields.value.get("update");
  return isBytes(update) ? { ok: true, value: { type, entityId, update } } : bad("sendUpdate: update is missing or of a wrong type");
}

/** The frame of a client's message. */
export function clientFrame(message: ClientMessage): Uint8Array {
  switch (message.type) {
    case "subscribe":
      return packMap({ type: message.type, entityId: message.entityId, versionVector: message.versionVector });
    case "unsubscribe":
      return packMap({ type: message.type, entityId: message.entityId });
    case "sendUpdate":
      return packMap({ type: message.type, entityId: message.entityId, update: message.update });
  }
}

/** The frame of a server's message; for tests and for a server of ours in a test. */
export function serverFrame({ type, entityId, update }: ServerMessage): Uint8Array {
  return packMap({ type, update, entityId });
}

/** Begins the mark of a marked write inside an update's bytes. */
const MARK = [0x7e, 0x72, 0x63, 0x3a] as const;
/** Head and payload of a mark; longer ones are none of ours. */
const MARK_BYTES_MAX = 4_096;

/**
 * The text that a marked write carries in its entry of `log`, so that its marker can be read out of the bytes of an
 * update by any runtime: `~rc:run:author:n:sum:length:payload`. The sum covers the payload.
 * @param payload ASCII; `shown` text of the write's value.
 */
export function markText(marker: Marker, payload: string): string {
  const { run, author, n } = marker;
  return `~rc:${run}:${author}:${n}:${markerSum(run, author, n, payload)}:${payload.length}:${payload}`;
}

/** Markers in the bytes of an update, in their order there; what is cut short or was changed is not intact. */
export function markersIn(update: Uint8Array): readonly Marker[] {
  const found: Marker[] = [];
  for (let at = update.indexOf(MARK[0]); at >= 0; at = update.indexOf(MARK[0], at + 1)) {
    if (update[at + 1] !== MARK[1] || update[at + 2] !== MARK[2] || update[at + 3] !== MARK[3]) continue;
    const marker = readMark(update, at + MARK.length);
    if (marker !== undefined) found.push(marker);
  }
  return found;
}

function readMark(update: Uint8Array, from: number): Marker | undefined {
  const head = /^([^:~]*):([0-9]{1,9}):([0-9]{1,9}):([0-9a-f]{8}):([0-9]{1,4}):/.exec(ascii(update, from, from + 160));
  if (head === null) return undefined;
  const [whole = "", run = "", author = "", n = "", sum, length] = head;
  const start = from + whole.length;
  const payload = ascii(update, start, start + Math.min(MARK_BYTES_MAX, Number(length)));
  return { run, author: Number(author), n: Number(n), intact: markerSum(run, Number(author), Number(n), payload) === sum };
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < Math.min(to, bytes.length); at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Whether two byte strings are the same. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}
