import { decode, encode } from "@msgpack/msgpack";
import { type ClientMessage, isEntityId } from "../messages.ts";

/** Close codes of this server. */
export const CLOSE = {
  goingAway: 1001,
  textFrame: 1003,
  badPayload: 1007,
  serverFault: 1011,
  restart: 1012,
  tryLater: 1013,
  badMessage: 4400,
  revoked: 4401,
  peerSilent: 4408,
  slowReader: 4413,
  /** The document is on another of several servers; the reason names it. */
  otherServer: 4421,
  rate: 4429,
} as const;

/** A client's message, or the code that closes its socket. */
export function readFrame(bytes: Uint8Array): ClientMessage | { readonly code: number; readonly problem: string } {
  const bad = (problem: string): { readonly code: number; readonly problem: string } => ({ code: CLOSE.badPayload, problem });
  let value: unknown;
  try {
    value = decode(bytes, { maxMapLength: 64, maxArrayLength: 64, maxExtLength: 0 });
  } catch {
    return bad("no msgpack");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) return bad("no map");
  const { type, entityId, versionVector, update } = value as Readonly<Record<string, unknown>>;
  if (type !== "subscribe" && type !== "unsubscribe" && type !== "sendUpdate") return bad("unknown type");
  if (typeof entityId !== "string") return bad("entityId is missing or of a wrong type");
  if (type === "subscribe" && !(versionVector instanceof Uint8Array)) return bad("versionVector is missing or of a wrong type");
  if (type === "sendUpdate" && !(update instanceof Uint8Array)) return bad("update is missing or of a wrong type");
  if (!isEntityId(entityId)) return { code: CLOSE.badMessage, problem: "no entity id" };
  if (type === "subscribe" && versionVector instanceof Uint8Array) return { type, entityId, versionVector };
  if (type === "sendUpdate" && update instanceof Uint8Array) return { type, entityId, update };
  return { type: "unsubscribe", entityId };
}

/** The frame that passes an update on. */
export function updateFrame(entityId: string, update: Uint8Array): Uint8Array {
  return encode({ type: "handleUpdate", update, entityId });
}
