import type { CaseClient } from "../../src/core/case.ts";
import { allDelivered, type AreaCase, breach, snapshot, someWrite } from "./support.ts";

const ROOMS = 50;
const USERS = 4;
const WRITES = 5;
/** Rooms made and joined at once: more would only queue behind each other. */
const LANES = 10;

/** 50 rooms of 4, all in use at once; nothing of one is seen in another. */
export const isolation: AreaCase = {
  area: "isolation",
  name: "general/isolation",
  title: "What is written in one room is seen in that room only",
  phase: "shared",
  limitMs: 60_000,
  run: async (t, id, binding) => {
    const rooms = Math.max(2, Math.min(ROOMS, Math.floor(t.limit("clientsMax", ROOMS * USERS) / USERS)));
    const crowds: (readonly CaseClient[])[] = [];
    for (let made = 0; made < rooms; made += LANES) {
      crowds.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(LANES, rooms - made) }, async () => t.openMany(USERS, { room: await t.room({ places: USERS }) })),
        )),
      );
      // The first rooms must not run out before the last one is full.
      for (const [keeper] of crowds) if (binding.manifest.keepaliveMs !== undefined) keeper?.keepalive();
    }
    for (let round = 0; round < WRITES; round += 1) {
      for (const crowd of crowds) for (const client of crowd) client.write(someWrite(binding, t.prng));
      await t.sleep(10);
    }
    await Promise.all(crowds.map((crowd) => allDelivered(t, binding, crowd, new Map(crowd.map((client) => [client, WRITES])))));
    await Promise.all(
      crowds.map(async (crowd) => {
        const [asker] = crowd;
        if (asker === undefined) return;
        const marker = (await snapshot(asker))?.marker;
        if (marker === undefined) return;
        const isOwn = crowd.some((client) => client.number === marker.author);
        t.check(id, isOwn, breach(t, asker, "foreign", "the state shows a write of this room", `a write of client ${marker.author}`));
      }),
    );
    await t.judge({ isolation: id });
  },
};
