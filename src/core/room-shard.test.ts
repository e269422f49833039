import { expect, test } from "vitest";
import { readRoomShard, shardOfRoom } from "./room-shard.ts";

/** The same in big numbers, as the algorithm is written down. */
function fnv1a(ascii: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of Buffer.from(ascii)) hash = ((hash ^ BigInt(byte)) * 0x01000193n) % 0x1_0000_0000n;
  return Number(hash);
}

test("the rule is FNV-1a over the name as it stands in a URL, as others work it out", () => {
  // FNV-1a of "a" is e40c292c, of "foobar" bf9cf968 (the published test vectors).
  expect(shardOfRoom("a", 0x1_0000_0000)).toBe(0xe40c292c);
  expect(shardOfRoom("foobar", 0x1_0000_0000)).toBe(0xbf9cf968);
  // Of "%C3%A4".
  expect(shardOfRoom("ä", 0x1_0000_0000)).toBe(fnv1a("%C3%A4"));
});

test("every room has one server, and every server has rooms", () => {
  const seen = new Set(Array.from({ length: 100 }, (_, n) => shardOfRoom(`notes-${n}`, 3)));
  expect(seen).toEqual(new Set([0, 1, 2]));
  expect(shardOfRoom("\ud800", 3)).toBeLessThan(3);
});

test("a part is read, and nothing else", () => {
  expect(readRoomShard("2/3")).toEqual({ index: 1, count: 3 });
  for (const text of ["0/3", "4/3", "1/0", "1", "a/b", "1/3 "]) expect(readRoomShard(text), text).toBeUndefined();
});
