import type { HostileFrame, Binding } from "../../src/core/binding.ts";
import { type CaseClient, type CaseContext, Precondition } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import { type AreaCase, breach, observed, SHALL_MS, snapshot, someWrite, wasRefused, WATCH_MS } from "./support.ts";

/** Rooms at work at once. */
const LANES = 5;

/** Each frame in a room of its own: answered or the sender is closed, no effect, nobody else hears of it. */
export const refusal: AreaCase = {
  area: "refusal",
  name: "general/refusal",
  title: "A message that the server cannot use is refused and changes nothing",
  phase: "shared",
  limitMs: 60_000,
  run: async (t, id, binding) => {
    const waiting = [...binding.hostile];
    const lane = async (): Promise<void> => {
      for (let hostile = waiting.shift(); hostile !== undefined; hostile = waiting.shift()) await oneFrame(t, id, binding, hostile);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  },
};

async function oneFrame(t: CaseContext, id: RequirementId, binding: Binding, { name, frame }: HostileFrame): Promise<void> {
  const room = await t.room();
  const [sender, bystander] = await t.openMany(2, { room });
  if (sender === undefined || bystander === undefined) throw new Precondition("nobody joined");
  const { marker } = sender.write(someWrite(binding, t.prng));
  await bystander.waitFor((each) => each.kind === "delivered" && each.marker?.n === marker?.n);
  const before = await snapshot(sender);
  if (before === undefined) throw new Precondition("the state could not be read");
  const from = new Map([sender, bystander].map((client) => [client, client.seen.length]));
  sender.send(frame);
  const wasTold = (): boolean => wasRefused(sender, from.get(sender) ?? 0);
  await t.until(wasTold, WATCH_MS);
  t.check(id, wasTold(), breach(t, sender, "silent", `${name}: an error for the sender or a close within ${WATCH_MS} ms`, "neither"));
  // What shall not come is watched for, also once the sender has been told.
  await t.sleep(WATCH_MS / 2);
  for (const client of [sender, bystander]) {
    const came = observed(client, "delivered", from.get(client) ?? 0);
    t.check(
      id,
      came.length === 0,
      breach(t, client, "not-refused", `${name}: no broadcast`, `${came.length} came: ${came[0]?.content.slice(0, 200) ?? ""}`),
    );
  }
  judgeBystander(t, id, name, bystander, from.get(bystander) ?? 0);
  const asker: CaseClient = sender.isOpen ? sender : await t.open({ room });
  const after = await snapshot(asker);
  if (after === undefined) t.inconclusive(id, `${name}: the state could not be read afterwards`);
  else
    t.check(
      id,
      after.content === before.content,
      breach(t, asker, "not-refused", `${name}: the state is as before, ${before.content.slice(0, 300)}`, after.content.slice(0, 300)),
    );
  await Promise.all([sender, bystander].map((client) => client.close()));
}

/** Others are untouched: no close, and no error for what they did not send. */
function judgeBystander(t: CaseContext, id: RequirementId, name: string, bystander: CaseClient, from: number): void {
  t.check(
    id,
    bystander.isOpen,
    breach(
      t,
      bystander,
      "closed",
      `${name}: the connections of others stay`,
      `closed ${bystander.closed?.code} after the frame, within ${SHALL_MS} ms`,
    ),
  );
  const told = observed(bystander, "rejected", from).length;
  t.check(id, told === 0, breach(t, bystander, "leaked", `${name}: the error is for the sender only`, `${told} came to another member`));
}
