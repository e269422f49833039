import { randomUUID } from "node:crypto";
import { isoTime, type PlaybackState, type RoomFullState, type RoomInput, type RoomMeta, ROOMS_MAX } from "../rooms.ts";
import type { StoreConnection, StoredEvent } from "./connection.ts";

/** Rooms asked for by one script. */
const LISTED_AT_ONCE = 200;

/** A new room; undefined where there are too many. @throws StoreAway */
export async function createStoredRoom(
  store: Pick<StoreConnection, "run">,
  creatorId: string,
  input: RoomInput,
  lifeMs: number,
): Promise<RoomMeta | undefined> {
  const roomId = randomUUID();
  const { name, isPublic, maxParticipants } = input;
  const media = [JSON.stringify(input.mediaUrl), JSON.stringify(input.mediaType), String(input.isPlaying)] as const;
  const created = await store.run("create", roomId, creatorId, name, String(isPublic), maxParticipants, ...media, lifeMs, ROOMS_MAX);
  if (created === null) return undefined;
  return { roomId, name, hostId: creatorId, isPublic, maxParticipants, createdAt: isoTime(Number(created)) };
}

/** All there is to know of a room now; undefined where there is none. @throws StoreAway */
export async function readStoredRoom(store: Pick<StoreConnection, "run">, roomId: string): Promise<RoomFullState | undefined> {
  const found = (await store.run("read", roomId)) as Stored | null;
  return found === null ? undefined : fullState(roomId, found);
}

/** What an event of a question says. */
export function answerOf({ fields }: StoredEvent): RoomFullState {
  return fullState(fields["room"] ?? "", JSON.parse(fields["state"] ?? "") as Stored);
}

/** A room's fields and members, as scripts give them. */
type Stored = readonly [fields: readonly string[], members: readonly string[]];

function fullState(roomId: string, [fields, members]: Stored): RoomFullState {
  const [name, isPublic, places, created, host, url, type, playing, time, speed, by, updated] = fields;
  const playbackState = playbackOf({ url, type, playing, time, speed, user: by, at: updated });
  return { ...metaOf(roomId, [name, isPublic, places, created, host]), members, playbackState };
}

/** Every room with how many are in it. @throws StoreAway */
export async function listStoredRooms(store: StoreConnection): Promise<readonly (RoomMeta & { readonly currentMembers: number })[]> {
  const ids = await store.roomIds();
  const listed: (RoomMeta & { readonly currentMembers: number })[] = [];
  for (let at = 0; at < ids.length; at += LISTED_AT_ONCE) {
    const found = (await store.run("list", ...ids.slice(at, at + LISTED_AT_ONCE))) as readonly (readonly [string, ...string[]])[];
    for (const [roomId, ...fields] of found) listed.push({ ...metaOf(roomId, fields), currentMembers: Number(fields[5]) });
  }
  return listed;
}

/** What an event of an update says. */
export function updateOf({ fields }: StoredEvent): PlaybackState {
  return playbackOf(fields);
}

type Text = string | undefined;

function playbackOf(fields: Readonly<Record<string, Text>>): PlaybackState {
  const value = (name: string): unknown => JSON.parse(fields[name] ?? "null");
  return {
    mediaUrl: value("url") as string,
    mediaType: value("type") as string,
    isPlaying: value("playing") as boolean,
    currentTime: value("time") as number,
    playbackSpeed: value("speed") as number,
    lastUpdatedBy: fields["user"] ?? "",
    lastUpdated: isoTime(Number(fields["at"])),
  };
}

function metaOf(roomId: string, [name, isPublic, places, created, host]: readonly Text[]): RoomMeta {
  return {
    roomId,
    name: name ?? "",
    hostId: host ?? "",
    isPublic: isPublic === "true",
    maxParticipants: Number(places),
    createdAt: isoTime(Number(created)),
  };
}
