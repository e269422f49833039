import { Precondition } from "../../src/core/case.ts";
import { type AreaCase, breach, SHALL_MS, someWrite } from "./support.ts";

const USERS = 10;
const LEAVE = 3;
const CUT = 2;

/** 10 join, 5 go, 2 of them without a word; one of the rest writes and the other 4 receive it. */
export const departure: AreaCase = {
  area: "departure",
  name: "general/departure",
  title: "Members that go, politely or not, do not hurt those that stay",
  phase: "shared",
  run: async (t, id, binding) => {
    const clients = await t.openMany(USERS, { room: await t.room({ places: USERS }) });
    const going = clients.slice(0, LEAVE);
    const cut = clients.slice(LEAVE, LEAVE + CUT);
    const rest = clients.slice(LEAVE + CUT);
    await Promise.all(going.map((client) => client.close()));
    for (const client of cut) client.cut();
    // The server learns of a cut at its next look at the socket; a write right behind would hide what it does then.
    await t.sleep(500);
    const [author, ...others] = rest;
    if (author === undefined) throw new Precondition("nobody stayed");
    for (const client of rest) {
      t.check(
        id,
        client.isOpen,
        breach(
          t,
          client,
          "closed",
          "those that stay keep their connection when others go",
          `closed ${client.closed?.code} ${client.closed?.reason ?? ""}`,
        ),
      );
    }
    if (!author.isOpen) return;
    const from = others.map((client) => client.seen.length);
    const { marker } = author.write(someWrite(binding, t.prng));
    await Promise.all(
      others.map(async (client, index) => {
        if (!client.isOpen) return;
        const isIt = await client.waitFor(
          (each) => each.kind === "delivered" && each.marker?.author === author.number && each.marker.n === marker?.n,
          { from: from[index] ?? 0 },
        );
        t.check(
          id,
          isIt !== undefined,
          breach(t, client, "lost", `a write of one that stayed reaches the other ${others.length}`, `nothing in ${SHALL_MS} ms`),
        );
      }),
    );
  },
};
