import { Precondition } from "../../src/core/case.ts";
import { allDelivered, type AreaCase, breach, observed, snapshot, someWrite } from "./support.ts";

const LATE_WRITES = 12;
const USERS = 20;
const WRITES = 50;
const SNAPSHOT_EACH_MS = 10;

/** A newcomer's first answer shows the last write that the others have seen. */
export const lateJoin: AreaCase = {
  area: "lateJoin",
  name: "general/late-join",
  title: "Who enters late and asks sees the state as it is now",
  phase: "shared",
  run: async (t, id, binding) => {
    const room = await t.room();
    const [author, listener] = await t.openMany(2, { room });
    if (author === undefined || listener === undefined) throw new Precondition("nobody joined");
    for (let n = 0; n < LATE_WRITES; n += 1) author.write(someWrite(binding, t.prng));
    await allDelivered(t, binding, [listener], new Map([[author, LATE_WRITES]]));
    const newest = observed(listener, "delivered").reduce((most, { marker }) => Math.max(most, marker?.n ?? 0), 0);
    if (newest < LATE_WRITES) throw new Precondition(`only ${newest} of ${LATE_WRITES} writes were seen`);
    const newcomer = await t.open({ room });
    const answer = await snapshot(newcomer);
    if (answer === undefined) throw new Precondition("the newcomer got no answer");
    if (answer.marker === undefined) {
      const old = await snapshot(author);
      if (old === undefined) throw new Precondition("an old member got no answer");
      t.check(
        id,
        answer.content === old.content,
        breach(t, newcomer, "stale", "the newcomer is told what an old member is told", answer.content.slice(0, 300)),
      );
      return;
    }
    t.check(
      id,
      answer.marker.author === author.number && answer.marker.n === LATE_WRITES,
      breach(
        t,
        newcomer,
        "stale",
        `write ${LATE_WRITES} of client ${author.number} is in the state`,
        `write ${answer.marker.n} of client ${answer.marker.author}`,
      ),
    );
  },
};

/** A storm, then quiet: by the convergence checker all members hold the same. */
export const quiescence: AreaCase = {
  area: "quiescence",
  name: "general/quiescence",
  title: "After a storm all members hold the same state",
  phase: "shared",
  limitMs: 60_000,
  run: async (t, id, binding) => {
    const clients = await t.openMany(USERS, { room: await t.room({ places: USERS }) });
    for (let round = 0; round < WRITES; round += 1) {
      for (const client of clients) client.write(someWrite(binding, t.prng));
      await t.sleep(10);
    }
    await allDelivered(t, binding, clients, new Map(clients.map((client) => [client, WRITES])));
    // One after another: what a replica has not yet taken in it takes in now, and other cases have their turn in between.
    await Promise.all(
      clients.map(async (client, index) => {
        await t.sleep(index * SNAPSHOT_EACH_MS);
        return snapshot(client);
      }),
    );
    await t.judge({ convergence: id });
  },
};
