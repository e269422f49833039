import type { Activity, Patch, Playback, PlaybackState, Room, RoomFullState, RoomMeta } from "./rooms.ts";
import type { JsonObject } from "./wire.ts";

/** An open socket, as far as a fault may see it. */
export interface Listener {
  readonly userId: string;
  readonly room: Room;
  readonly openedMs: number;
  /** Where it comes from, such as `127.0.1.1`. */
  readonly address: string;
  /** Messages that were refused so far. */
  readonly refusedCount: number;
  /** Messages that came so far, the one in hand included. */
  readonly messageCount: number;
}

/**
 * The points at which a mutant may act. The server asks at each of them; `PRISTINE` gives the right answer, and a
 * mutant replaces one or two. Nothing else in the server knows of mutants.
 */
export interface Faults {
  // Rooms come and go.
  /** The id of a new room. */
  readonly roomId: (fresh: string, creatorId: string) => string;
  /** What `POST /rooms` answers. */
  readonly creationAnswer: (meta: RoomMeta, room: Room) => object;
  /** What becomes of a join to an id that is not there. */
  readonly unknownRoom: (roomId: string) => "refused" | "made" | "ignored";
  readonly isActivity: (room: Room, activity: Activity, userId: string, nowMs: number) => boolean;
  readonly roomLifeMs: (room: Room, roomLifeMs: number) => number;
  /** What the open sockets of a deleted room get: an error and a close, nothing, or the error alone. */
  readonly farewell: (room: Room) => "closed" | "silent" | "told";
  /** Whether an act on a socket of a deleted room brings the room back. */
  readonly isRevivedBy: (room: Room, type: string) => boolean;

  // Users come and go.
  /** Whether there is a place for one more user. */
  readonly fits: (room: Room) => boolean;
  readonly isJoinTold: (room: Room) => boolean;
  /** `memberCount` in `USER_JOINED` and `USER_LEFT`. */
  readonly memberCount: (count: number) => number;
  /** Whether a socket that closed is taken out of the room. */
  readonly isGone: (listener: Listener, code: number) => boolean;
  /** Whether a user's going ends the room for the others, `remaining` sockets. */
  readonly endsRoom: (room: Room, code: number, remaining: number) => boolean;
  readonly handsHostOn: (room: Room) => boolean;

  // The state.
  /** The playback after an update; `merged` is right. `room.playback` is still the one before. */
  readonly merge: (room: Room, userId: string, patch: Patch, merged: Playback, nowMs: number) => Playback;
  readonly author: (userId: string, payload: JsonObject) => string;
  /** How far the media has moved since the last update. */
  readonly mediaElapsedMs: (room: Room, elapsedMs: number, nowMs: number) => number;
  /** What `SYNC_FULL_STATE` says to the one who asked. */
  readonly answer: (state: RoomFullState, asker: Listener, nowMs: number) => RoomFullState;
  readonly askedBy: (asker: Listener, nowMs: number) => "asker" | "everybody" | "nobody";
  /** What `PLAYBACK_UPDATED` says. */
  readonly broadcast: (state: PlaybackState, room: Room, patch: Patch) => Partial<PlaybackState>;

  // Messages in and out.
  /** Calls `take` for the message in hand, now or later. */
  readonly takeUpdate: (author: Listener, take: () => void) => void;
  /** The room that a message is for. */
  readonly destination: (room: Room, raw: JsonObject, byId: (id: string) => Room | undefined) => Room;
  /** Another room that hears an update too. */
  readonly overhears: (room: Room, all: () => Iterable<Room>) => Room | undefined;
  /** Calls `send` for each listener of an update, now or later. */
  readonly fanOut: (room: Room, authorId: string, listeners: Iterable<Listener>, send: (listener: Listener) => void) => void;
  /** Whether the right fields of an update are taken where another one is wrong. */
  readonly takesPart: boolean;
  /** What becomes of an unusable message. */
  readonly refusal: (sender: Listener) => "told" | "silent" | "told to all" | "room closed";
}

/** No fault at all. */
export const PRISTINE: Faults = {
  roomId: (fresh) => fresh,
  creationAnswer: (meta) => meta,
  unknownRoom: () => "refused",
  isActivity: () => true,
  roomLifeMs: (_room, roomLifeMs) => roomLifeMs,
  farewell: () => "closed",
  isRevivedBy: () => false,
  fits: (room) => room.members.size < room.maxParticipants,
  isJoinTold: () => true,
  memberCount: (count) => count,
  isGone: () => true,
  endsRoom: () => false,
  handsHostOn: () => true,
  merge: (_room, _userId, _patch, merged) => merged,
  author: (userId) => userId,
  mediaElapsedMs: (_room, elapsedMs) => elapsedMs,
  answer: (state) => state,
  askedBy: () => "asker",
  broadcast: (state) => state,
  takeUpdate: (_author, take) => take(),
  destination: (room) => room,
  overhears: () => undefined,
  fanOut: (_room, _authorId, listeners, send) => {
    for (const listener of listeners) send(listener);
  },
  takesPart: false,
  refusal: () => "told",
};
