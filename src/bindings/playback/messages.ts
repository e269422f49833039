/** What a room plays and how. */
export interface Playback {
  readonly mediaUrl: string;
  readonly mediaType: string;
  readonly isPlaying: boolean;
  /** Position in the media, milliseconds. */
  readonly currentTime: number;
  /** Factor; 1 is normal. */
  readonly playbackSpeed: number;
}

/** The playback part of a room's state with its last author (user id) and the server's time of that update (ISO 8601). */
export interface PlaybackState extends Playback {
  readonly lastUpdatedBy: string;
  readonly lastUpdated: string;
}

/** What the creation of a room answers with. */
export interface RoomMeta {
  readonly roomId: string;
  readonly name: string;
  /** The creator's user id, later that of whoever leads. */
  readonly hostId: string;
  readonly isPublic: boolean;
  readonly maxParticipants: number;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

export interface RoomListEntry extends RoomMeta {
  readonly currentMembers: number;
}

export interface RoomFullState extends RoomMeta {
  /** User ids. */
  readonly members: readonly string[];
  readonly playbackState: PlaybackState | null;
}

/** Client to server. */
export type PlayIn =
  | { readonly type: "SYNC_REQUEST" }
  | { readonly type: "UPDATE_PLAYBACK"; readonly payload: Partial<Playback> }
  /** Never answered. */
  | { readonly type: "HEARTBEAT" };

/** Server to client. */
export type PlayOut =
  | { readonly type: "USER_JOINED" | "USER_LEFT"; readonly payload: { readonly userId: string; readonly memberCount: number } }
  | { readonly type: "HOST_CHANGED"; readonly payload: { readonly newHostId: string } }
  | { readonly type: "PLAYBACK_UPDATED"; readonly payload: PlaybackState }
  | { readonly type: "SYNC_FULL_STATE"; readonly payload: RoomFullState }
  | { readonly type: "ERROR"; readonly payload: string }
  /** How some servers refuse an unusable frame; the socket stays open. */
  | { readonly type: "validation"; readonly on: "message"; readonly message: string };

/** A value that passed its guard, or what is wrong with it in a few words. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** A client may set no speed outside of these; checks stay within 0.5 and 2. */
export const SPEED_MIN = 0.25;
export const SPEED_MAX = 4;

type Fields = Readonly<Record<string, unknown>>;

/** A frame that no reader needs whole: what a peer sent stands in a report cut to this many characters. */
const SHOWN_CHARACTERS = 80;

function good<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function bad(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isFlag(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isPosition(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isSpeed(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

type Guards = Readonly<Record<string, (value: unknown) => boolean>>;

const PLAYBACK: Guards = { mediaUrl: isText, mediaType: isText, isPlaying: isFlag, currentTime: isPosition, playbackSpeed: isSpeed };
const PLAYBACK_PART: Guards = { ...PLAYBACK, playbackSpeed: (value) => isSpeed(value) && value >= SPEED_MIN && value <= SPEED_MAX };
const PLAYBACK_STATE: Guards = { ...PLAYBACK, lastUpdatedBy: isText, lastUpdated: isText };
const ROOM_META: Guards = {
  roomId: (value) => isText(value) && value !== "",
  name: isText,
  hostId: isText,
  isPublic: isFlag,
  maxParticipants: isCount,
  createdAt: isText,
};
const ROOM_LIST_ENTRY: Guards = { ...ROOM_META, currentMembers: isCount };
const ROOM_FULL_STATE: Guards = {
  ...ROOM_META,
  members: (value) => Array.isArray(value) && value.every(isText),
  playbackState: (value) => value === null || wrongField(value, PLAYBACK_STATE) === undefined,
};
const MEMBER: Guards = { userId: isText, memberCount: isCount };
const HOST: Guards = { newHostId: isText };

/** The first field that is missing or of another type than it must be; undefined when all are right. */
function wrongField(value: unknown, guards: Guards): string | undefined {
  if (!isFields(value)) return "the object itself";
  for (const name in guards) {
    if (!Object.hasOwn(value, name) || guards[name]?.(value[name]) !== true) return name;
  }
  return undefined;
}

function parseFields<T>(what: string, value: unknown, guards: Guards): Parsed<T> {
  const wrong = wrongField(value, guards);
  return wrong === undefined ? good(value as T) : bad(`${what}: ${wrong} is missing or of a wrong type`);
}

/** The answer to `POST /rooms`. Unknown fields pass. */
export function parseRoomMeta(value: unknown): Parsed<RoomMeta> {
  return parseFields("room", value, ROOM_META);
}

/** One entry of `GET /rooms`. */
export function parseRoomListEntry(value: unknown): Parsed<RoomListEntry> {
  return parseFields("room of the list", value, ROOM_LIST_ENTRY);
}

/** The payload of `SYNC_FULL_STATE` and the answer to `GET /rooms/:roomId`. */
export function parseRoomFullState(value: unknown): Parsed<RoomFullState> {
  return parseFields("full state", value, ROOM_FULL_STATE);
}

/** The payload of `PLAYBACK_UPDATED`. */
export function parsePlaybackState(value: unknown): Parsed<PlaybackState> {
  return parseFields("playback state", value, PLAYBACK_STATE);
}

/** A part of the playback state, as `UPDATE_PLAYBACK` carries it; fields that are there must be right. */
export function parsePlaybackPart(value: unknown): Parsed<Partial<Playback>> {
  if (!isFields(value)) return bad("payload is missing or no object");
  for (const name in PLAYBACK_PART) {
    if (Object.hasOwn(value, name) && PLAYBACK_PART[name]?.(value[name]) !== true)
      return bad(`payload: ${name} is of a wrong type or out of range`);
  }
  return good(value as Partial<Playback>);
}

/** A message of a server, from parsed JSON. Unknown fields pass, unknown types do not. */
export function parsePlayOut(value: unknown): Parsed<PlayOut> {
  if (!isFields(value)) return bad("message is no object");
  const type = value["type"];
  const payload = value["payload"];
  switch (type) {
    case "PLAYBACK_UPDATED":
      return asMessage(type, value, parsePlaybackState(payload));
    case "SYNC_FULL_STATE":
      return asMessage(type, value, parseRoomFullState(payload));
    case "USER_JOINED":
    case "USER_LEFT":
      return asMessage(type, value, parseFields("payload", payload, MEMBER));
    case "HOST_CHANGED":
      return asMessage(type, value, parseFields("payload", payload, HOST));
    case "ERROR":
      return isText(payload) ? good({ type, payload }) : bad("ERROR: payload is no text");
    case "validation":
      return value["on"] === "message" && isText(value["message"])
        ? good({ type, on: "message", message: value["message"] })
        : bad("validation: on or message is missing or of a wrong type");
    default:
      return bad(unknownType(type));
  }
}

/** A message of a client, from parsed JSON. */
export function parsePlayIn(value: unknown): Parsed<PlayIn> {
  if (!isFields(value)) return bad("message is no object");
  const type = value["type"];
  switch (type) {
    case "SYNC_REQUEST":
    case "HEARTBEAT":
      return good({ type });
    case "UPDATE_PLAYBACK": {
      const part = parsePlaybackPart(value["payload"]);
      return part.ok ? good({ type, payload: part.value }) : part;
    }
    default:
      return bad(unknownType(type));
  }
}

/** The whole message once its payload has passed: the object itself, not a copy. */
function asMessage(type: string, message: Fields, payload: Parsed<unknown>): Parsed<PlayOut> {
  return payload.ok ? good(message as unknown as PlayOut) : bad(`${type}: ${payload.problem}`);
}

function unknownType(type: unknown): string {
  return isText(type) ? `unknown message type "${type.slice(0, SHOWN_CHARACTERS)}"` : "message has no type";
}
