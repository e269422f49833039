import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { canonicalJson } from "../json.ts";
import type { ClientMessage } from "../messages.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Table, WATCH_MS, withPeers } from "./peer.ts";
import { isRefused } from "./session.ts";

const JOINED = requirementId("STEP-ISO-01");
const NAMED = requirementId("STEP-ISO-02");
const NAMES = requirementId("STEP-SEC-01");
const KEYS = requirementId("STEP-SEC-03");

/** Rooms and names: what one may not do in another's. */
export function isolationCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "isolation/strangers",
      title: "Who has not joined, or has left, can not act in a room",
      ids: [JOINED],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => strangers(table)),
    },
    {
      name: "isolation/other-room",
      title: "A member of one room can not act on another by naming it",
      ids: [NAMED],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => otherRoom(table)),
    },
    {
      name: "security/names",
      title: "Nobody acts in another's name",
      ids: [NAMES],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => names(table)),
    },
    {
      name: "security/keys",
      title: "Names of the language's own objects do no harm",
      ids: [KEYS],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => keys(table)),
    },
  ];
}

async function strangers({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  await mustWrite(ann, [insert(1, "base ")]);
  for (const hasLeft of [false, true]) {
    const eve = hasLeft ? await member(room) : await stranger(room);
    if (hasLeft) eve.send({ type: "leave", userId: eve.id });
    await t.sleep(100);
    await isRefused(t, JOINED, eve, ann, () => eve.steps([insert(1, "eve ")], ann.version));
    const from = ann.mark;
    eve.send({ type: "presence", users: new Map([[eve.id, { cursor: { pos: 1 } }]]) });
    await t.sleep(WATCH_MS / 4);
    const shown = ann.of("presence", from).filter(({ users }) => users.has(eve.id)).length;
    t.check(JOINED, shown === 0, ann.breach("not-refused", "no presence of one who is not in the room", `${shown}`));
  }
}

async function otherRoom({ t, member }: Table): Promise<void> {
  const [here, there] = [await t.room(), await t.room()];
  const ann = await member(here);
  const ben = await member(there);
  await mustWrite(ben, [insert(1, "theirs ")]);
  const before = await ben.doc();
  const from = ben.mark;
  const messages: readonly ClientMessage[] = [
    { type: "steps", steps: [insert(1, "intruder ")], version: before.version, userId: ann.id },
    { type: "steps", steps: [insert(1, "intruder ")], version: ann.version, userId: ann.id },
    { type: "presence", users: new Map([[ann.id, { cursor: { pos: 1 } }]]) },
    { type: "doc-request" },
    { type: "history-request", sinceVersion: 0 },
    { type: "leave", userId: ann.id },
  ];
  const stray = t.target.dialect === "documented" ? { roomId: there, room: there } : { roomId: there };
  const own = ann.mark;
  for (const message of messages) {
    ann.bent(message, stray);
    await t.sleep(100);
  }
  await t.sleep(WATCH_MS / 4);
  const after = await ben.doc();
  t.check(
    NAMED,
    after.version === before.version && after.content === before.content,
    ben.breach("foreign", before.content, after.content.slice(0, 300)),
  );
  const heard = ben.heard
    .slice(from)
    .filter(({ message }) => message?.type === "steps" || message?.type === "presence" || message?.type === "leave");
  t.check(NAMED, heard.length === 0, ben.breach("foreign", "nothing from a member of another room", heard[0]?.type ?? ""));
  const leaked = ann.heard.slice(own).some(({ frame }) => typeof frame === "string" && frame.includes("theirs"));
  t.check(NAMED, !leaked, ann.breach("leaked", "nothing of the other room's document", "its text"));
  const [long, fresh] = [await member(await t.room()), await t.room()];
  for (let n = 0; n < 10; n += 1)
    await mustWrite(
      long,
      Array.from({ length: 100 }, () => insert(1, "x")),
    );
  const newcomer = await member(fresh);
  t.check(
    NAMED,
    newcomer.version === 0,
    newcomer.breach("miscounted", "version 0 in a new room beside one at 1000", `${newcomer.version}`),
  );
}

async function names({ t, member }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben, cay] = [await member(room), await member(room), await member(room)];
  await mustWrite(ben, [insert(1, "base ")]);
  ben.send({ type: "presence", users: new Map([[ben.id, { cursor: { pos: 1 } }]]) });
  await t.sleep(200);
  const from = cay.mark;
  await isRefused(t, NAMES, ann, cay, () => ann.steps([insert(1, "forged ")], ben.version, ben.id));
  const mark = ann.mark;
  const forged = t.target.dialect === "documented" ? {} : { clientId: ben.id };
  ann.bent({ type: "presence", users: new Map([[ben.id, { cursor: { pos: 3 }, metadata: { forged: true } }]]) }, forged);
  const refused = await ann.hear(({ type }) => type === "error", mark);
  await t.sleep(300);
  const shown = canonicalJson(cay.presences(from).get(ben.id) ?? null);
  t.check(NAMES, !shown.includes("forged"), cay.breach("not-refused", `${ben.id}'s presence as it set it`, shown));
  if (!shown.includes("forged")) t.check(NAMES, refused !== undefined, ann.breach("silent", "an error for another's presence", "none"));
  const next = ann.mark;
  ann.send({ type: "leave", userId: ben.id });
  await ann.hear(({ type }) => type === "error", next);
  await t.sleep(300);
  const gone = cay.of("leave", from).some(({ userId }) => userId === ben.id);
  t.check(NAMES, !gone, cay.breach("not-refused", `${ben.id} still there after another's leave in its name`, "a leave"));
  if (gone) return;
  const still = await ben.steps([insert(1, "mine ")], (await ben.doc()).version);
  t.check(NAMES, still.kind === "ack", ben.breach("closed", "the other's session unharmed", still.kind));
  t.report(NAMES, "no credential was asked for");
}

async function keys({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  const peers = [await stranger(room, `__proto__`), await stranger(room, "constructor")];
  const metadata = JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}') as Record<string, string>;
  const evil = JSON.stringify(metadata);
  for (const peer of peers) {
    await peer.join();
    const text = peer.text({ type: "presence", users: new Map([[peer.id, { metadata: {} }]]) });
    peer.raw(text.replace(/("metadata"|"meta"):\{\}/, `$1:${evil}`));
    await t.sleep(200);
  }
  const ben = await member(room, { presence: { metadata: { name: "Ben" } } });
  await t.sleep(300);
  const newcomer = await stranger(room);
  const joined = await newcomer.join();
  t.check(KEYS, joined !== undefined, newcomer.breach("crashed", "the server lives", "a join got no answer"));
  const got = canonicalJson(newcomer.presences().get(ben.id) ?? null);
  const told = canonicalJson(ann.presences().get(ben.id) ?? null);
  const isClean = !got.includes("polluted") && !told.includes("polluted");
  t.check(KEYS, isClean, newcomer.breach("leaked", `${ben.id}'s presence without new fields`, got.includes("polluted") ? got : told));
  const after = await ann.steps([insert(1, "lives ")], (await ann.doc()).version);
  if (after.kind !== "ack") throw new Precondition(`a good write was answered by ${after.kind}`);
}
