import type { HostileFrame, Binding } from "../../src/core/binding.ts";
import { type CaseClient, type CaseContext, Precondition } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import { type AreaCase, breach, observed, snapshot, someWrite, staying, wasRefused, WATCH_MS } from "./support.ts";

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
  const [sender, bystander] = await t.openMany(2, { room, ...staying(binding) });
  if (sender === undefined || bystander === undefined) throw new Precondition("nobody joined");
  const { marker } = sender.write(someWrite(binding, t.prng));
  await bystander.waitFor((each) => each.kind === "delivered" && each.marker?.n === marker?.n);
  const before = await snapshot(sender);
  if (before === undefined) throw new Precondition("the state could not be read");
  const from = new Map([sender, bystander].map((client) => [client, client.seen.length]));
  sender.send(frame);
  const wasTold = (): boolean => wasRefused(sender, from.get(sender) ?? 0);
  await t.until(wasTold, WATCH_MS);
  // What shall not come is watched for, also once the sender has been told.
  await t.sleep(WATCH_MS / 2);
  const [isHeard, isTaken] = [judgeSilence(t, id, name, from), await judgeState(t, id, name, sender, before.content)];
  // A message that was taken is not also left without an answer.
  if (!isHeard && !isTaken) {
    t.check(id, wasTold(), breach(t, sender, "silent", `${name}: an error for the sender or a close within ${WATCH_MS} ms`, "neither"));
  }
  judgeBystander(t, id, name, bystander, from.get(bystander) ?? 0);
  await Promise.all([sender, bystander].map((client) => client.close()));
}

/** Nobody gets a broadcast of it, not even one that cannot be read. Gives whether somebody did. */
function judgeSilence(t: CaseContext, id: RequirementId, name: string, from: ReadonlyMap<CaseClient, number>): boolean {
  let isHeard = false;
  for (const [client, begin] of from) {
    const [first] = client.seen
      .slice(begin)
      .flatMap((each) => (each.kind === "delivered" ? [each.content] : each.kind === "problem" ? [each.text] : []));
    const holds = t.check(id, first === undefined, breach(t, client, "not-refused", `${name}: no broadcast`, first?.slice(0, 200) ?? ""));
    isHeard ||= !holds;
  }
  return isHeard;
}

/** The state is as before. Gives whether it is not. */
async function judgeState(t: CaseContext, id: RequirementId, name: string, sender: CaseClient, before: string): Promise<boolean> {
  const asker = sender.isOpen ? sender : await t.open({ room: sender.room });
  const from = asker.seen.length;
  const after = await snapshot(asker, WATCH_MS);
  const content = after?.content ?? observed(asker, "problem", from)[0]?.text;
  if (content === undefined) {
    t.inconclusive(id, `${name}: the state could not be read afterwards`);
    return false;
  }
  return !t.check(
    id,
    content === before,
    breach(t, asker, "not-refused", `${name}: the state is as before, ${before.slice(0, 300)}`, content.slice(0, 300)),
  );
}

/** Others are untouched: no close, and no error for what they did not send. */
function judgeBystander(t: CaseContext, id: RequirementId, name: string, bystander: CaseClient, from: number): void {
  t.check(
    id,
    bystander.isOpen,
    breach(t, bystander, "closed", `${name}: the connections of others stay`, `closed ${bystander.closed?.code} after the frame`),
  );
  const told = observed(bystander, "rejected", from).length;
  t.check(id, told === 0, breach(t, bystander, "leaked", `${name}: the error is for the sender only`, `${told} came to another member`));
}
