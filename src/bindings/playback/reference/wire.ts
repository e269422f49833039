import type { Patch } from "./rooms.ts";

/** A message of a client, understood. `raw` is the whole object as it came. */
export type Incoming =
  | { readonly type: "SYNC_REQUEST" | "HEARTBEAT"; readonly raw: JsonObject }
  | { readonly type: "UPDATE_PLAYBACK"; readonly patch: Patch; readonly payload: JsonObject; readonly raw: JsonObject };

export type JsonObject = Readonly<Record<string, unknown>>;

/** Why a frame cannot be used; goes to its sender as the payload of an `ERROR`. */
export interface Unusable {
  readonly refusal: string;
}

/** What a position may be; `currentTimeMin` is 0 but for a fault. */
export interface Bounds {
  readonly currentTimeMin: number;
}

const SPEED_MIN = 0.25;
const SPEED_MAX = 4;

/** Understands one frame (P-3, P-14). Never throws; unknown fields are dropped. */
export function parseFrame(data: Buffer, isBinary: boolean, bounds: Bounds): Incoming | Unusable {
  if (isBinary) return { refusal: "Messages are JSON in text frames" };
  let raw: unknown;
  try {
    raw = JSON.parse(data.toString("utf8"));
  } catch {
    return { refusal: "Message is no JSON" };
  }
  if (!isObject(raw)) return { refusal: "Message is no object" };
  switch (raw["type"]) {
    case "SYNC_REQUEST":
    case "HEARTBEAT":
      return { type: raw["type"], raw };
    case "UPDATE_PLAYBACK": {
      const payload = raw["payload"];
      if (!isObject(payload)) return { refusal: "payload must be an object" };
      const patch = parsePatch(payload, bounds);
      return "refusal" in patch ? patch : { type: "UPDATE_PLAYBACK", patch: patch.patch, payload, raw };
    }
    default:
      return { refusal: "Unknown message type" };
  }
}

function parsePatch(payload: JsonObject, bounds: Bounds): { readonly patch: Patch } | Unusable {
  const patch: { -readonly [field in keyof Patch]: Patch[field] } = {};
  const given = (field: string): boolean => Object.hasOwn(payload, field);
  for (const field of ["mediaUrl", "mediaType"] as const) {
    if (!given(field)) continue;
    const value = payload[field];
    if (typeof value !== "string") return { refusal: `${field} must be a string` };
    patch[field] = value;
  }
  if (given("isPlaying")) {
    const value = payload["isPlaying"];
    if (typeof value !== "boolean") return { refusal: "isPlaying must be a boolean" };
    patch.isPlaying = value;
  }
  if (given("currentTime")) {
    const value = payload["currentTime"];
    if (typeof value !== "number" || !(value >= bounds.currentTimeMin && value <= Number.MAX_SAFE_INTEGER)) {
      return { refusal: "currentTime must be a number from 0 to 2^53-1" };
    }
    patch.currentTime = value;
  }
  if (given("playbackSpeed")) {
    const value = payload["playbackSpeed"];
    if (typeof value !== "number" || !(value >= SPEED_MIN && value <= SPEED_MAX)) {
      return { refusal: `playbackSpeed must be a number from ${SPEED_MIN} to ${SPEED_MAX}` };
    }
    patch.playbackSpeed = value;
  }
  return { patch };
}

/** Whether a value from JSON is an object and no array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A message of the server, framed once for all who get it. */
export function frameMessage(type: string, payload: unknown): Buffer {
  return frameText(JSON.stringify({ type, payload }));
}

/**
 * One unmasked text frame (RFC 6455 §5.2), header and payload in one buffer: a broadcast is then one write a member,
 * which takes half the time of framing it anew for each.
 */
export function frameText(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafeSlow(header + length);
  frame[0] = 0x81;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, header, "utf8");
  return frame;
}
