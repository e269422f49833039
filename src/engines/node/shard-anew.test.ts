import { describe, expect, test } from "vitest";
import type { Rooms } from "../../core/binding.ts";
import { createPrng } from "../../core/prng.ts";
import { ShardAnew } from "./shard-anew.ts";
import { createPlayer, type Player } from "./shard-player.ts";

const created: Rooms = {
  kind: "created",
  request: () => ({ method: "POST", path: "/rooms" }),
  parse: () => ({ failure: "no room is made here" }),
  membersMax: undefined,
  stayCodes: new Set([1012]),
};

function playerOf(more: Partial<Player> = {}): Player {
  const script = { room: 7, next: () => undefined };
  return { ...createPlayer({ index: 0, slot: 0, script, prng: createPrng("anew") }), room: "old", ...more };
}

/** Players that come anew; `go` lets the time pass until the next does. */
function setup(rooms: Rooms = created) {
  let nowMs = 0;
  const due: { readonly atMs: number; readonly ring: (nowMs: number) => void }[] = [];
  const forgotten: [index: number, id: string][] = [];
  const joins: number[] = [];
  const anew = new ShardAnew({
    options: { rooms },
    alarms: { create: (ring) => ({ set: (atMs) => void due.push({ atMs, ring }) }), stop: () => undefined },
    rooms: { forget: (index, id) => void forgotten.push([index, id]) },
    nowMs: () => nowMs,
    join: async (_player, atMs) => void joins.push(atMs),
  });
  const go = async (): Promise<void> => {
    const next = due.shift();
    if (next === undefined) throw new Error("nobody is about to come");
    nowMs = next.atMs;
    next.ring(nowMs);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { anew, due, forgotten, joins, go };
}

describe("players whom a server turns away after it was started again", () => {
  test("make their room anew when a close says that it is gone", async () => {
    const { anew, forgotten, joins, go } = setup();
    anew.turnedAway(playerOf(), { closed: 4404 });
    await go();
    expect(forgotten).toEqual([[7, "old"]]);
    expect(joins).toHaveLength(1);
  });

  test.each([{ closed: 1012 }, { status: 503 }])("keep it when %o says nothing against it", async (how) => {
    const { anew, forgotten, joins, go } = setup();
    anew.turnedAway(playerOf(), how);
    await go();
    expect(forgotten).toEqual([]);
    expect(joins).toHaveLength(1);
  });

  test("come later after each refusal, and in the end no more", async () => {
    const { anew, due, joins, go } = setup();
    const player = playerOf();
    for (let times = 0; times < 20; times += 1) {
      anew.turnedAway(player, { closed: 1012 });
      if (due.length > 0) await go();
    }
    const waits = joins.map((atMs, index) => atMs - (joins[index - 1] ?? 0));
    expect(waits).toHaveLength(8);
    expect(waits[0]).toBeLessThanOrEqual(750);
    expect(Math.max(...waits)).toBeLessThanOrEqual(3_000);
    expect(waits[7]).toBeGreaterThanOrEqual(1_000);
  });

  test("stay where they are when they came in meanwhile", async () => {
    const { anew, forgotten, joins, go } = setup();
    const player = playerOf();
    anew.turnedAway(player, { closed: 4404 });
    player.isJoined = true;
    await go();
    expect([forgotten, joins, player.isMoving]).toEqual([[], [], false]);
  });

  test("come back as somebody new where whoever comes makes the room, unless they are in it", async () => {
    const { anew, due, joins, go } = setup({ kind: "named", name: (label) => label });
    anew.turnedAway(playerOf(), { closed: 4404 });
    anew.forgotten([playerOf({ isHeld: true, isOffline: true, isJoined: true }), playerOf({ isHeld: true, isJoined: true }), playerOf()]);
    expect(due).toHaveLength(1);
    await go();
    expect(joins).toHaveLength(1);
  });
});
