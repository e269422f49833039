import type { AreaCase } from "./support.ts";
import { allDelivered, someWrite } from "./support.ts";

const USERS = 5;
const ROUNDS = 20;

/** Each user writes in turn; the checkers account for every write at every member. */
export const delivery: AreaCase = {
  area: "delivery",
  name: "general/delivery",
  title: "Every write reaches every member once",
  phase: "shared",
  run: async (t, id, binding) => {
    const clients = await t.openMany(USERS, { room: await t.room({ places: USERS }) });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const client of clients) client.write(someWrite(binding, t.prng));
      await t.sleep(5);
    }
    await allDelivered(t, binding, clients, new Map(clients.map((client) => [client, ROUNDS])));
    await t.judge({ delivery: id });
  },
};
