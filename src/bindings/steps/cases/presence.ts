import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { canonicalJson, type Fields } from "../json.ts";
import type { UserPresence } from "../messages.ts";
import type { Kit } from "./kit.ts";
import { insert, type Peer, SOON_MS, type Table, WATCH_MS, withPeers } from "./peer.ts";

const IDLE = requirementId("STEP-HB-01");
const MOVES = requirementId("STEP-PRES-01");
const PARTS = requirementId("STEP-PRES-02");
const COMINGS = requirementId("STEP-PRES-03");
const CHANGES = requirementId("STEP-PRES-04");
const STAYS = requirementId("STEP-PRES-05");
const BOUNDED = requirementId("STEP-PRES-07");

/** Idle for this long, and still there. */
const IDLE_MS = 600_000;
/** Presence stands for this long without being set again. */
const STAND_MS = 60_000;
/** For the entries of a whole crowd to reach everybody. */
const SETTLED_MS_MAX = 15_000;
const CROWD = 100;
/** What a change of an entry up to 1 KiB may cost one receiver. */
const CHANGE_BYTES_MAX = 2_048;

/** Who is there, where they are, and who has gone. */
export function presenceCases(kit: Kit): readonly CaseDefinition[] {
  const needs = ["presence"];
  return [
    {
      name: "presence/idle",
      title: "Who answers pings stays, who is frozen is dropped",
      ids: [IDLE],
      phase: "waiting",
      needs: ["heartbeat", "longWaits"],
      limitMs: 700_000,
      run: (t) => withPeers(t, kit, (table) => idle(table)),
    },
    {
      name: "presence/moves",
      title: "A cursor's move reaches all others, and not its user",
      ids: [MOVES],
      phase: "shared",
      needs,
      run: (t) => withPeers(t, kit, (table) => moves(table)),
    },
    {
      name: "presence/parts",
      title: "Every part of a presence passes unchanged",
      ids: [PARTS],
      phase: "shared",
      needs,
      run: (t) => withPeers(t, kit, (table) => parts(table)),
    },
    {
      name: "presence/comings",
      title: "Each coming and going is told once",
      ids: [COMINGS],
      phase: "shared",
      needs,
      run: (t) => withPeers(t, kit, (table) => comings(table)),
    },
    {
      name: "presence/changes",
      title: "One move among a hundred members costs each receiver one entry",
      ids: [CHANGES],
      phase: "shared",
      needs,
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => changes(table)),
    },
    {
      name: "presence/stays",
      title: "Presence stands as it was set, while others come, go and write",
      ids: [STAYS],
      phase: "quiet",
      needs: [...needs, "longWaits"],
      limitMs: 120_000,
      run: (t) => withPeers(t, kit, (table) => stays(table)),
    },
    {
      name: "presence/bounded",
      title: "An entry of half a megabyte is not passed on",
      ids: [BOUNDED],
      phase: "exclusive",
      needs,
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => bounded(table)),
    },
  ];
}

function show(peer: Peer, presence: UserPresence): void {
  peer.send({ type: "presence", users: new Map([[peer.id, presence]]) });
}

async function sees(peer: Peer, user: string, presence: UserPresence, from: number, withinMs: number = SOON_MS): Promise<boolean> {
  const wanted = canonicalJson(presence);
  const holds = (): boolean => canonicalJson(peer.presences(from).get(user) ?? null) === wanted;
  await peer.t.until(holds, withinMs);
  return holds();
}

async function idle({ t, member }: Table): Promise<void> {
  const room = await t.room();
  const [ann, calm, frozen] = [await member(room), await member(room), await member(room)];
  const from = ann.mark;
  const silentMs = t.scaled(t.limit("silentMs", 20_000) + 10_000);
  frozen.socket.pause();
  const gone = (peer: Peer): boolean => ann.of("leave", from).some(({ userId }) => userId === peer.id);
  await t.until(() => gone(frozen), Math.max(silentMs, 1_000));
  t.check(IDLE, gone(frozen), ann.breach("ghost", `a leave of the frozen member within ${Math.round(silentMs)} ms`, "none"));
  const wasEarly = await t.until(() => !calm.isOpen || gone(calm), t.scaled(IDLE_MS));
  t.check(
    IDLE,
    !wasEarly,
    calm.breach("early", "a member that answers pings stays 10 minutes", `closed with ${calm.socket.closeCode ?? "nothing"}`),
  );
}

async function moves({ t, members }: Table): Promise<void> {
  const [ann, ...others] = await members(await t.room(), 3);
  if (ann === undefined) throw new Precondition("nobody joined");
  const presence = { cursor: { pos: 1 } };
  const [own, marks] = [ann.mark, others.map((peer) => peer.mark)];
  show(ann, presence);
  for (const [index, peer] of others.entries()) {
    const isThere = await sees(peer, ann.id, presence, marks[index] ?? 0);
    t.check(
      MOVES,
      isThere,
      peer.breach(
        "lost",
        `${ann.id} at ${canonicalJson(presence)} within ${SOON_MS} ms`,
        canonicalJson(peer.presences().get(ann.id) ?? null),
      ),
    );
  }
  await t.sleep(WATCH_MS / 4);
  t.check(MOVES, ann.of("presence", own).length === 0, ann.breach("leaked", "no presence of its own at its user", "one"));
}

async function parts({ t, members }: Table): Promise<void> {
  const [ann, ben] = await members(await t.room(), 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  const deep: Fields = { name: "Añ 👋", tags: ["ö", { deep: [1, null, true, { x: "שלום" }] }], n: 1.5 };
  const isDocumented = t.target.dialect === "documented";
  const all: readonly UserPresence[] = isDocumented
    ? [
        { cursor: { pos: 4 } },
        { cursor: { pos: 4, coords: { x: 120.5, y: -48 } } },
        { selection: { from: 2, to: 4 } },
        { selection: { from: 4, to: 2 } },
        { metadata: deep },
        { cursor: { pos: 4, coords: { x: 0, y: 1 } }, selection: { from: 4, to: 2 }, metadata: deep },
        {},
      ]
    : [{ cursor: { pos: 4 } }, { selection: { from: 2, to: 4 } }, { selection: { from: 4, to: 2 } }, { metadata: deep }, {}];
  for (const presence of all) {
    const from = ben.mark;
    show(ann, presence);
    const isEqual = await sees(ben, ann.id, presence, from);
    const got = ben.presences(from).get(ann.id);
    const reason = got === undefined ? "lost" : "damaged";
    if (!t.check(PARTS, isEqual, ben.breach(reason, canonicalJson(presence), canonicalJson(got ?? null)))) return;
  }
  if (isDocumented) return;
  const from = ben.mark;
  const user = { id: ann.id, name: "Ann", color: "#d0342c" };
  ann.bent({ type: "presence", users: new Map([[ann.id, {}]]) }, { presence: { user, cursor: { from: 3, to: 1 }, meta: deep } });
  const heard = await ben.hear(({ type }) => type === "presence", from);
  const got = heard?.fields["presence"];
  t.check(
    PARTS,
    got !== undefined && canonicalJson(got).includes(canonicalJson(user)) && canonicalJson(got).includes('"cursor":{"from":3,"to":1}'),
    ben.breach("damaged", `user ${canonicalJson(user)} and cursor 3 to 1`, canonicalJson(got ?? null)),
  );
}

async function comings({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const ann = await member(room);
  const ben = await stranger(room);
  const from = ann.mark;
  const events = (): readonly string[] =>
    ann.heard
      .slice(from)
      .flatMap(({ message }) =>
        (message?.type === "join" || message?.type === "leave") && message.userId === ben.id ? [message.type] : [],
      );
  await ben.join();
  await t.until(() => events().length >= 1, SOON_MS);
  await t.sleep(300);
  t.check(COMINGS, events().join() === "join", ann.breach(events().length === 0 ? "silent" : "doubled", "one join", events().join()));
  ben.send({ type: "leave", userId: ben.id });
  await t.until(() => events().length >= 2, SOON_MS);
  await t.sleep(300);
  const isLeft = t.check(
    COMINGS,
    events().join() === "join,leave",
    ann.breach(events().length < 2 ? "silent" : "doubled", "join, leave", events().join()),
  );
  if (!isLeft) return;
  for (let n = 0; n < 10; n += 1) {
    await ben.join();
    ben.send({ type: "leave", userId: ben.id });
  }
  await ben.join();
  await t.until(() => events().length >= 23, SOON_MS);
  await t.sleep(300);
  const all = events();
  const alternates = all.every((event, index) => event === (index % 2 === 0 ? "join" : "leave"));
  t.check(
    COMINGS,
    alternates && all.at(-1) === "join" && all.length === 23,
    ann.breach("disordered", "joins and leaves in turn, the last a join", all.join()),
  );
}

async function changes({ t, members }: Table): Promise<void> {
  const room = await t.room({ places: CROWD });
  const crowd = await members(room, CROWD);
  const [mover, ...others] = crowd;
  if (mover === undefined) throw new Precondition("nobody joined");
  const entry = (n: number): UserPresence => ({ cursor: { pos: n }, metadata: { fill: "x".repeat(900) } });
  for (const [index, peer] of crowd.entries()) show(peer, entry(index));
  // Ten thousand entries are on their way: what comes late may not count as the change's.
  const heard = (): number => others.reduce((sum, peer) => sum + peer.mark, 0);
  const endMs = t.nowMs() + SETTLED_MS_MAX;
  let before = -1;
  while (before !== heard() && t.nowMs() < endMs) {
    before = heard();
    await t.sleep(1_000);
  }
  const marks = others.map((peer) => peer.mark);
  show(mover, entry(777));
  await t.sleep(1_000);
  let most = 0;
  for (const [index, peer] of others.entries()) {
    const heard = peer.heard.slice(marks[index] ?? 0).filter(({ message }) => message?.type === "presence");
    const bytes = heard.reduce((sum, { frame }) => sum + frame.length, 0);
    most = Math.max(most, bytes);
    const isTold = heard.some(({ message }) => message?.type === "presence" && message.users.has(mover.id));
    if (!isTold) continue; // Whether it arrives is STEP-PRES-01's matter.
    if (
      !t.check(CHANGES, bytes <= CHANGE_BYTES_MAX, peer.breach("over-limit", `up to ${CHANGE_BYTES_MAX} bytes for one change`, `${bytes}`))
    )
      break;
  }
  if (most === 0) t.inconclusive(CHANGES, "nobody was told of the change");
  t.report(CHANGES, `${most} bytes at a receiver for one change among ${CROWD} members`);
}

async function stays({ t, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = [await member(room), await member(room)];
  const presence: UserPresence = { selection: { from: 2, to: 1 }, metadata: { name: "Ben", role: "reader" } };
  show(ben, presence);
  await t.sleep(200);
  const endMs = t.nowMs() + t.scaled(STAND_MS);
  while (t.nowMs() < endMs) {
    await ann.steps([insert(1, "x")]);
    const visitor = await stranger(room);
    await visitor.join();
    visitor.end();
    await t.sleep(300);
  }
  const newcomer = await stranger(room);
  await newcomer.join();
  await sees(newcomer, ben.id, presence, 0, 500);
  const got = newcomer.presences().get(ben.id);
  // A cursor or selection may have been mapped through the steps; what the user said of itself may not change.
  const holds =
    got !== undefined &&
    canonicalJson(got["metadata"] ?? null) === canonicalJson(presence["metadata"] ?? null) &&
    got["selection"] !== undefined;
  t.check(
    STAYS,
    holds,
    newcomer.breach(
      got === undefined || Object.keys(got).length === 0 ? "absent" : "damaged",
      canonicalJson(presence),
      canonicalJson(got ?? null),
    ),
  );
}

async function bounded({ t, members }: Table): Promise<void> {
  const [ann, ben] = await members(await t.room(), 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  const from = ben.mark;
  show(ann, { metadata: { fill: "y".repeat(512 * 1024) } });
  await t.sleep(WATCH_MS);
  const most = Math.max(0, ...ben.heard.slice(from).map(({ frame }) => frame.length));
  t.check(BOUNDED, most < 64 * 1024, ben.breach("over-limit", "nothing of half a megabyte of metadata", `${most} bytes`));
  const before = (await t.metrics())?.["process_resident_bytes"];
  const room = await t.room({ places: 20 });
  const crowd = await members(room, 20);
  for (const peer of crowd) show(peer, { metadata: { fill: "z".repeat(180) } });
  await t.sleep(500);
  const after = (await t.metrics())?.["process_resident_bytes"];
  if (before !== undefined && after !== undefined)
    t.report(BOUNDED, `the server's memory grew by ${Math.round((after - before) / 1024)} KiB for 20 users with entries and sockets`);
}
