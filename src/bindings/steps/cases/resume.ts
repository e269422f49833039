import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { markersIn } from "../marker.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, remove, type Table, withPeers } from "./peer.ts";

const ADDED = requirementId("STEP-LAT-02");
const RETURN = requirementId("STEP-RES-03");

/** S-10: what the server adds, at the 95th percentile. */
const ADDED_MS_P95 = 100;
const RETURN_MS = 5_000;
const MISSED = [0, 1, 100, 20_000] as const;
const BATCH = 100;

/** How fast, and what those get who come back. */
export function resumeCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "latency/added",
      title: "The server adds little to the network's delay",
      ids: [ADDED],
      phase: "quiet",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => added(table)),
    },
    {
      name: "resume/missed",
      title: "Who comes back has the document, however much it missed",
      ids: [RETURN],
      phase: "shared",
      limitMs: 90_000,
      run: (t) => withPeers(t, kit, (table) => missed(table)),
    },
    {
      name: "resume/in-doubt",
      title: "A batch cut off before its answer is found out about",
      ids: [RETURN],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => inDoubt(table)),
    },
    {
      name: "resume/editors",
      title: "Editors that are cut off and come back lose nothing and double nothing",
      ids: [RETURN],
      phase: "shared",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => editors(table)),
    },
  ];
}

function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))] ?? 0;
}

async function added({ t, members }: Table): Promise<void> {
  const [author, ...others] = await members(await t.room(), 8);
  const [near] = others;
  if (author === undefined || near === undefined) throw new Precondition("nobody joined");
  for (const perSecond of [5, 20, 50]) {
    const trips: number[] = [];
    const delays: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      const marks = others.map((peer) => peer.mark);
      const trip = near.socket.ping();
      const sentMs = t.nowMs();
      const outcome = author.steps([insert(1, "t")]);
      trips.push((await trip) ?? 1_000);
      await outcome;
      await Promise.all(
        others.map(async (peer, index) => {
          const heard = await peer.hear(({ message }) => message?.type === "steps", marks[index] ?? 0);
          if (heard !== undefined) delays.push(heard.atMs - sentMs);
        }),
      );
      await t.sleep(1_000 / perSecond);
    }
    if (delays.length === 0) throw new Precondition("nothing was delivered");
    const addedMs = percentile(delays, 95) - percentile(trips, 50);
    t.check(
      ADDED,
      addedMs <= ADDED_MS_P95,
      near.breach("late", `at most ${ADDED_MS_P95} ms more than a round trip, at the 95th percentile`, `${addedMs.toFixed(1)} ms`),
    );
    t.report(
      ADDED,
      `at ${perSecond}/s: round trip ${percentile(trips, 50).toFixed(1)} ms, steps p50 ${percentile(delays, 50).toFixed(1)}, p95 ${percentile(delays, 95).toFixed(1)} ms`,
    );
  }
}

/** Many steps that leave the document small. */
async function churn(author: Peer, count: number): Promise<void> {
  for (let done = 0; done < count;) {
    const size = Math.min(BATCH, count - done);
    const steps = Array.from({ length: size }, (_, n) =>
      n % 2 === 0 && n < size - 1 ? insert(1, "ab") : n === size - 1 && size % 2 === 1 ? insert(1, "c") : remove(1, 3),
    );
    await mustWrite(author, steps);
    done += size;
  }
}

async function missed({ t, member, stranger }: Table): Promise<void> {
  for (const count of MISSED) {
    const room = await t.room();
    const ann = await member(room);
    const ben = await member(room);
    await mustWrite(ann, [insert(1, "before ")]);
    ben.end();
    await t.sleep(100);
    await churn(ann, count);
    const right = await ann.doc();
    const back = await stranger(room, ben.id);
    const snapshot = await back.join(undefined, RETURN_MS);
    const got = snapshot?.message?.type === "doc-snapshot" ? snapshot.message : undefined;
    const content = got === undefined ? "nothing" : back.kit.editing(t.target.dialect).canonical(got.doc);
    t.check(
      RETURN,
      got?.version === right.version && content === right.content,
      back.breach(
        "stale",
        `version ${right.version} after missing ${count} steps: ${right.content.slice(0, 200)}`,
        `version ${got?.version ?? "none"}: ${content.slice(0, 200)}`,
      ),
    );
  }
}

async function inDoubt({ t, member, stranger }: Table): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    const room = await t.room();
    const ann = await member(room);
    const ben = await member(room);
    await mustWrite(ann, [insert(1, "base ")]);
    await ben.hear(({ message }) => message?.type === "steps", 0);
    const since = ben.version;
    const token = `⟦${t.run}.doubt${round}⟧`;
    ben.send({ type: "steps", steps: [insert(1, token)], version: since, userId: ben.id });
    // Now and then the frame gets out before the connection ends.
    await t.sleep(round * 2);
    ben.socket.reset();
    await t.sleep(300);
    await ann.steps([insert(1, "meanwhile ")], (await ann.doc()).version);
    const back = await stranger(room, ben.id);
    await back.join(undefined, RETURN_MS);
    const { content } = await back.doc();
    const isTaken = content.includes(token);
    if (!t.has("history")) continue;
    const from = back.mark;
    back.send({ type: "history-request", sinceVersion: since });
    const heard = await back.hear(({ message }) => message?.type === "history" || message?.type === "doc-snapshot", from);
    const history = heard?.message?.type === "history" ? heard.message : undefined;
    if (heard?.message?.type === "doc-snapshot") continue;
    if (
      !t.check(RETURN, history !== undefined, back.breach("silent", `the steps since version ${since}`, "no answer")) ||
      history === undefined
    )
      return;
    const isThere = JSON.stringify(history.steps).includes(token);
    t.check(
      RETURN,
      isThere === isTaken,
      back.breach(isTaken ? "lost" : "ghost", `the batch in the history as in the document (${isTaken})`, `${isThere}`),
    );
    const isWhole = history.fromVersion + history.steps.length === history.toVersion;
    t.check(
      RETURN,
      isWhole,
      back.breach("lost", `all steps from ${history.fromVersion} to ${history.toVersion}`, `${history.steps.length} steps`),
    );
  }
}

async function editors({ t, stranger }: Table): Promise<void> {
  const room = await t.room();
  const clients = await t.openMany(3, { room, reconnect: true });
  const keys: string[] = [];
  for (let round = 0; round < 30; round += 1) {
    for (const client of clients) {
      const { marker } = client.write({ do: "type", at: t.prng.next(), text: "r" });
      if (marker !== undefined) keys.push(`${marker.run}/${marker.author}/${marker.n}`);
    }
    if (round % 10 === 5) clients[round % clients.length]?.cut();
    await t.sleep(60);
  }
  // Sessions come back after 0.8 to 1.2 s.
  await t.sleep(1_500);
  const confirmed = (): number =>
    new Set(clients.flatMap((client) => client.seen.flatMap((each) => (each.kind === "accepted" ? [`${client.number}/${each.op}`] : []))))
      .size;
  let before = -1;
  await t.until(async () => {
    const isStill = confirmed() === before;
    before = confirmed();
    await t.sleep(400);
    return isStill;
  }, 8_000);
  const newcomer = await stranger(room);
  const snapshot = await newcomer.join(undefined, RETURN_MS);
  if (snapshot?.message?.type !== "doc-snapshot") throw new Precondition("a newcomer got no document");
  const counts = new Map<string, number>();
  for (const key of markersIn(snapshot.message.doc)) counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const key of keys) {
    const count = counts.get(key) ?? 0;
    if (!t.check(RETURN, count === 1, newcomer.breach(count === 0 ? "lost" : "doubled", `${key} once in the document`, `${count} times`)))
      return;
  }
}
