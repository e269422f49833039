import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import {
  acceptedCount,
  act,
  breach,
  differenceOf,
  differing,
  network,
  openSpace,
  QUIESCE_MS_MAX,
  quiesce,
  sendTo,
  SHALL_MS,
  shown,
  textOf,
  view,
} from "./support.ts";

const LAT_01 = requirementId("JAZZ-LAT-01");
const RES_05 = requirementId("JAZZ-RES-05");
const RES_07 = requirementId("JAZZ-RES-07");
const RES_10 = requirementId("JAZZ-RES-10");
const CAP_03 = requirementId("JAZZ-CAP-03");

const BUDGET_MS = 250;
const DRAIN_MS_MAX = 30_000;
const QUEUE = 5_000;
const BURSTS = 5;
const BURST = 20;
const BURST_GAP_MS = 100;

const latency: CaseDefinition = {
  name: "latency/delivery",
  title: "From its planned time a message is in every replica within 250 ms, at p95",
  ids: [LAT_01],
  phase: "quiet",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 4);
    for (const ratePerSecond of [5, 20]) {
      const from = clients.map((client) => client.seen.length);
      const planned = new Map<string, number>();
      const startMs = t.nowMs() + 100;
      const count = ratePerSecond * 4;
      for (let n = 0; n < count; n += 1) {
        const dueMs = startMs + (n * 1_000) / ratePerSecond;
        await t.sleep(Math.max(0, dueMs - t.nowMs()));
        const author = clients[n % clients.length];
        const op = author?.write({ do: "send", content: `rate ${ratePerSecond}` });
        if (author !== undefined && op?.marker !== undefined) planned.set(`${op.marker.author}/${op.marker.n}`, dueMs);
      }
      await t.until(
        () => clients.every((client, index) => delivered(client, from[index] ?? 0) >= count - count / clients.length),
        SHALL_MS,
      );
      const latencies = clients
        .flatMap((client, index) => client.seen.slice(from[index]))
        .flatMap((each) => {
          const dueMs =
            each.kind === "delivered" && each.marker !== undefined ? planned.get(`${each.marker.author}/${each.marker.n}`) : undefined;
          return dueMs === undefined ? [] : [each.atMs - dueMs];
        })
        .sort((left, right) => left - right);
      const at = (share: number): number => latencies[Math.max(0, Math.ceil(latencies.length * share) - 1)] ?? 0;
      t.report(
        LAT_01,
        `${ratePerSecond}/s: p50 ${at(0.5).toFixed(0)}, p95 ${at(0.95).toFixed(0)}, p99 ${at(0.99).toFixed(0)}, max ${at(1).toFixed(0)} ms of ${latencies.length}`,
      );
      if (latencies.length === 0) throw new Precondition("nothing was delivered");
      t.check(LAT_01, at(0.95) <= BUDGET_MS, {
        reason: "late",
        expected: `p95 of ${BUDGET_MS} ms at ${ratePerSecond}/s`,
        seen: `${at(0.95).toFixed(0)} ms`,
      });
    }
  },
};

function delivered(client: CaseClient, from: number): number {
  return client.seen.slice(from).filter((each) => each.kind === "delivered").length;
}

/** A device that is offline with a queue, and another that waits for what is in it. */
interface Queue {
  readonly away: CaseClient;
  readonly other: CaseClient;
  readonly count: number;
  /** Confirmations so far. */
  confirmed(): number;
  /** Items that have come to the other. */
  arrived(): number;
  /** Numbers of the items that have come, in the order they came; `isReaction`: of those to one message only. */
  numbers(isReaction?: boolean): readonly number[];
}

async function queueUp(t: CaseContext, count: number): Promise<Queue> {
  const { clients } = await openSpace(t, 2);
  const [away, other] = clients;
  if (away === undefined || other === undefined) throw new Precondition("two are needed");
  const message = await sendTo(t, away, clients, "the message that is reacted to");
  await network(t, away, false);
  const before = acceptedCount(away);
  const from = other.seen.length;
  // Short transactions on a few values: what is judged is the queue, not the making of thousands of values.
  for (let n = 0; n < count; n += 1)
    away.write(
      n % 10 === 0 && n < 1_000 ? { do: "send", content: `offline ${n}` } : { do: "react", message, emoji: `e${n % 50}`, on: n % 2 === 0 },
    );
  return {
    away,
    other,
    count,
    confirmed: () => acceptedCount(away) - before,
    arrived: () => delivered(other, from),
    numbers: (isReaction = false) =>
      other.seen
        .slice(from)
        .flatMap((each) =>
          each.kind === "delivered" && each.marker !== undefined && (!isReaction || each.content.includes('"kind":"reaction"'))
            ? [each.marker.n]
            : [],
        ),
  };
}

/** Waits until the queue is worked off, at most until 30 s after `startMs`, and judges what came. */
async function judgeQueue(t: CaseContext, queue: Queue, startMs: number, how: string): Promise<void> {
  const { away, other, count } = queue;
  await t.until(() => queue.confirmed() >= count && queue.arrived() >= count, Math.max(0, DRAIN_MS_MAX - (t.nowMs() - startMs)));
  const confirmed = queue.confirmed();
  const numbers = queue.numbers();
  const once = new Set(numbers);
  t.report(
    RES_07,
    `${count} items${how} in ${((t.nowMs() - startMs) / 1_000).toFixed(1)} s: ${confirmed} confirmed, ${once.size} arrived, ${numbers.length - once.size} of them twice`,
  );
  t.check(RES_07, confirmed >= count, breach(t, away, "lost", `${count} confirmed within 30 s${how}`, `${confirmed}`));
  t.check(RES_07, once.size === count, breach(t, other, "lost", `each of ${count} at the receiver${how}`, `${once.size}`));
  t.check(RES_07, numbers.length === once.size, breach(t, other, "doubled", "each once", `${numbers.length - once.size} again`));
  const ofOneFeed = queue.numbers(true);
  t.check(
    RES_07,
    ofOneFeed.every((n, index) => index === 0 || n > (ofOneFeed[index - 1] ?? 0)),
    breach(t, other, "disordered", "one value's events in order", "another order"),
  );
  await t.until(() => textOf(away) === textOf(other), SHALL_MS);
  t.check(RES_07, textOf(away) === textOf(other), breach(t, other, "diverged", "the same list at both", "another"));
}

const drains: CaseDefinition = {
  name: "resume/offline-queue",
  title: "What was written offline arrives complete and once, in the order of the timeline",
  ids: [RES_07],
  phase: "exclusive",
  limitMs: 150_000,
  run: async (t) => {
    for (const count of [10, 100, QUEUE]) {
      const queue = await queueUp(t, count);
      const startMs = t.nowMs();
      await network(t, queue.away, true);
      await judgeQueue(t, queue, startMs, "");
      await Promise.all([queue.away.close(), queue.other.close()]);
    }
  },
};

const restartInDrain: CaseDefinition = {
  name: "resume/restart-in-drain",
  title: "What was written offline arrives complete, once and in order though the relay is killed and started in the middle",
  ids: [RES_07],
  phase: "exclusive",
  needs: ["restart"],
  limitMs: 120_000,
  run: async (t) => {
    const queue = await queueUp(t, QUEUE);
    const startMs = t.nowMs();
    await network(t, queue.away, true);
    await t.until(() => queue.arrived() >= QUEUE / 10, SHALL_MS);
    const arrived = queue.arrived();
    await t.process?.restart("killed");
    if (arrived === 0 || arrived >= QUEUE) throw new Precondition(`the restart was not in the middle: ${arrived} of ${QUEUE} had arrived`);
    const devices = [queue.away, queue.other];
    if (!(await t.until(() => devices.every((client) => !client.isOpen), SHALL_MS))) throw new Precondition("a socket outlived its server");
    await Promise.all(devices.map((client) => network(t, client, true)));
    await judgeQueue(t, queue, startMs, `, the relay killed when ${arrived} had arrived,`);
  },
};

const restart: CaseDefinition = {
  name: "resume/killed-relay",
  title: "A relay with storage that is killed after its known still has every confirmed transaction",
  ids: [RES_10],
  phase: "exclusive",
  needs: ["storage", "restart"],
  limitMs: 120_000,
  run: async (t) => {
    if (!t.has("storage")) return t.report(RES_10, "the relay keeps nothing on disk here: its database was built for another Node");
    const { room, clients } = await openSpace(t, 2);
    const [author] = clients;
    if (author === undefined || t.process === undefined) throw new Precondition("nobody joined");
    const ids: string[] = [];
    for (let n = 0; n < 30; n += 1) ids.push((await act(author, { do: "send", content: `kept ${n}` })).id);
    if (!(await t.until(() => acceptedCount(author) >= ids.length, SHALL_MS))) throw new Precondition("not everything was confirmed");
    for (const client of clients) await client.close();
    await t.process.restart("killed");
    const late = await t.open({ room, mustJoin: false });
    const hasJoined = (): boolean => late.seen.some((each) => each.kind === "lifecycle" && each.event === "joined");
    await t.until(hasJoined, QUIESCE_MS_MAX);
    if (!t.check(RES_10, hasJoined(), breach(t, late, "lost", "the space after the restart", "it cannot be loaded"))) return;
    await t.until(() => ids.every((id) => shown(late, id) !== undefined), QUIESCE_MS_MAX);
    const there = ids.filter((id) => shown(late, id) !== undefined).length;
    t.check(RES_10, there === ids.length, breach(t, late, "lost", `${ids.length} confirmed messages after the restart`, `${there}`));
  },
};

const herd: CaseDefinition = {
  name: "resume/herd",
  title: "Clients that are dropped at once and come back: how they arrive is shown",
  ids: [RES_05],
  phase: "exclusive",
  limitMs: 60_000,
  run: async (t) => {
    const room = await t.room();
    const clients = [await t.open({ room, reconnect: true }), ...(await t.openMany(19, { room, reconnect: true }))];
    const cutMs = t.nowMs();
    for (const client of clients) client.cut();
    await t.sleep(100);
    const back = new Map<CaseClient, number>();
    await t.until(() => {
      for (const client of clients) if (client.isOpen && !back.has(client)) back.set(client, t.nowMs() - cutMs);
      return back.size === clients.length;
    }, 15_000);
    const buckets = new Map<number, number>();
    for (const atMs of back.values()) buckets.set(Math.floor(atMs / 100), (buckets.get(Math.floor(atMs / 100)) ?? 0) + 1);
    await differing(t, clients);
    t.report(
      RES_05,
      `${back.size} of ${clients.length} came back, at most ${Math.max(0, ...buckets.values())} in 100 ms, all after ${(Math.max(0, ...back.values()) / 1_000).toFixed(1)} s`,
    );
  },
};

const burst: CaseDefinition = {
  name: "capacity/burst",
  title: "Sockets that are opened at one moment all stay open",
  ids: [CAP_03],
  phase: "exclusive",
  limitMs: 60_000,
  run: async (t) => {
    const rounds = await Promise.all(
      Array.from({ length: BURSTS }, async (_, round) => {
        await t.sleep(round * BURST_GAP_MS);
        return Promise.all(Array.from({ length: BURST }, () => t.rawUpgrade(`${t.basePath}/`)));
      }),
    );
    const open = rounds.flat().filter((each) => each.status === 101);
    const opened = open.length;
    const shut = open.filter((each) => each.closed !== undefined).length;
    if (opened === 0) throw new Precondition("no socket could be opened");
    t.report(CAP_03, `of ${opened} sockets opened ${BURST} at a time the server closed ${shut}`);
    t.check(CAP_03, shut === 0, {
      reason: "closed",
      expected: "every socket of a burst of connects stays open",
      seen: `${shut} of ${opened} were closed by the server at once`,
    });
  },
};

const ramp: CaseDefinition = {
  name: "capacity/ramp",
  title: "With edits, deletions and offline spells, replicas converge and everything arrives under load",
  ids: [CAP_03],
  phase: "exclusive",
  limitMs: 120_000,
  run: async (t) => {
    for (const [count, acts] of [
      [5, 20],
      [20, 10],
    ] as const) {
      const { clients } = await openSpace(t, count);
      for (const client of clients) client.write({ do: "send", content: `the first of ${client.number}` });
      await quiesce(t, clients);
      for (let n = 0; n < acts; n += 1) {
        for (const client of clients) {
          const dice = t.prng.below(100);
          if (dice < 5) client.write({ do: "edit", pick: t.prng.next(), content: `edit ${n}` });
          else if (dice < 7) client.write({ do: "delete", pick: t.prng.next() });
          else client.write({ do: "send", content: `load ${n}` });
        }
        const away = clients[t.prng.below(clients.length)];
        if (n % 5 === 4 && away !== undefined && away.isOpen) {
          await network(t, away, false);
          away.write({ do: "send", content: "written offline" });
          await t.sleep(50);
          await network(t, away, true);
        }
      }
      // replicas that differ while there is still traffic prove nothing yet.
      const isQuiet = await quiesce(t, clients);
      for (const client of clients)
        t.check(CAP_03, client.isOpen, breach(t, client, "closed", "a socket that stays open under load", "closed by the server"));
      const present = clients.filter((client) => client.isOpen);
      const bad = await differing(t, present, isQuiet ? SHALL_MS : 0);
      if (!isQuiet && bad.length > 0) throw new Precondition(`${count} clients still had traffic when the time was up`);
      for (const client of present)
        t.check(
          CAP_03,
          !bad.includes(client),
          breach(t, client, "diverged", `equal replicas of ${count}`, differenceOf(present[0], client)),
        );
      const shownCount = Object.values(view(present[0] ?? fail()).threads).flat().length;
      t.report(CAP_03, `${count} clients: ${shownCount} messages on all replicas`);
      await Promise.all(clients.map((client) => client.close()));
    }
  },
};

function fail(): never {
  throw new Precondition("nobody joined");
}

export const capacityCases: readonly CaseDefinition[] = [latency, drains, restartInDrain, restart, herd, burst, ramp];
