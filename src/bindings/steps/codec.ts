import type { Frame } from "../../core/session.ts";
import type { Json } from "../../core/op.ts";
import { documented } from "./documented.ts";
import { type Fields, isFields, own, parseJson } from "./json.ts";
import { bad, type ClientMessage, good, type Parsed, type ServerMessage } from "./messages.ts";
import { upstream } from "./upstream.ts";

/** What a message needs that it does not say itself. */
export interface Addressing {
  readonly room: string;
  /** The client's own id; to a server's message: whom it is for. */
  readonly user: string;
  /** Milliseconds since 1970; informative only (S-14). */
  readonly epochMs: number;
}

/** Names and forms of one dialect. A codec never throws, whatever it is handed. */
export interface Codec {
  readonly dialect: Dialect;
  /** Path of the socket of a room, behind the base path. */
  path(room: string): string;
  writeClient(message: ClientMessage, to: Addressing): string;
  writeServer(message: ServerMessage, to: Addressing): string;
  /** A client's message from parsed JSON, as a server must take it (S-19). `room` where the message names one. */
  readClient(fields: Fields, type: string): Parsed<{ readonly message: ClientMessage; readonly room?: string; readonly sender?: string }>;
  readServer(fields: Fields, type: string): Parsed<ServerMessage>;
}

export const DIALECTS = ["documented", "upstream"] as const;
export type Dialect = (typeof DIALECTS)[number];

const CODECS: Readonly<Record<Dialect, Codec>> = { documented, upstream };

/** The codec of a dialect; an unknown name gives the default's. */
export function codecOf(dialect: string): Codec {
  return CODECS[DIALECTS.find((each) => each === dialect) ?? "documented"];
}

/**
 * Characters of a frame that is still parsed. A snapshot holds what clients may send (1 MiB a message) many times over;
 * 64 Mi characters are no document but an attack on the reader.
 */
export const FRAME_CHARACTERS_MAX: number = 64 * 1024 * 1024;

/** Reads a server's frame. Never throws. */
export function readServerFrame(codec: Codec, frame: Frame): Parsed<ServerMessage> {
  const opened = openFrame(frame);
  return opened.ok ? codec.readServer(opened.value.fields, opened.value.type) : opened;
}

/** Reads a client's frame: first what it is, then what it says (S-1). Never throws. */
export function readClientFrame(codec: Codec, frame: Frame): ReturnType<Codec["readClient"]> {
  const opened = openFrame(frame);
  return opened.ok ? codec.readClient(opened.value.fields, opened.value.type) : opened;
}

function openFrame(frame: Frame): Parsed<{ readonly fields: Fields; readonly type: string }> {
  if (typeof frame !== "string") return bad("bad_frame", "messages are JSON in text frames");
  if (frame.length > FRAME_CHARACTERS_MAX) return bad("too_large", `a frame of ${frame.length} characters`);
  const value: Json | undefined = parseJson(frame);
  if (value === undefined) return bad("bad_json", "the frame is no JSON");
  if (!isFields(value)) return bad("bad_message", "a message is an object");
  const type = own(value, "type");
  return typeof type === "string" ? good({ fields: value, type }) : bad("bad_message", "a message has a type");
}
