import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { own } from "../json.ts";
import type { Kit } from "./kit.ts";
import { insert, mustWrite, type Peer, remove, SOON_MS, type Table, withPeers } from "./peer.ts";

const CLOCKS = requirementId("STEP-ROB-01");
const SLOW = requirementId("STEP-ROB-02");
const FRAMES = requirementId("STEP-ROB-03");
const FAST = requirementId("STEP-CAP-01");
const BESIDE = requirementId("STEP-CAP-02");
const RATE = requirementId("STEP-SEC-02");
const COUNTS = requirementId("STEP-OBS-01");

const DAY_MS = 86_400_000;
/** How far a server's clock may be from ours. */
const CLOCK_MS = 5_000;
/** S-11: accepted steps a second in one room. */
const STEPS_PER_SECOND = 1_000;
const RUN_MS = 2_500;
/** One of twenty does not read. */
const READERS = 20;
/** Beside a reader that does not read, the others get what is written within this. */
const BESIDE_SLOW_MS = 2_000;

/** Clocks, slow readers, throughput, rates, figures. */
export function hardnessCases(kit: Kit): readonly CaseDefinition[] {
  return [
    {
      name: "robustness/clocks",
      title: "A sender with a wrong clock does no harm",
      ids: [CLOCKS],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => clocks(table)),
    },
    {
      name: "robustness/slow-reader",
      title: "One member that does not read holds up nobody",
      ids: [SLOW],
      phase: "quiet",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => slowReader(table)),
    },
    {
      name: "robustness/frames",
      title: "Text frames with JSON are enough",
      ids: [FRAMES],
      phase: "shared",
      run: (t) => withPeers(t, kit, (table) => frames(table)),
    },
    {
      name: "capacity/throughput",
      title: "One room takes a thousand steps a second",
      ids: [FAST],
      phase: "exclusive",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => throughput(table)),
    },
    {
      name: "capacity/beside",
      title: "A busy room beside a quiet one",
      ids: [BESIDE],
      phase: "exclusive",
      limitMs: 60_000,
      run: (t) => withPeers(t, kit, (table) => beside(table)),
    },
    {
      name: "security/rate",
      title: "A rate limit hits its sender only, and says so",
      ids: [RATE],
      phase: "quiet",
      needs: ["rateLimit"],
      run: (t) => withPeers(t, kit, (table) => rate(table)),
    },
    {
      name: "observability/counts",
      title: "Figures of the server agree with what was done",
      ids: [COUNTS],
      phase: "exclusive",
      needs: ["metrics"],
      run: (t) => withPeers(t, kit, (table) => counts(table)),
    },
  ];
}

async function clocks({ t, kit, member, stranger }: Table): Promise<void> {
  const room = await t.room();
  const [ann, ben] = [await member(room), await member(room)];
  const nowMs = kit.epochMs();
  for (const timestamp of [nowMs - DAY_MS, nowMs + DAY_MS, 0, -1, "yesterday", null, {}, undefined]) {
    const from = ben.mark;
    const sent = ann.mark;
    ann.bent({ type: "steps", steps: [insert(1, "t")], version: ann.version, userId: ann.id }, { timestamp });
    const outcome = await ann.verdict(sent);
    const name = `a step with timestamp ${JSON.stringify(timestamp)}`;
    if (
      !t.check(
        CLOCKS,
        outcome.kind === "ack",
        ann.breach(outcome.kind === "error" ? "wrong-refusal" : "silent", `${name}: accepted`, outcome.kind),
      )
    )
      return;
    const heard = await ben.hear(({ message }) => message?.type === "steps", from);
    t.check(CLOCKS, heard !== undefined, ben.breach("lost", `${name}: passed on`, "nothing"));
  }
  const visitor = await stranger(room);
  const from = ann.mark;
  visitor.bent({ type: "join", userId: visitor.id }, { timestamp: nowMs - DAY_MS });
  const joined = await visitor.hear(({ message }) => message?.type === "doc-snapshot", 0);
  visitor.bent({ type: "leave", userId: visitor.id }, { timestamp: "never" });
  const left = await ann.hear(({ message }) => message?.type === "leave" && message.userId === visitor.id, from);
  t.check(
    CLOCKS,
    joined !== undefined && (left !== undefined || !t.has("presence")),
    ann.breach("silent", "join and leave as usual whatever the clock says", "not so"),
  );
  if (t.target.dialect !== "documented") return;
  const wrong = ann.heard.filter(({ fields }) => {
    const timestamp = own(fields, "timestamp");
    return typeof timestamp !== "number" || Math.abs(timestamp - kit.epochMs()) > CLOCK_MS + 30_000;
  });
  t.check(
    CLOCKS,
    wrong.length === 0,
    ann.breach("malformed", "server timestamps of now", JSON.stringify(wrong[0]?.fields ?? {}).slice(0, 200)),
  );
}

async function slowReader({ t, members }: Table): Promise<void> {
  const room = await t.room({ places: READERS });
  const [author, slow, ...others] = await members(room, READERS);
  if (author === undefined || slow === undefined) throw new Precondition("nobody joined");
  slow.socket.pause();
  // 8 MiB in all: more than the buffers of a connection hold.
  const filler = "s".repeat(120_000);
  const delays: number[] = [];
  // Messages of 20 steps each, one of them long; 25 a second are 500 steps/s.
  for (let n = 0; n < 70; n += 1) {
    // What was heard is looked at once: nobody keeps megabytes of it.
    for (const peer of others) peer.heard.length = 0;
    const sentMs = t.nowMs();
    const steps = [
      insert(1, filler),
      remove(1, 1 + filler.length),
      ...Array.from({ length: 9 }, () => [insert(1, "x"), remove(1, 2)]).flat(),
    ];
    const outcome = await author.steps(steps);
    if (outcome.kind !== "ack") {
      t.check(SLOW, false, author.breach("late", `steps confirmed within ${SOON_MS} ms while one member does not read`, outcome.kind));
      return;
    }
    const [near] = others;
    const heard = await near?.hear(({ message }) => message?.type === "steps", 0, BESIDE_SLOW_MS);
    delays.push(heard === undefined ? BESIDE_SLOW_MS : heard.atMs - sentMs);
    if (heard === undefined) break;
    await t.sleep(15);
  }
  const worst = Math.max(...delays);
  t.check(SLOW, worst < BESIDE_SLOW_MS, author.breach("late", `steps at the others within ${BESIDE_SLOW_MS} ms`, "not there"));
  if (worst >= BESIDE_SLOW_MS) return;
  const right = await author.doc();
  slow.socket.resume();
  await t.until(() => !slow.isOpen || slow.version === right.version, 10_000);
  t.check(
    SLOW,
    !slow.isOpen || slow.version === right.version,
    slow.breach("lost", "the slow one closed, or caught up", `at version ${slow.version} of ${right.version}`),
  );
  t.report(
    SLOW,
    `slowest delivery beside it ${Math.round(worst)} ms; the slow one was ${slow.isOpen ? "caught up" : `closed with ${slow.socket.closeCode ?? 0}`}`,
  );
}

async function frames({ t, members }: Table): Promise<void> {
  const [ann, ben] = await members(await t.room(), 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  await mustWrite(
    ann,
    Array.from({ length: 10 }, () => insert(1, "ten letter")),
  );
  const heard = await ben.hear(({ message }) => message?.type === "steps", 0);
  const isText = ben.heard.every(({ frame }) => typeof frame === "string");
  t.report(
    FRAMES,
    `${isText ? "text frames only" : "binary frames too"}; ${Math.round((heard?.frame.length ?? 0) / 10)} bytes a step of ten letters`,
  );
}

/** One writer, batches of this size, each sent once the one before is confirmed. */
async function write(peer: Peer, size: number, endMs: number): Promise<{ readonly accepted: number; readonly refused: number }> {
  let [accepted, refused] = [0, 0];
  while (peer.t.nowMs() < endMs && peer.isOpen) {
    const steps = Array.from({ length: size }, (_, n) => (n % 2 === 0 ? insert(1, "ab") : remove(1, 3)));
    const outcome = await peer.steps(steps);
    if (outcome.kind === "ack") accepted += size;
    else refused += size;
    if (outcome.kind === "silent") break;
  }
  return { accepted, refused };
}

async function throughput({ t, members }: Table): Promise<void> {
  let best = 0;
  let author: Peer | undefined;
  for (const [writers, size] of [
    [1, 120],
    [10, 50],
    [100, 50],
  ] as const) {
    const peers = await members(await t.room({ places: writers }), writers);
    author ??= peers[0];
    const fromMs = t.nowMs();
    const all = await Promise.all(peers.map((peer) => write(peer, size, fromMs + RUN_MS)));
    const seconds = (t.nowMs() - fromMs) / 1_000;
    const [accepted, refused] = [all.reduce((sum, each) => sum + each.accepted, 0), all.reduce((sum, each) => sum + each.refused, 0)];
    best = Math.max(best, accepted / seconds);
    t.report(
      FAST,
      `${writers} writer${writers === 1 ? "" : "s"}, batches of ${size}: ${Math.round(accepted / seconds)} steps/s accepted, ${Math.round((100 * refused) / Math.max(1, accepted + refused))} % refused`,
    );
    for (const peer of peers) if (peer !== author) peer.end();
  }
  if (author === undefined) throw new Precondition("nobody joined");
  t.check(
    FAST,
    best >= STEPS_PER_SECOND,
    author.breach("late", `${STEPS_PER_SECOND} accepted steps a second in the best form`, `${Math.round(best)}`),
  );
}

async function beside({ t, members }: Table): Promise<void> {
  const [ann, ben] = await members(await t.room(), 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  const measure = async (): Promise<number> => {
    const delays: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const from = ben.mark;
      const sentMs = t.nowMs();
      await ann.steps([insert(1, "q"), remove(1, 2)]);
      const heard = await ben.hear(({ message }) => message?.type === "steps", from);
      delays.push((heard?.atMs ?? sentMs + SOON_MS) - sentMs);
      await t.sleep(10);
    }
    return [...delays].sort((left, right) => left - right)[48] ?? 0;
  };
  const alone = await measure();
  for (const busy of [1, 10]) {
    const writers = await Promise.all(Array.from({ length: busy }, async () => (await members(await t.room(), 1))[0]));
    const endMs = t.nowMs() + RUN_MS;
    const work = Promise.all(
      writers.map((peer) => (peer === undefined ? Promise.resolve({ accepted: 0, refused: 0 }) : write(peer, 20, endMs))),
    );
    const ratio = (await measure()) / Math.max(0.1, alone);
    await work;
    t.report(
      BESIDE,
      `beside ${busy} busy room${busy === 1 ? "" : "s"}: p99 ${ratio.toFixed(1)} times that of a quiet pair alone (${alone.toFixed(1)} ms)`,
    );
  }
}

async function rate({ t, member }: Table): Promise<void> {
  const room = await t.room();
  const [eager, calm] = [await member(room), await member(room)];
  const allowed = t.limit("messagesPerSecondMax", 500);
  const from = eager.mark;
  for (let n = 0; n < allowed * 10 && eager.isOpen; n += 1) eager.send({ type: "doc-request" });
  const outcome = await calm.steps([insert(1, "calm ")]);
  t.check(RATE, outcome.kind === "ack", calm.breach("late", `a calm member's step confirmed within ${SOON_MS} ms`, outcome.kind));
  const told = await eager.hear(({ type }) => type === "error", from);
  const answered = eager.of("doc-snapshot", from).length;
  t.check(
    RATE,
    told !== undefined || !eager.isOpen || answered < allowed * 10,
    eager.breach("not-refused", "an error, a close or slower reading", `${answered} answers`),
  );
}

async function counts({ t, members }: Table): Promise<void> {
  const before = await t.metrics();
  if (before === undefined) throw new Precondition("no metrics");
  const room = await t.room();
  const [ann, ben] = await members(room, 2);
  if (ann === undefined || ben === undefined) throw new Precondition("nobody joined");
  for (let n = 0; n < 10; n += 1)
    await mustWrite(
      ann,
      Array.from({ length: 20 }, () => insert(1, "m")),
    );
  for (let n = 0; n < 5; n += 1) await ann.steps([insert(9_000, "m"), insert(1, "m")]);
  const after = await t.metrics();
  if (after === undefined) throw new Precondition("no metrics");
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  for (const [name, wanted] of [
    ["steps_accepted_total", 200],
    ["steps_refused_total", 10],
  ] as const) {
    t.check(COUNTS, Math.abs(grown(name) - wanted) <= wanted / 100, ann.breach("miscounted", `${name} up by ${wanted}`, `${grown(name)}`));
  }
  const hook = t.target.hooks.metrics;
  const answer = hook === undefined ? undefined : await t.http({ method: "GET", path: hook.path });
  if (hook === undefined || answer === undefined || "failure" in answer) return;
  for (const [name, wanted] of [
    ["room_version", 200],
    ["room_members", 2],
  ] as const) {
    const line = answer.body.split("\n").find((each) => each.startsWith(`${hook.prefix}${name}{`) && each.includes(`room="${room}"`));
    const shown = line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
    t.check(COUNTS, shown === wanted, ann.breach("miscounted", `${name} of the room ${wanted}`, `${shown ?? "none"}`));
  }
}
