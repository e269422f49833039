import { Precondition, type CaseClient, type CaseContext, type CaseDefinition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { breach, clientsMax, createRoom, heardOf, quiesce, sendUpdate, sleepUntil } from "./support.ts";
import { beat, BEAT_MS } from "./upkeep.ts";

const CAP_01 = requirementId("PLAY-CAP-01");
const CAP_02 = requirementId("PLAY-CAP-02");
const CONV_04 = requirementId("PLAY-CONV-04");

/** Shorter than a room lives on a scaled clock. */
const QUIET_MS = 1_000;
const STEP_MS = 1_500;
const BUDGET_MS = 200;
const ROOMS_OF_FOUR = [4, 12, 24] as const;
/** From an update at one process to the next at the other. */
const TURN_MS = 8;
const USERS_IN_ONE = [10, 24, 49] as const;

interface Load {
  readonly label: string;
  readonly rooms: readonly (readonly CaseClient[])[];
  /** Updates a second in each room. */
  readonly ratePerSecond: number;
}

const ramp: CaseDefinition = {
  name: "capacity/ramp",
  title: "Many rooms of four and one large room, stepped up: where lateness begins is shown",
  ids: [CAP_01, CONV_04],
  phase: "quiet",
  limitMs: 90_000,
  run: async (t) => {
    for (const count of ROOMS_OF_FOUR) {
      if (clientsMax(t, count * 4) < count * 4) break;
      const rooms: (readonly CaseClient[])[] = [];
      for (let made = 0; made < count; made += 8)
        rooms.push(...(await Promise.all(Array.from({ length: Math.min(8, count - made) }, () => roomOf(t, 4)))));
      await step(t, { label: `${count} rooms of 4`, rooms, ratePerSecond: 4 });
      await Promise.all(rooms.flat().map((client) => client.close()));
    }
    const most = t.has("capacityLimit") ? t.limit("maxParticipants", 50) - 1 : USERS_IN_ONE[USERS_IN_ONE.length - 1];
    for (const count of USERS_IN_ONE) {
      if (count > (most ?? count) || clientsMax(t, count) < count) break;
      const clients = await roomOf(t, count);
      await step(t, { label: `one room of ${count}`, rooms: [clients], ratePerSecond: 10 });
      await Promise.all(clients.map((client) => client.close()));
    }
  },
};

async function roomOf(t: CaseContext, users: number): Promise<readonly CaseClient[]> {
  const { roomId } = await createRoom(t, { maxParticipants: Math.max(2, users + 1) });
  return t.openMany(users, { room: roomId, keepaliveMs: BEAT_MS });
}

/** One step at a fixed rate: reports p99 and reach, and judges what a member must receive and did not. */
async function step(t: CaseContext, { label, rooms, ratePerSecond }: Load): Promise<void> {
  const planned = new Map<string, { readonly dueMs: number; readonly clients: readonly CaseClient[]; readonly author: CaseClient }>();
  const startMs = t.nowMs() + 50;
  const count = Math.floor((STEP_MS / 1_000) * ratePerSecond);
  await Promise.all(
    rooms.map(async (clients, room) => {
      const phaseMs = t.prng.below(Math.ceil(1_000 / ratePerSecond));
      for (let n = 0; n < count; n += 1) {
        const dueMs = startMs + phaseMs + (n * 1_000) / ratePerSecond;
        await sleepUntil(t, dueMs);
        const author = clients[n % clients.length];
        if (author === undefined) return;
        const mediaUrl = `https://media.example/ramp.mp4#${room}-${n}`;
        planned.set(mediaUrl, { dueMs, clients, author });
        sendUpdate(author, { mediaUrl });
      }
    }),
  );
  const all = rooms.flat();
  await quiesce(t, all, 500, 10_000);
  const receipts = new Map(
    all.map((client) => [
      client,
      new Map(heardOf(client, "PLAYBACK_UPDATED").map((message) => [String(message.fields["mediaUrl"]), message.atMs])),
    ]),
  );
  const latencies: number[] = [];
  let expected = 0;
  for (const [mediaUrl, { dueMs, clients, author }] of planned) {
    for (const client of clients) {
      if (client === author && !t.has("echoToSender")) continue;
      // A member whose socket is gone was no receiver to the end.
      if (!client.isOpen) continue;
      expected += 1;
      const atMs = receipts.get(client)?.get(mediaUrl);
      if (
        t.check(
          CONV_04,
          atMs !== undefined,
          breach(
            t,
            client,
            "lost",
            `${label}: the update ${mediaUrl} of client ${author.number} at client ${client.number}`,
            "it never came",
          ),
        ) &&
        atMs !== undefined
      )
        latencies.push(atMs - dueMs);
    }
  }
  const sorted = [...latencies].sort((left, right) => left - right);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  t.report(
    CAP_01,
    `${label}: p99 ${p99.toFixed(0)} ms${p99 > BUDGET_MS ? `, over ${BUDGET_MS}` : ""}, reach ${latencies.length} of ${expected}`,
  );
}

const twoProcesses: CaseDefinition = {
  name: "capacity/two-processes",
  title: "Users of one room on two server processes see each other",
  ids: [CAP_02],
  phase: "shared",
  needs: ["secondUrl"],
  limitMs: 250_000,
  run: async (t) => {
    const [firstUrl, secondUrl] = t.urls;
    if (secondUrl === undefined) throw new Precondition("there is no second URL");
    const { roomId } = await createRoom(t);
    // Without a URL of their own clients are spread over both.
    const here = await t.openMany(3, { room: roomId, url: firstUrl });
    const there = await t.openMany(3, { room: roomId, url: secondUrl });
    // Each process in turn, a little apart: what one tells of itself and what it hears of the other come in between.
    const clients = here.flatMap((client, index) => [client, ...there.slice(index, index + 1)]);
    const sent: string[] = [];
    const startMs = t.nowMs();
    for (let n = 0; n < 30; n += 1) {
      await sleepUntil(t, startMs + n * TURN_MS);
      const mediaUrl = `https://media.example/two.mp4#${n}`;
      sent.push(mediaUrl);
      const author = clients[n % clients.length];
      if (author !== undefined) sendUpdate(author, { mediaUrl });
    }
    await quiesce(t, clients, QUIET_MS);
    const order = new Map(
      clients
        .slice(0, 1)
        .flatMap((client) => heardOf(client, "PLAYBACK_UPDATED"))
        .map((message, index) => [message.fields["mediaUrl"], index]),
    );
    for (const client of clients) {
      const urls = heardOf(client, "PLAYBACK_UPDATED").map((message) => message.fields["mediaUrl"]);
      for (const [n, mediaUrl] of sent.entries()) {
        if (clients[n % clients.length] === client && !t.has("echoToSender")) continue;
        const times = urls.filter((url) => url === mediaUrl).length;
        t.check(
          CAP_02,
          times === 1,
          breach(t, client, times === 0 ? "lost" : "doubled", `${mediaUrl} comes once at both processes`, `${times} times`),
        );
      }
      const places = urls.map((url) => order.get(url)).filter((place) => place !== undefined);
      const isOrdered = places.every((place, index) => index === 0 || place > (places[index - 1] ?? -1));
      t.check(CAP_02, isOrdered, breach(t, client, "disordered", "one order at both processes", places.join(", ")));
    }
    if (!t.has("longWaits")) return;
    const [keeper] = here;
    if (keeper === undefined) return;
    keeper.keepalive();
    const beating = await beat(t, keeper, t.nowMs(), BEAT_MS, 150_000 / BEAT_MS);
    if (!beating.isOnTime) {
      t.inconclusive(CAP_02, "the harness came too late to know");
      return;
    }
    for (const client of there)
      t.check(
        CAP_02,
        client.isOpen,
        breach(t, client, "closed", "a heartbeat at one process keeps the room for users at the other", `closed ${client.closed?.code}`),
      );
  },
};

export const capacityCases: readonly CaseDefinition[] = [ramp, twoProcesses];
