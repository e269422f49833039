import { type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { type RequirementId, requirementId } from "../../../core/ids.ts";
import { canonicalJson } from "../json.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, SOON_MS, type Table, WATCH_MS, withPeers } from "./peer.ts";

const JOIN = requirementId("STEP-SESS-01");
const STATE = requirementId("STEP-SESS-02");
const LEAVE = requirementId("STEP-SESS-03");
const LOSS = requirementId("STEP-SESS-04");

/** A lost connection is noticed within this. */
const LOSS_MS = 5_000;

/** Sessions: join, state, leave, loss. */
export function sessionCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "session/join",
      title: "A join brings the document, and shows the presence it gives",
      ids: [JOIN],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => join(table)),
    },
    {
      name: "session/state",
      title: "A newcomer gets document, version and who is present",
      ids: [STATE],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => state(table)),
    },
    {
      name: "session/leave",
      title: "Who leaves is told of, hears nothing more, and can not write",
      ids: [LEAVE],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => leave(table)),
    },
    {
      name: "session/loss",
      title: "A connection that is closed, reset or frozen ends its session",
      ids: [LOSS],
      phase: "quiet",
      needs: ["presence"],
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => loss(table)),
    },
  ];
}

async function join({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  const ben = await stranger(room);
  const snapshot = await ben.join();
  t.check(JOIN, snapshot !== undefined, ben.breach("silent", `a document within ${SOON_MS} ms of a join without presence`, "none"));
  t.check(JOIN, ben.of("error").length === 0, ben.breach("wrong-refusal", "no error for a good join", "an error"));
  if (!t.has("presence")) return;
  const cay = await stranger(room);
  const presence = { cursor: { pos: 1 }, metadata: { role: "author" } };
  const from = ann.mark;
  await cay.join(presence);
  const isShown = (): boolean => canonicalJson(ann.presences(from).get(cay.id) ?? null) === canonicalJson(presence);
  await t.until(isShown, SOON_MS);
  t.check(
    JOIN,
    isShown(),
    ann.breach(
      "absent",
      `${cay.id}'s presence, as given in its join, within ${SOON_MS} ms`,
      canonicalJson(ann.presences(from).get(cay.id) ?? null),
    ),
  );
}

async function state({ t, members, stranger }: Table): Promise<void> {
  const room = await t.room();
  const fresh = await stranger(room);
  const first = await fresh.join();
  const empty = first?.message?.type === "doc-snapshot" ? first.message : undefined;
  if (empty === undefined) {
    t.check(STATE, false, fresh.breach("silent", `the document within ${SOON_MS} ms`, "none"));
    return;
  }
  const isEmpty = empty.version === 0 && !canonicalJson(empty.doc).includes('"text":');
  t.check(STATE, isEmpty, fresh.breach("ghost", "version 0 and no text in a new room", canonicalJson(empty.doc).slice(0, 200)));
  const present = await members(room, 3);
  const [ann] = present;
  if (ann === undefined) throw new Precondition("nobody joined");
  const shown = new Map(present.map((peer, index) => [peer.id, { cursor: { pos: 1 + index }, metadata: { n: index } }]));
  if (t.has("presence")) for (const peer of present) peer.send({ type: "presence", users: new Map([[peer.id, shown.get(peer.id) ?? {}]]) });
  for (let batch = 0; batch < 10; batch += 1)
    await mustWrite(
      ann,
      Array.from({ length: 5 }, (_, n) => insert(1, `w${batch * 5 + n} `)),
    );
  await t.sleep(200);
  const newcomer = await stranger(room);
  const snapshot = await newcomer.join();
  const got = snapshot?.message?.type === "doc-snapshot" ? snapshot.message : undefined;
  if (!t.check(STATE, got !== undefined, newcomer.breach("silent", `the document within ${SOON_MS} ms`, "none")) || got === undefined)
    return;
  const right = await ann.doc();
  const content = newcomer.kit.editing(t.target.dialect).canonical(got.doc);
  t.check(
    STATE,
    got.version === right.version && content === right.content,
    newcomer.breach(
      "stale",
      `version ${right.version} with ${right.content.slice(0, 200)}`,
      `version ${got.version} with ${content.slice(0, 200)}`,
    ),
  );
  if (!t.has("presence")) return;
  await t.until(() => [...shown.keys()].every((id) => newcomer.presences().has(id)), SOON_MS);
  for (const [id, presence] of shown) {
    const told = newcomer.presences().get(id);
    const holds = told !== undefined && canonicalJson(told) === canonicalJson(presence);
    t.check(STATE, holds, newcomer.breach("absent", `${id} present with ${canonicalJson(presence)}`, canonicalJson(told ?? null)));
  }
}

async function leave({ t, members }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  const from = ann.mark;
  ben.send({ type: "leave", userId: ben.id });
  await ann.hear(({ message }) => message?.type === "leave", from);
  await t.sleep(300);
  const told = ann.of("leave", from).filter(({ userId }) => userId === ben.id).length;
  if (t.has("presence"))
    t.check(LEAVE, told === 1, ann.breach(told === 0 ? "silent" : "doubled", `one leave of ${ben.id} within ${SOON_MS} ms`, `${told}`));
  const quiet = ben.mark;
  await mustWrite(ann, [insert(1, "after ")]);
  ann.send({ type: "presence", users: new Map([[ann.id, { cursor: { pos: 2 } }]]) });
  await t.sleep(WATCH_MS / 2);
  const heard = ben.heard.slice(quiet).filter(({ type }) => type === "steps" || type === "presence");
  t.check(LEAVE, heard.length === 0, ben.breach("leaked", "nothing of the room after leaving", heard[0]?.type ?? ""));
  await isRefused(t, LEAVE, ben, ann, async () => ben.steps([insert(1, "late ")], ann.version));
}

/** A write that must be refused: answered, and without effect on the room. */
export async function isRefused(
  t: CaseContext,
  id: RequirementId,
  writer: Peer,
  witness: Peer,
  act: () => Promise<{ readonly kind: string }>,
): Promise<void> {
  const before = await witness.doc();
  const from = witness.mark;
  const outcome = await act();
  await t.sleep(300);
  const after = await witness.doc();
  const isUnharmed = witness.of("steps", from).length === 0 && before.version === after.version && before.content === after.content;
  const isTold = outcome.kind === "error" || outcome.kind === "closed";
  t.check(id, isUnharmed && outcome.kind !== "ack", writer.breach("not-refused", "no effect of a write that is not allowed", outcome.kind));
  if (isUnharmed && outcome.kind !== "ack") t.check(id, isTold, writer.breach("silent", `an error within ${SOON_MS} ms`, outcome.kind));
}

async function loss({ t, member, members, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  const [closed, reset, frozen] = await members(room, 3);
  if (closed === undefined || reset === undefined || frozen === undefined) throw new Precondition("nobody joined");
  const from = ann.mark;
  closed.socket.close(1000);
  reset.socket.reset();
  frozen.socket.pause();
  const silentMs = t.scaled(t.limit("silentMs", 20_000) + 10_000);
  const gone = async (peer: Peer, how: string, withinMs: number): Promise<void> => {
    const told = await ann.hear(({ message }) => message?.type === "leave" && message.userId === peer.id, from, withinMs);
    t.check(
      LOSS,
      told !== undefined,
      ann.breach("ghost", `a leave of the member whose connection was ${how}, within ${Math.round(withinMs)} ms`, "none"),
    );
  };
  await Promise.all([
    gone(closed, "closed", LOSS_MS),
    gone(reset, "reset", LOSS_MS),
    ...(t.has("heartbeat") && t.has("longWaits") ? [gone(frozen, "frozen", Math.max(silentMs, 1_000))] : []),
  ]);
  const newcomer = await stranger(room);
  await newcomer.join();
  await t.sleep(200);
  const listed = [closed, reset].filter(({ id }) => newcomer.presences().has(id));
  t.check(LOSS, listed.length === 0, newcomer.breach("ghost", "those who are gone in no list", listed.map(({ id }) => id).join(", ")));
}
