import { decodeUtf8 } from "../../core/utf8.ts";
import { type Notification, readNotification } from "./messages.ts";

/** What the last bytes of a notification are: the key `subscriptionId` and a text of 26 letters, a ULID. */
const TAIL_KEY = Uint8Array.of(0x6e, 0x73, 0x75, 0x62, 0x73, 0x63, 0x72, 0x69, 0x70, 0x74, 0x69, 0x6f, 0x6e, 0x49, 0x64, 0x78, 0x1a);
const ID_LENGTH = 26;

/** News of many streams interleave; each of them is heard by many subscribers within milliseconds. */
const KEPT_MAX = 256;
const KEPT_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes that are looked at to find a notification again; equality is then judged on all of them. */
const SAMPLES = 32;

interface Kept {
  /** All but the subscription's id. */
  readonly body: Uint8Array;
  readonly response: Notification["response"];
}

const kept = new Map<number, Kept>();
let keptBytes = 0;

/**
 * Reads a notification. Those of one stream differ between subscribers in their id only, so that the first one is
 * decoded and the others are recognised, byte by byte: a response that is the very same object was the very same
 * bytes.
 */
export function readNews(payload: unknown): ReturnType<typeof readNotification> {
  if (!(payload instanceof Uint8Array)) return readNotification(payload);
  const bodyEnd = payload.length - ID_LENGTH;
  if (!hasTail(payload, bodyEnd)) return readNotification(payload);
  const key = sampled(payload, bodyEnd);
  const known = kept.get(key);
  if (known !== undefined && isEqual(known.body, payload, bodyEnd)) {
    const subscriptionId = decodeUtf8(payload, bodyEnd, payload.length);
    if (subscriptionId !== undefined) return { ok: true, value: { subscriptionId, response: known.response } };
  }
  const read = readNotification(payload);
  if (read.ok) keep(key, { body: payload.slice(0, bodyEnd), response: read.value.response });
  return read;
}

function keep(key: number, entry: Kept): void {
  keptBytes += entry.body.length - (kept.get(key)?.body.length ?? 0);
  kept.delete(key);
  kept.set(key, entry);
  for (const [oldest, { body }] of kept) {
    if (kept.size <= KEPT_MAX && keptBytes <= KEPT_BYTES_MAX) return;
    kept.delete(oldest);
    keptBytes -= body.length;
  }
}

function hasTail(payload: Uint8Array, bodyEnd: number): boolean {
  const from = bodyEnd - TAIL_KEY.length;
  if (from < 1) return false;
  for (let index = 0; index < TAIL_KEY.length; index += 1) if (payload[from + index] !== TAIL_KEY[index]) return false;
  return true;
}

/** The length, and bytes from all over with most from the end, where rows and flags of the newest stand. */
function sampled(payload: Uint8Array, end: number): number {
  let hash = end | 0;
  const step = Math.max(1, Math.floor(end / SAMPLES));
  for (let at = end - 1; at >= 0; at -= step) hash = (Math.imul(hash, 31) + (payload[at] ?? 0)) | 0;
  for (let at = Math.max(0, end - 160); at < end; at += 3) hash = (Math.imul(hash, 31) + (payload[at] ?? 0)) | 0;
  return hash;
}

function isEqual(body: Uint8Array, payload: Uint8Array, end: number): boolean {
  if (body.length !== end) return false;
  for (let index = end - 1; index >= 0; index -= 1) if (body[index] !== payload[index]) return false;
  return true;
}
