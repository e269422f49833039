import type { Frame } from "../../core/session.ts";
import { decodePack, encodePack, type PackValue } from "./msgpack.ts";
import { type CborValue, encodeCbor } from "./dag-cbor.ts";

/** One frame of either side: a control packet of Engine.IO 4 as text, or a socket.io packet as bytes. */
export type WireFrame =
  | { readonly kind: "open"; readonly pingIntervalMs: number; readonly pingTimeoutMs: number; readonly maxPayloadBytes: number }
  | { readonly kind: "ping" | "pong" | "close" | "noop" }
  | Packet;

/** A socket.io packet of the namespace `/`. */
export type Packet =
  | { readonly kind: "connect"; readonly data: Readonly<Record<string, PackValue>> }
  | { readonly kind: "disconnect" }
  | { readonly kind: "event"; readonly name: string; readonly arg: PackValue; readonly id: number | undefined }
  | { readonly kind: "ack"; readonly id: number; readonly payload: PackValue }
  | { readonly kind: "connectError"; readonly message: string };

export type ReadFrame = { readonly ok: true; readonly value: WireFrame } | { readonly ok: false; readonly problem: string };

/** Where clients connect, WebSocket from the first byte. */
export const SOCKET_PATH = "/socket.io/?EIO=4&transport=websocket";

const CONTROL: Readonly<Record<string, "ping" | "pong" | "close" | "noop">> = { "1": "close", "2": "ping", "3": "pong", "6": "noop" };
const TYPE = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4 } as const;

/** Reads a frame of the server or of a client; never throws. */
export function readFrame(frame: Frame): ReadFrame {
  if (typeof frame === "string") return readControl(frame);
  const decoded = decodePack(frame);
  if (!decoded.ok) return bad(`no MessagePack: ${decoded.problem}`);
  const packet = decoded.value;
  if (!isRecord(packet)) return bad("a packet that is no map");
  if (packet["nsp"] !== "/") return bad("a packet of another namespace");
  const { type, data, id } = packet;
  switch (type) {
    case TYPE.connect:
      if (data !== undefined && !isRecord(data)) return bad("a CONNECT with data that is no map");
      return good({ kind: "connect", data: data ?? {} });
    case TYPE.disconnect:
      return good({ kind: "disconnect" });
    case TYPE.event: {
      if (!isList(data) || typeof data[0] !== "string") return bad("an EVENT without a name");
      if (id !== undefined && typeof id !== "number") return bad("an EVENT with an id that is no number");
      return good({ kind: "event", name: data[0], arg: data[1], id });
    }
    case TYPE.ack:
      if (!isList(data) || typeof id !== "number") return bad("an ACK without data or id");
      return good({ kind: "ack", id, payload: data[0] });
    case TYPE.connectError: {
      const message = isRecord(data) ? data["message"] : data;
      return good({ kind: "connectError", message: typeof message === "string" ? message : "" });
    }
    default:
      return bad(`a packet of type ${typeof type === "number" ? type : typeof type}`);
  }
}

function readControl(text: string): ReadFrame {
  if (!text.startsWith("0")) {
    const kind = text.length === 1 || text === "2probe" || text === "3probe" ? CONTROL[text.charAt(0)] : undefined;
    return kind === undefined ? bad(`the text frame ${text.slice(0, 40)}`) : good({ kind });
  }
  const fields = parseJson(text.slice(1));
  const [pingIntervalMs, pingTimeoutMs] = [fields["pingInterval"], fields["pingTimeout"]];
  const maxPayloadBytes = fields["maxPayload"];
  if (typeof pingIntervalMs !== "number" || typeof pingTimeoutMs !== "number") return bad("an open packet without ping times");
  return good({ kind: "open", pingIntervalMs, pingTimeoutMs, maxPayloadBytes: typeof maxPayloadBytes === "number" ? maxPayloadBytes : 0 });
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function good(value: WireFrame): ReadFrame {
  return { ok: true, value };
}

function bad(problem: string): ReadFrame {
  return { ok: false, problem };
}

function isRecord(value: PackValue): value is Readonly<Record<string, PackValue>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isList(value: PackValue): value is readonly PackValue[] {
  return Array.isArray(value);
}

/** CONNECT with a token; without one the session is anonymous. */
export function connectFrame(token: string | undefined): Uint8Array {
  return encodePack({ type: TYPE.connect, nsp: "/", data: token === undefined ? {} : { token } });
}

/** The polite end of a session. */
export function disconnectFrame(): Uint8Array {
  return encodePack({ type: TYPE.disconnect, nsp: "/" });
}

/** A call: an EVENT whose one argument is DAG-CBOR. Without an id no answer is wanted. */
export function callFrame(name: string, arg: CborValue, id: number | undefined): Uint8Array {
  return rawCallFrame(name, encodeCbor(arg), id);
}

/** As `callFrame`, with the argument's bytes (or whatever else) as given. */
export function rawCallFrame(name: string, arg: PackValue, id: number | undefined): Uint8Array {
  return encodePack({ type: TYPE.event, nsp: "/", ...(id === undefined ? {} : { id }), data: [name, arg] });
}

/** Frames of the server's side, for tests that have no server. */
export function serverFrame(packet: Packet): Uint8Array {
  switch (packet.kind) {
    case "connect":
      return encodePack({ type: TYPE.connect, nsp: "/", data: packet.data });
    case "disconnect":
      return disconnectFrame();
    case "event":
      return encodePack({ type: TYPE.event, nsp: "/", data: [packet.name, packet.arg] });
    case "ack":
      return encodePack({ type: TYPE.ack, nsp: "/", data: [packet.payload], id: packet.id });
    case "connectError":
      return encodePack({ type: TYPE.connectError, nsp: "/", data: { message: packet.message } });
  }
}
