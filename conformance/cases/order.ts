import { Precondition } from "../../src/core/case.ts";
import { allDelivered, type AreaCase, breach, observed, someWrite } from "./support.ts";

const USERS = 10;
const WRITES = 100;
const BACK_TO_BACK = 200;

/** 10 users, 100 marked writes each; the sequences of all members are compared by cursor. */
export const order: AreaCase = {
  area: "order",
  name: "general/order",
  title: "All members see the writes in the order that the protocol promises",
  phase: "shared",
  run: async (t, id, binding) => {
    const clients = await t.openMany(USERS, { room: await t.room({ places: USERS }) });
    for (let round = 0; round < WRITES; round += 1) {
      for (const client of clients) client.write(someWrite(binding, t.prng));
      await t.sleep(5);
    }
    await allDelivered(t, binding, clients, new Map(clients.map((client) => [client, WRITES])));
    await t.judge({ order: id });
  },
};

/** One author, back to back; at each receiver the author's counter ascends. */
export const authorOrder: AreaCase = {
  area: "authorOrder",
  name: "general/author-order",
  title: "One author's writes arrive in the order sent",
  phase: "shared",
  run: async (t, id, binding) => {
    const [author, ...receivers] = await t.openMany(3, { room: await t.room() });
    if (author === undefined) throw new Precondition("nobody joined");
    for (let n = 0; n < BACK_TO_BACK; n += 1) author.write(someWrite(binding, t.prng));
    await allDelivered(t, binding, receivers, new Map([[author, BACK_TO_BACK]]));
    for (const client of receivers) {
      const counters = observed(client, "delivered").flatMap(({ marker }) => (marker?.author === author.number ? [marker.n] : []));
      if (counters.length < 2) {
        t.inconclusive(id, "a receiver got fewer than two writes");
        continue;
      }
      const at = counters.findIndex((n, index) => index > 0 && n < (counters[index - 1] ?? 0));
      t.check(
        id,
        at === -1,
        breach(t, client, "disordered", "the author's counter ascends", `… ${counters.slice(Math.max(0, at - 3), at + 2).join(", ")} …`),
      );
    }
  },
};
