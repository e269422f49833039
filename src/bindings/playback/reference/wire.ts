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

/** Whether the right fields of an update are taken where another one is wrong; false but for a fault. */
export interface Leniency {
  readonly takesPart: boolean;
}

const SPEED_MIN = 0.25;
const SPEED_MAX = 4;

/** Understands one frame (P-3, P-14). Never throws; unknown fields are dropped. */
export function parseFrame(data: Buffer, isBinary: boolean, leniency: Leniency): Incoming | Unusable {
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
      const patch = parsePatch(payload, leniency);
      return "refusal" in patch ? patch : { type: "UPDATE_PLAYBACK", patch: patch.patch, payload, raw };
    }
    default:
      return { refusal: "Unknown message type" };
  }
}

/** What each field of an update must be. */
const FIELDS = {
  mediaUrl: { isRight: (value: unknown) => typeof value === "string", wanted: "a string" },
  mediaType: { isRight: (value: unknown) => typeof value === "string", wanted: "a string" },
  isPlaying: { isRight: (value: unknown) => typeof value === "boolean", wanted: "a boolean" },
  currentTime: { isRight: (value: unknown) => isWithin(value, 0, Number.MAX_SAFE_INTEGER), wanted: "a number from 0 to 2^53-1" },
  playbackSpeed: {
    isRight: (value: unknown) => isWithin(value, SPEED_MIN, SPEED_MAX),
    wanted: `a number from ${SPEED_MIN} to ${SPEED_MAX}`,
  },
} as const;

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function parsePatch(payload: JsonObject, { takesPart }: Leniency): { readonly patch: Patch } | Unusable {
  const patch: Record<string, unknown> = {};
  for (const [name, { isRight, wanted }] of Object.entries(FIELDS)) {
    if (!Object.hasOwn(payload, name)) continue;
    if (isRight(payload[name])) patch[name] = payload[name];
    else if (!takesPart) return { refusal: `${name} must be ${wanted}` };
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
