import { type Faults, PRISTINE } from "./faults.ts";
import type { JsonObject } from "./wire.ts";

/** What a room plays. `currentTime` in ms of media, `playbackSpeed` a factor. */
export interface Playback {
  readonly mediaUrl: string;
  readonly mediaType: string;
  readonly isPlaying: boolean;
  readonly currentTime: number;
  readonly playbackSpeed: number;
}

export type Patch = Partial<Playback>;

/** As it goes over the wire; `lastUpdated` ISO 8601 in UTC. */
export interface PlaybackState extends Playback {
  readonly lastUpdatedBy: string;
  readonly lastUpdated: string;
}

export interface RoomMeta {
  readonly roomId: string;
  readonly name: string;
  readonly hostId: string;
  readonly isPublic: boolean;
  readonly maxParticipants: number;
  readonly createdAt: string;
}

export interface RoomFullState extends RoomMeta {
  readonly members: readonly string[];
  readonly playbackState: PlaybackState | null;
}

/** A creation request, checked and with its defaults filled in. */
export interface RoomInput {
  readonly name: string;
  readonly mediaUrl: string;
  readonly mediaType: string;
  readonly isPlaying: boolean;
  readonly isPublic: boolean;
  readonly maxParticipants: number;
}

/** One room. All times are ms since 1970 of one clock that only goes forward. */
export interface Room {
  readonly id: string;
  readonly name: string;
  readonly isPublic: boolean;
  readonly maxParticipants: number;
  readonly createdMs: number;
  /** Names the last host while the room is empty. */
  hostId: string;
  /** Open sockets by user, longest present first. The creator is in it from creation on, with 0 sockets at first (2.3). */
  readonly members: Map<string, number>;
  playback: Playback;
  lastUpdatedBy: string;
  /** When `playback.currentTime` was right. */
  updatedMs: number;
  activeMs: number;
}

/** What counts as activity (P-4). */
export type Activity = "creation" | "join" | "HEARTBEAT" | "UPDATE_PLAYBACK" | "SYNC_REQUEST";

/** A fresh room as P-12 has it. */
export function createRoom(id: string, creatorId: string, input: RoomInput, nowMs: number): Room {
  return {
    id,
    name: input.name,
    isPublic: input.isPublic,
    maxParticipants: input.maxParticipants,
    createdMs: nowMs,
    hostId: creatorId,
    members: new Map([[creatorId, 0]]),
    playback: { mediaUrl: input.mediaUrl, mediaType: input.mediaType, isPlaying: input.isPlaying, currentTime: 0, playbackSpeed: 1 },
    lastUpdatedBy: creatorId,
    updatedMs: nowMs,
    activeMs: nowMs,
  };
}

/** How a join ended. `isFirstSocket`: the others are to hear of it. `hasNewHost`: who entered leads the room now. */
export type JoinOutcome =
  | { readonly kind: "joined"; readonly isFirstSocket: boolean; readonly hasNewHost: boolean }
  | { readonly kind: "full" };

/** One more socket of a user. A user that is a member has a place already (P-2, P-13). */
export function join(room: Room, userId: string, nowMs: number, faults: Faults = PRISTINE): JoinOutcome {
  const sockets = room.members.get(userId);
  if (sockets === undefined && !faults.fits(room)) return { kind: "full" };
  const wasEmpty = room.members.size === 0;
  const hasNewHost = wasEmpty && room.hostId !== userId;
  if (wasEmpty) room.hostId = userId;
  room.members.set(userId, (sockets ?? 0) + 1);
  touch(room, "join", userId, nowMs, faults);
  return { kind: "joined", isFirstSocket: (sockets ?? 0) === 0, hasNewHost };
}

/** What the others are to hear when a socket closed; `newHostId` after the leave. */
export interface LeaveOutcome {
  readonly hasLeft: boolean;
  readonly newHostId: string | undefined;
}

/** One socket of a user less; the last one takes the user out, and the longest-present member becomes host (P-13). */
export function leave(room: Room, userId: string, faults: Faults = PRISTINE): LeaveOutcome {
  const sockets = room.members.get(userId);
  if (sockets === undefined) return { hasLeft: false, newHostId: undefined };
  if (sockets > 1) {
    room.members.set(userId, sockets - 1);
    return { hasLeft: false, newHostId: undefined };
  }
  room.members.delete(userId);
  const [heir] = room.members.keys();
  if (room.hostId !== userId || heir === undefined || !faults.handsHostOn(room)) return { hasLeft: true, newHostId: undefined };
  room.hostId = heir;
  return { hasLeft: true, newHostId: heir };
}

/**
 * Merges an update as a whole and gives the state to broadcast (P-3). Without a position it first fixes the one
 * reached, so that a pause freezes it and a new speed counts from there.
 */
export function update(
  room: Room,
  userId: string,
  patch: Patch,
  payload: JsonObject,
  nowMs: number,
  faults: Faults = PRISTINE,
): PlaybackState {
  const merged = { ...room.playback, currentTime: positionAt(room, nowMs, faults), ...patch };
  room.playback = faults.merge(room, userId, patch, merged, nowMs);
  room.lastUpdatedBy = faults.author(userId, payload);
  room.updatedMs = nowMs;
  touch(room, "UPDATE_PLAYBACK", userId, nowMs, faults);
  return playbackState(room, nowMs, faults);
}

/** Notes an act that keeps the room. */
export function touch(room: Room, activity: Activity, userId: string, nowMs: number, faults: Faults = PRISTINE): void {
  if (faults.isActivity(room, activity, userId, nowMs)) room.activeMs = nowMs;
}

/** Whether the room has been unused for its whole life. */
export function isExpired(room: Room, nowMs: number, roomLifeMs: number, faults: Faults = PRISTINE): boolean {
  return nowMs - room.activeMs >= faults.roomLifeMs(room, roomLifeMs);
}

/** The position now: worked out and whole while playing, as given while paused. */
export function positionAt(room: Room, nowMs: number, faults: Faults = PRISTINE): number {
  const { isPlaying, currentTime, playbackSpeed } = room.playback;
  const elapsedMs = faults.mediaElapsedMs(room, isPlaying ? (nowMs - room.updatedMs) * playbackSpeed : 0, nowMs);
  return elapsedMs === 0 ? currentTime : Math.min(Math.round(currentTime + elapsedMs), Number.MAX_SAFE_INTEGER);
}

/** The playback part with the elapsed time worked in. */
export function playbackState(room: Room, nowMs: number, faults: Faults = PRISTINE): PlaybackState {
  return {
    ...room.playback,
    currentTime: positionAt(room, nowMs, faults),
    lastUpdatedBy: room.lastUpdatedBy,
    lastUpdated: isoTime(room.updatedMs),
  };
}

/** What the creation answer and the list say of a room. */
export function roomMeta(room: Room): RoomMeta {
  return {
    roomId: room.id,
    name: room.name,
    hostId: room.hostId,
    isPublic: room.isPublic,
    maxParticipants: room.maxParticipants,
    createdAt: isoTime(room.createdMs),
  };
}

/** All there is to know of a room now. */
export function roomFullState(room: Room, nowMs: number, faults: Faults = PRISTINE): RoomFullState {
  return { ...roomMeta(room), members: [...room.members.keys()], playbackState: playbackState(room, nowMs, faults) };
}

/** ISO 8601 in UTC of ms since 1970. */
export function isoTime(atMs: number): string {
  return new Date(Math.floor(atMs)).toISOString();
}

/** The rooms of one process. */
export interface RoomStore {
  readonly size: number;
  get(id: string): Room | undefined;
  /** A new room, or the one that already has the id (only a fault gives an id twice). */
  create(creatorId: string, input: RoomInput, nowMs: number): Room;
  /** A room with a given id; only faults make rooms so. */
  adopt(id: string, creatorId: string, nowMs: number): Room;
  all(): Iterable<Room>;
  delete(room: Room): void;
  /** Takes a deleted room back; only a fault does. */
  restore(room: Room): void;
}

/** More rooms than this are refused with 503: about 1 KB each. */
export const ROOMS_MAX = 100_000;

/** An empty store; `freshId` gives ids that were never given before. */
export function createRoomStore(freshId: () => string, faults: Faults = PRISTINE): RoomStore {
  const rooms = new Map<string, Room>();
  const keep = (room: Room): Room => {
    rooms.set(room.id, room);
    return room;
  };
  return {
    get size() {
      return rooms.size;
    },
    get: (id) => rooms.get(id),
    create: (creatorId, input, nowMs) => {
      const id = faults.roomId(freshId(), creatorId);
      return rooms.get(id) ?? keep(createRoom(id, creatorId, input, nowMs));
    },
    adopt: (id, creatorId, nowMs) =>
      keep(
        createRoom(
          id,
          creatorId,
          { name: "adopted", mediaUrl: "", mediaType: "", isPlaying: false, isPublic: true, maxParticipants: 10 },
          nowMs,
        ),
      ),
    all: () => rooms.values(),
    restore: keep,
    delete: (room) => {
      rooms.delete(room.id);
    },
  };
}
