import { describe, expect, it } from "vitest";
import { isPlayedBy, parseShard, shardOfMember, shardOfSegment, urlOfClient } from "./shares.ts";

const CLIENTS = 240;
const parts = (count: number): readonly { index: number; count: number }[] =>
  Array.from({ length: count }, (_, index) => ({ index, count }));

describe("the clients of a run", () => {
  for (const by of ["rooms", "members"] as const) {
    it(`are each played once, whatever the shards and parts (by ${by})`, () => {
      for (let client = 0; client < CLIENTS; client += 1) {
        const here = parts(3).flatMap((shard) => parts(4).filter((part) => isPlayedBy(client, client % 12, part, { ...shard, by })));
        expect(here).toHaveLength(1);
      }
    });
  }

  it("by rooms: a room is in one part of one shard", () => {
    const places = new Set<string>();
    for (let client = 0; client < CLIENTS; client += 1)
      for (const shard of parts(2))
        for (const part of parts(3))
          if (isPlayedBy(client, client % 6, part, { ...shard, by: "rooms" })) places.add(`${client % 6}: ${shard.index}/${part.index}`);
    expect(places.size).toBe(6);
  });

  it("by members: every shard has as many, and some of every room, also where rooms and shards have a common factor", () => {
    for (const [rooms, count] of [
      [4, 2],
      [12, 3],
      [10, 2],
    ] as const) {
      const seen = new Map<string, number>();
      const shards = new Map<number, number>();
      for (let client = 0; client < CLIENTS; client += 1) {
        const shard = shardOfMember(client, count);
        shards.set(shard, (shards.get(shard) ?? 0) + 1);
        seen.set(`${client % rooms}/${shard}`, 1);
      }
      expect([...shards.values()]).toEqual(Array.from({ length: count }, () => CLIENTS / count));
      expect(seen.size).toBe(rooms * count);
    }
  });

  it("and over the URLs of a target, so that every room has members at each", () => {
    const seen = new Set<string>();
    for (let client = 0; client < 200; client += 1) seen.add(`${client % 10}/${urlOfClient(client, 2)}`);
    expect(seen.size).toBe(20);
  });
});

describe("a shard", () => {
  it("is named from 1", () => {
    expect(parseShard("2/3")).toEqual({ index: 1, count: 3 });
    for (const text of ["0/3", "4/3", "x", "1", ""]) expect(() => parseShard(text)).toThrow(RangeError);
  });

  it("is told by a segment of k6", () => {
    expect(shardOfSegment("1/3:2/3", "0,1/3,2/3,1")).toEqual({ index: 1, count: 3 });
    expect(shardOfSegment("2/3:1", "")).toEqual({ index: 2, count: 3 });
    expect(shardOfSegment("1/4", undefined)).toEqual({ index: 0, count: 4 });
    expect(shardOfSegment("0:1", "0,1")).toBeUndefined();
    expect(shardOfSegment(null, null)).toBeUndefined();
    expect(() => shardOfSegment("1/5:2/5", "0,1/3,2/3,1")).toThrow(RangeError);
  });
});
