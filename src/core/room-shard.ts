/** One of several servers that rooms are dealt out to, each room to one: 0…count-1. */
export interface RoomShard {
  readonly index: number;
  readonly count: number;
}

/**
 * The server that a room belongs to: FNV-1a (32 bit) over the characters of the room's name as it stands in a URL
 * (`encodeURIComponent`), modulo the number of servers. A proxy can work it out from the path alone.
 */
export function shardOfRoom(room: string, count: number): number {
  let hash = 0x811c9dc5;
  for (const character of inUrl(room)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 0) % count;
}

/** A text with half of a surrogate pair has no place in a URL; any server will do for it. */
function inUrl(room: string): string {
  try {
    return encodeURIComponent(room);
  } catch {
    return "";
  }
}

/** A server's part as its environment names it, `2/3` being the second of three; undefined for other texts. */
export function readRoomShard(text: string): RoomShard | undefined {
  const [, index, count] = /^([1-9][0-9]{0,3})\/([1-9][0-9]{0,3})$/.exec(text) ?? [];
  const shard = { index: Number(index) - 1, count: Number(count) };
  return shard.index < shard.count ? shard : undefined;
}
