import { type CaseContext, type CaseDefinition, Precondition } from "../../../../core/case.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import type { BasicModule } from "../../messages.ts";
import { ask, firstGap, gapReason, id, inLab, type Lab } from "../lab.ts";
import type { LeafSocket, Subscription } from "../socket.ts";
import { judgeSame, readLog, reached } from "./order.ts";
import { type PairFigures, startPair } from "./pair.ts";

const CUTS = 20;
const RATE = 100;

const cutAndResumed: CaseDefinition = {
  name: "subscriptions/resumed",
  title: "After a lost connection the missed events come once each, then live ones",
  ids: [id("RES-01")],
  phase: "shared",
  limitMs: 120_000,
  run: inLab(async (lab, t) => {
    const writer = await lab.signIn();
    const user = await t.user();
    const stream = await lab.stream(writer);
    await lab.mustAppend(writer, stream, [lab.post()]);
    let written = 1;
    let isWriting = true;
    const writing = (async () => {
      while (isWriting) {
        const answer = await lab.append(writer, stream, [lab.post()]);
        if (answer.ok) written += 1;
        await t.sleep(1000 / RATE);
      }
    })();
    const positions: number[] = [];
    let last: LeafSocket | undefined;
    for (let cut = 0; cut <= CUTS; cut += 1) {
      const socket = await lab.signIn(user);
      const subscription = await socket.subscribe(stream, ask("log", { start: (positions.at(-1) ?? 0) + 1, limit: 1 + t.prng.below(200) }));
      if (cut < CUTS) await t.sleep(20 + t.prng.below(200));
      else {
        isWriting = false;
        await writing;
        await reached([subscription], written);
      }
      socket.cut();
      last = socket;
      positions.push(...subscription.rows.map((row) => row.stored.idx));
    }
    const gap = firstGap(positions, 1);
    lab.check("RES-01", gap === undefined, gapReason(positions, 1), `positions 1, 2, 3 … over ${CUTS} cuts`, gap ?? "", last);
    lab.check("RES-01", positions.length >= written, "lost", `all ${written} events`, `${positions.length}`, last);
  }),
};

const LATENCY_MS = 8_000;
const LATENCY_RATES = [10, 40] as const;
const BUDGET_MS_P95 = 250;
const RECEIVERS = 5;

const latency: CaseDefinition = {
  name: "latency/append-to-receipt",
  title: "From the planned time of an append to its receipt 95 of 100 take at most 250 ms",
  ids: [id("LAT-01")],
  phase: "quiet",
  limitMs: 60_000,
  run: async (t) => {
    const [writer] = await t.openMany(1 + RECEIVERS, { room: await t.room() });
    if (writer === undefined) throw new Precondition("nobody joined");
    for (const rate of LATENCY_RATES) {
      const fromMs = t.nowMs();
      for (let n = 0; n < (LATENCY_MS / 1000 / LATENCY_RATES.length) * rate; n += 1) {
        await t.sleep(Math.max(0, fromMs + (n * 1000) / rate - t.nowMs()));
        writer.write({ kind: "post", room: "general", body: "on time" });
      }
    }
    await t.judge({ latency: id("LAT-01") });
    t.report(id("LAT-01"), `open rates ${LATENCY_RATES.join(" and ")}/s, ${RECEIVERS} receivers, budget p95 ${BUDGET_MS_P95} ms`);
  },
};

/** Ends the server and starts it again; gives where it is then. */
async function restarted(t: CaseContext): Promise<void> {
  if (t.process === undefined) throw new Precondition("there is no control of the server's process");
  await t.process.restart("killed");
}

const KILL_WRITERS = 20;
const KILLS = 2;
const KILL_MS = 2_500;

const durable: CaseDefinition = {
  name: "streams/killed",
  title: "A confirmed append is there after the server was killed and started again; a repeat makes no second copy",
  ids: [id("ORD-05"), id("ORD-02")],
  phase: "exclusive",
  needs: ["restart"],
  limitMs: 180_000,
  run: inLab(async (lab, t) => {
    const users = await t.users(KILL_WRITERS);
    const [owner] = users;
    if (owner === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(await lab.signIn(owner));
    const confirmed = new Set<string>();
    const open = new Map<string, ReturnType<Lab["post"]>>();
    const resumed: number[] = [];
    for (let kill = 0; kill <= KILLS; kill += 1) {
      const sockets = await Promise.all(users.map((user) => lab.signIn(user)));
      const watching = await sockets[0]?.subscribe(stream, ask("log", { start: (resumed.at(-1) ?? 0) + 1 }));
      const [first] = sockets;
      if (first === undefined || watching === undefined) throw new Precondition("nobody came back");
      // What had no answer is sent again with its own id.
      for (const [eid, event] of open) {
        const answer = await lab.append(first, stream, [event]);
        const isStored = !answer.ok && answer.error.includes(`duplicate ${eid}`);
        lab.check(
          "ORD-05",
          answer.ok || isStored,
          "wrong-refusal",
          "a repeat is taken, or refused as a duplicate",
          answer.ok ? "" : answer.error,
          first,
        );
        if (answer.ok || isStored) confirmed.add(eid);
      }
      open.clear();
      const before = kill === KILLS ? [] : await readLog(lab, first, stream);
      let isWriting = true;
      const writing = Promise.all(
        sockets.map(async (socket) => {
          while (isWriting && socket.isOpen) {
            const event = lab.post();
            open.set(event.eid ?? "", event);
            const answer = await lab.append(socket, stream, [event]);
            if (answer.ok) confirmed.add(event.eid ?? "");
            if (answer.ok || !("isSilent" in answer)) open.delete(event.eid ?? "");
            await t.sleep(20 + t.prng.below(60));
          }
        }),
      );
      await t.sleep(kill === KILLS ? 500 : KILL_MS);
      if (kill < KILLS) await restarted(t);
      isWriting = false;
      await writing;
      const again = await lab.signIn(owner);
      const log = await readLog(lab, again, stream);
      const copies = new Map<string, number>();
      for (const row of log) copies.set(row.stored.event.eid ?? "", (copies.get(row.stored.event.eid ?? "") ?? 0) + 1);
      const missing = [...confirmed].filter((eid) => !copies.has(eid));
      lab.check(
        "ORD-05",
        missing.length === 0,
        "lost",
        `all ${confirmed.size} confirmed events after ${kill + 1} kills`,
        `${missing.length} are gone, the first ${missing[0]}`,
        again,
      );
      const twice = [...copies].find(([, count]) => count > 1);
      lab.check("ORD-05", twice === undefined, "doubled", "each event once", `${twice?.[0]} ${twice?.[1]} times`, again);
      judgeSame(lab, again, before, log, "after the server was killed");
      if (kill === KILLS) await reached([watching], log.length);
      for (const row of watching.rows) resumed.push(row.stored.idx);
    }
    const gap = firstGap(resumed, 1);
    lab.check("ORD-05", gap === undefined, gapReason(resumed, 1), "a subscriber that resumes by start gets every position once", gap ?? "");
    t.report(id("ORD-05"), `${confirmed.size} confirmed events, ${KILLS} kills under load`);
  }),
};

const repeated: CaseDefinition = {
  name: "streams/repeated",
  title: "An append whose answer was lost is sent again with its id and stands once",
  ids: [id("ORD-05")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const user = await t.user();
    const owner = await lab.signIn(user);
    const stream = await lab.stream(owner);
    const events = Array.from({ length: 10 }, () => lab.post());
    for (const event of events) {
      const socket = await lab.signIn(user);
      void lab.append(socket, stream, [event]);
      await t.sleep(t.prng.below(6));
      socket.cut();
      const answer = await lab.append(owner, stream, [event]);
      const isStored = answer.ok || answer.error.includes(`duplicate ${event.eid}`);
      lab.check(
        "ORD-05",
        isStored,
        "wrong-refusal",
        "the repeat is taken, or refused as a duplicate",
        answer.ok ? "" : answer.error,
        owner,
      );
    }
    const log = await readLog(lab, owner, stream);
    for (const event of events) {
      const copies = log.filter((row) => row.stored.event.eid === event.eid).length;
      lab.check("ORD-05", copies === 1, copies === 0 ? "lost" : "doubled", `${event.eid} once`, `${copies} times`, owner);
    }
  }),
};

const STAGES = [50, 150, 400] as const;
/** Sockets of one stage: each carries its share of the subscriptions, as tabs of one user do. */
const SOCKETS = 25;
const STAGE_EVENTS = 40;
const FAN_OUT_LIMITS = [1, 10, 100, 1000] as const;
/** Filler, so that a reader that stops reading is felt. */
const FILLER = "x".repeat(10_000);
/** Subscriptions of the one that does not read: what they are sent fills every buffer on the way. */
const STUCK = 40;

const fanOut: CaseDefinition = {
  name: "capacity/fan-out",
  title: "Fan-out degrades gradually and never drops silently, also beside one that does not read",
  ids: [id("CAP-01")],
  phase: "exclusive",
  limitMs: 180_000,
  run: inLab(async (lab, t) => {
    const writer = await lab.signIn();
    const sockets = await lab.signInMany(SOCKETS);
    const slow = await lab.signIn();
    const figures: string[] = [];
    for (const count of STAGES) {
      const stream = await lab.stream(writer);
      const subscriptions = await Promise.all(
        Array.from({ length: count }, (_, n) => {
          const socket = sockets[n % sockets.length] ?? writer;
          return socket.subscribe(stream, ask("log", { start: 1, limit: FAN_OUT_LIMITS[n % FAN_OUT_LIMITS.length] ?? 1 }));
        }),
      );
      const isFirst = count === STAGES[0];
      const stuck = await Promise.all(Array.from({ length: isFirst ? STUCK : 0 }, () => slow.subscribe(stream, ask("log", { start: 1 }))));
      slow.pause();
      const fromMs = t.nowMs();
      for (let n = 0; n < STAGE_EVENTS; n += 1) {
        await lab.mustAppend(writer, stream, [isFirst ? lab.post({ body: FILLER }) : lab.post()]);
        await t.sleep(10);
      }
      await reached(subscriptions, STAGE_EVENTS, 40_000);
      const tookMs = t.nowMs() - fromMs;
      for (const subscription of subscriptions) {
        const positions = subscription.rows.map((row) => row.stored.idx);
        const isWhole = firstGap(positions, 1) === undefined && positions.length === STAGE_EVENTS;
        if (subscription.socket.isOpen)
          lab.check(
            "CAP-01",
            isWhole,
            positions.length < STAGE_EVENTS ? "lost" : gapReason(positions, 1),
            `${STAGE_EVENTS} events at each of ${count} subscribers`,
            `${positions.length}`,
            subscription.socket,
          );
      }
      slow.resume();
      await reached(stuck, STAGE_EVENTS, 40_000);
      for (const subscription of stuck) {
        if (!slow.isOpen) break;
        const positions = subscription.rows.map((row) => row.stored.idx);
        lab.check(
          "CAP-01",
          firstGap(positions, 1) === undefined && positions.length === STAGE_EVENTS,
          "lost",
          `${STAGE_EVENTS} events at the one that did not read, or a close`,
          `${positions.length}`,
          slow,
        );
      }
      figures.push(`${count} subscribers: ${Math.round((count * STAGE_EVENTS * 1000) / tookMs)} deliveries/s`);
    }
    t.report(id("CAP-01"), figures.join(", "));
  }),
};

/** A log and nothing else: the history is made in seconds. */
const PLAIN_MODULE: BasicModule = {
  ...REFERENCE_MODULE,
  initSql: "",
  authorizer: "",
  materializer: "",
  queries: [
    { name: "log", sql: "select idx, user, payload from events where idx >= $start and idx < $start + $limit order by idx", params: [] },
  ],
};
const LONG_STREAMS = 5;
const LONG_EVENTS = 10_000;
const REPLAYS = 50;
/** Twice the p99 alone, and no less than a fifth of the latency budget: below it one turn of a loop is what is seen. */
const PAIR_FLOOR_MS = 50;
/** So often at most, while the pair itself is late. */
const PAIR_ATTEMPTS = 3;

function notJudged(error: unknown): never {
  throw new Precondition(error instanceof Error ? error.message : String(error));
}

/** What came late by no more than the pair's own process was late cannot be laid at the server's door. */
function isOwnLateness({ p99Ms, ownLagMs }: PairFigures, mostMs: number): boolean {
  return p99Ms > mostMs && p99Ms <= mostMs + ownLagMs;
}

const longHistory: CaseDefinition = {
  name: "capacity/long-history",
  title: "Long histories sync in bounded pieces without harm to live users",
  ids: [id("CAP-02")],
  phase: "exclusive",
  needs: ["moduleUpload"],
  limitMs: 240_000,
  run: inLab(async (lab, t) => {
    const writer = await lab.signIn();
    const readers: LeafSocket[] = [];
    for (const user of await t.users(10)) readers.push(await lab.connect(await lab.token(user), undefined, true));
    const streams: string[] = [];
    for (let n = 0; n < LONG_STREAMS; n += 1) {
      const stream = await lab.stream(writer, PLAIN_MODULE);
      for (let from = 0; from < LONG_EVENTS; from += 1000)
        await lab.mustAppend(
          writer,
          stream,
          Array.from({ length: 1000 }, () => lab.post()),
        );
      streams.push(stream);
    }
    const pair = await startPair({
      url: t.target.urls[0],
      headers: t.target.headers,
      writerToken: await lab.token(await t.user()),
      readerToken: await lab.token(await t.user()),
      stream: await lab.stream(writer),
    }).catch(notJudged);
    const startReplays = (): Promise<readonly Subscription[]> =>
      Promise.all(
        Array.from({ length: REPLAYS }, (_, n) =>
          (readers[n % readers.length] ?? writer).subscribe(streams[n % streams.length] ?? "", ask("log", { start: 1 })),
        ),
      );
    const [alone, replays, beside, mostMs] = await (async () => {
      try {
        const before = await pair.measure().catch(notJudged);
        const limitMs = Math.max(PAIR_FLOOR_MS, 2 * before.p99Ms);
        for (let attempt = 1; ; attempt += 1) {
          const started = await startReplays();
          const during = await pair.measure().catch(notJudged);
          await Promise.all(started.map((replay) => replay.socket.until(() => replay.rowCount >= LONG_EVENTS, 120_000)));
          if (attempt === PAIR_ATTEMPTS || !isOwnLateness(during, limitMs)) return [before, started, during, limitMs] as const;
        }
      } finally {
        pair.end();
      }
    })();
    for (const replay of replays) {
      const lengths = replay.news.map((news) => news.count);
      lab.check(
        "CAP-02",
        replay.rowCount === LONG_EVENTS,
        "lost",
        `${LONG_EVENTS} events in each replay`,
        `${replay.rowCount}`,
        replay.socket,
      );
      lab.check(
        "CAP-02",
        Math.max(...lengths) <= 1000,
        "over-limit",
        "pieces of at most 1000 positions",
        `${Math.max(...lengths)}`,
        replay.socket,
      );
    }
    if (isOwnLateness(beside, mostMs))
      t.inconclusive(
        id("CAP-02"),
        `the harness lost up to ${beside.ownLagMs.toFixed(0)} ms of the pair's ${beside.p99Ms.toFixed(0)} ms by itself`,
      );
    else
      lab.check(
        "CAP-02",
        beside.p99Ms <= mostMs,
        "late",
        `the live pair's p99 at most ${mostMs.toFixed(0)} ms beside ${REPLAYS} replays (alone ${alone.p99Ms.toFixed(0)} ms)`,
        `${beside.p99Ms.toFixed(0)} ms`,
      );
    t.report(
      id("CAP-02"),
      `live p99 ${alone.p99Ms.toFixed(1)} ms alone, ${beside.p99Ms.toFixed(1)} ms beside ${REPLAYS} replays of ${LONG_EVENTS} events`,
    );
  }),
};

export const runningCases: readonly CaseDefinition[] = [cutAndResumed, latency, durable, repeated, fanOut, longHistory];
