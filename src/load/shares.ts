import type { UrlsMeaning } from "../core/binding.ts";
import { hash32 } from "../core/prng.ts";
import { shardOfRoom } from "../core/room-shard.ts";

/** One of several parts, 0…count-1. */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/**
 * A shard's part of all clients. `rooms`: every room is played by one shard, which judges it alone · `members`: the
 * members of a room are spread over the shards, so that only a referee sees whole rooms.
 */
export interface Share extends Part {
  readonly by: "rooms" | "members";
}

/**
 * The shard that plays a client where members are spread: of every `count` clients in a row each shard has one, in an
 * order that changes from row to row, so that neither a ramp nor rooms that are dealt out in turn fall to one shard.
 */
export function shardOfMember(client: number, count: number): number {
  return (client + hash32(`row ${Math.floor(client / count)}`)) % count;
}

/**
 * Which of a target's URLs a client uses, by its place among them: dealt out as members are to shards, so that rooms
 * that are dealt out in turn have members at every URL.
 */
export function urlOfClient(client: number, count: number): number {
  return (client + hash32(`url ${Math.floor(client / count)}`)) % count;
}

/** As `urlOfClient`, or the one that has the client's room where each URL has its own. */
export function urlOfMember(meaning: UrlsMeaning | undefined, client: number, room: string, count: number): number {
  return meaning === "ownRooms" ? shardOfRoom(room, count) : urlOfClient(client, count);
}

/**
 * Whether a client, of the room with this index, is played here: by the part (a worker, a VU of k6) of the shard (a
 * process, a machine). Within a shard a room is never divided. The same on every engine.
 */
export function isPlayedBy(client: number, room: number, part: Part, shard: Share = { index: 0, count: 1, by: "rooms" }): boolean {
  if (shard.by === "members") return shardOfMember(client, shard.count) === shard.index && room % part.count === part.index;
  return room % shard.count === shard.index && Math.floor(room / shard.count) % part.count === part.index;
}

/**
 * A shard as the command line names it, `2/3` being the second of three.
 * @throws RangeError for other texts.
 */
export function parseShard(text: string): Part {
  const [, index, count] = /^([0-9]{1,6})\/([0-9]{1,6})$/.exec(text) ?? [];
  const part: Part = { index: Number(index) - 1, count: Number(count) };
  if (!(part.index >= 0 && part.index < part.count)) throw new RangeError(`"${text}" is no shard; the form is 2/3, the second of three`);
  return part;
}

/**
 * The shard that a k6 process is by its `--execution-segment` (`1/3:2/3`) and `--execution-segment-sequence`
 * (`0,1/3,2/3,1`); without a sequence all segments are taken to be as long. Undefined when it runs alone.
 * @throws RangeError when the segment is no part of the sequence.
 */
export function shardOfSegment(segment: string | null | undefined, sequence: string | null | undefined): Part | undefined {
  const [from, to] = boundsOf(segment ?? "");
  if (from === undefined || to === undefined || (from === 0 && to === 1)) return undefined;
  const bounds = (sequence ?? "").split(",").flatMap((text) => fraction(text) ?? []);
  if (bounds.length === 0) {
    const count = Math.round(1 / (to - from));
    return { index: Math.round(from * count), count };
  }
  const index = bounds.findIndex((bound) => Math.abs(bound - from) < 1e-9);
  if (index < 0 || index >= bounds.length - 1) throw new RangeError(`the segment ${segment} is not one of ${sequence}`);
  return { index, count: bounds.length - 1 };
}

/** `1/3:2/3` from a third to two thirds; `1/3` alone ends there and begins at 0, as k6 reads it. */
function boundsOf(segment: string): readonly (number | undefined)[] {
  const parts = segment.split(":");
  return parts.length === 2 ? parts.map(fraction) : [0, fraction(segment)];
}

function fraction(text: string): number | undefined {
  const percent = /^([0-9.]+)%$/.exec(text.trim());
  if (percent !== null) return Number(percent[1]) / 100;
  const [, over, under] = /^([0-9.]+)(?:\/([0-9.]+))?$/.exec(text.trim()) ?? [];
  return over === undefined ? undefined : Number(over) / Number(under ?? 1);
}
