import { afterEach, describe, expect, test } from "vitest";
import type { RegisterMessage } from "../src/core/referee.ts";
import { loadInShards } from "../src/cli/load-in-shards.ts";
import { createHdr } from "../src/engines/node/hdr.ts";
import { Referee, type RefereeServer, startRefereeServer } from "../src/referee/index.ts";
import { runShardProcesses } from "../scripts/shard-processes.ts";

const TOKEN = "0123456789abcdef";
const PARAMETERS = { clients: 4, rooms: 1, ratePerSecond: 1, durationMs: 1000, rampMs: 0, churnPerMinute: 0 };
const EMPTY = createHdr().encode();
const RESULT = {
  clients: 2,
  rooms: 1,
  outcomes: [],
  sent: 0,
  planned: 0,
  late: 0,
  dropped: 0,
  refusedJoins: 0,
  joinMs: EMPTY,
  actMs: 1,
  loopLagMsP99: 0,
  cpu: 0,
  residentBytes: 0,
  interrupted: false,
};
const NOTHING = { delivered: 0, expected: 0, recognised: 0, deliveryMs: EMPTY, convergenceMs: EMPTY, spreadMs: EMPTY };
const DONE = { kind: "done", result: RESULT, ...NOTHING };

let server: RefereeServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** A referee with a clock of its own; `say` posts one message. */
async function setUp(shards = 2, limits: { silentMsMax?: number; gatherMsMax?: number } = {}) {
  let sessions = 0;
  const nowMs = (): number => performance.now();
  const referee = new Referee({
    shards,
    run: "run",
    seed: "seed",
    orderModels: new Map([["playback", "total" as const]]),
    histogram: createHdr,
    nowMs,
    gatherMsMax: limits.gatherMsMax ?? 60_000,
    silentMsMax: limits.silentMsMax ?? 60_000,
    newSession: () => `session ${(sessions += 1)} of a shard`,
  });
  const { url, close } = await startRefereeServer({ referee, token: TOKEN, port: 0, bind: "127.0.0.1", nowMs });
  server = { url, close };
  const say = async (name: string, body: unknown, token = TOKEN): Promise<{ status: number; body: Record<string, unknown> }> => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(`${url}/v1/${name}`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body: text });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const message = (shard: number, more: Partial<RegisterMessage["plan"]> = {}): RegisterMessage => ({
    shard,
    shards,
    engine: "node",
    version: "1",
    plan: { binding: "playback", scenario: "watch-party", parameters: PARAMETERS, by: "members", ...more },
    target: { asked: "x", name: "x", urls: ["http://127.0.0.1:1"], dialect: "published", timeScale: 1, known: [] },
  });
  const register = async (shard: number, more: Partial<RegisterMessage> = {}): Promise<string> =>
    String((await say("register", { ...message(shard), ...more })).body["session"]);
  return { referee, url, say, message, register };
}

describe("a referee", () => {
  test("takes nothing without the run's token, and says so before it reads anything", async () => {
    const { say, message, url } = await setUp();
    expect(await say("register", message(0), "another token here")).toMatchObject({ status: 401 });
    expect(await say("register", message(0), "")).toMatchObject({ status: 401 });
    expect((await fetch(`${url}/v1/result`)).status).toBe(401);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test("refuses nonsense, says where it is, and goes on", async () => {
    const { say, message, register } = await setUp();
    expect(await say("register", "{")).toMatchObject({ status: 400 });
    expect(await say("register", { ...message(0), shard: -1 })).toMatchObject({
      status: 422,
      body: { error: expect.stringContaining("shard") },
    });
    expect(await say("nothing", {})).toMatchObject({ status: 404 });
    expect(await say("register", message(7))).toMatchObject({ status: 409 });
    expect(await say("register", message(0, { binding: "morse" }))).toMatchObject({ status: 422 });
    const session = await register(0);
    expect(await say("checkpoint", { session, seconds: [], streams: [{ room: 5 }], windows: [], isLast: false })).toMatchObject({
      status: 422,
    });
    expect(await say("checkpoint", "x".repeat(9 * 1024 * 1024)).catch(() => ({ status: 413 }))).toMatchObject({ status: 413 });
    const second = { worker: 0, t: 1, clients: 0, sent: 0, delivered: 0, deliveryMs: "no histogram", loopLagMs: 0 };
    expect(await say("checkpoint", { session, seconds: [second], streams: [], windows: [], isLast: false })).toMatchObject({ status: 422 });
    expect(await say("clock", { session: "no session of this run" })).toMatchObject({ status: 410 });
    expect(await say("clock", { session })).toMatchObject({ status: 200 });
  });

  test("takes only shards that play the same, and tells what differs", async () => {
    const { say, message, register } = await setUp();
    await register(0);
    const other = message(1, { parameters: { ...PARAMETERS, clients: 5 } });
    expect(await say("register", other)).toMatchObject({
      status: 409,
      body: { error: "shard 2 of 2 differs from the others: clients is 5 here and 4 there" },
    });
  });

  test("lets all start at one time, once all are ready, and makes one outcome of what they tell", async () => {
    const { say, register, referee } = await setUp();
    const over = referee.over();
    const sessions = [await register(0), await register(1)];
    const starts = await Promise.all(sessions.map((session) => say("start", { session, boundMs: 0.5 })));
    expect(starts[0]?.body).toMatchObject({ state: "go" });
    expect(starts[1]?.body).toEqual(starts[0]?.body);
    const [one = "", two = ""] = sessions;
    const asked = say("rooms", { session: two, made: [], find: [0] });
    await say("rooms", { session: one, made: [{ room: 0, id: "the room" }], find: [] });
    expect((await asked).body).toEqual({ rooms: [{ room: 0, id: "the room" }] });
    for (const session of sessions) await say("checkpoint", { session, seconds: [], streams: [], windows: [], isLast: true });
    for (const session of sessions) await say("result", { session, done: [DONE] });
    const outcome = await over;
    expect(outcome.done).toHaveLength(2);
    expect(outcome.shards.map(({ lostBecause }) => lostBecause)).toEqual([undefined, undefined]);
    expect(outcome.clockBoundMs).toBe(1);
    referee.judged("pass", 0, { verdict: "pass" });
    expect((await say("verdict", { session: one })).body).toEqual({ state: "done", verdict: "pass", exitCode: 0 });
  });

  test("goes on without a shard that falls silent, and says which", async () => {
    const { say, register, referee } = await setUp(2, { silentMsMax: 300 });
    const over = referee.over();
    const sessions = [await register(0), await register(1)];
    await Promise.all(sessions.map((session) => say("start", { session })));
    const [session = ""] = sessions;
    const beat = setInterval(() => void say("clock", { session }).catch(() => undefined), 100);
    try {
      expect((await say("meet", { session, point: "quiet" })).body).toEqual({ state: "go" });
      await say("checkpoint", { session, seconds: [], streams: [], windows: [], isLast: true });
      await say("result", { session, done: [DONE] });
      const outcome = await over;
      expect(outcome.done).toHaveLength(1);
      expect(outcome.shards[1]?.lostBecause).toContain("silent");
    } finally {
      clearInterval(beat);
    }
  });

  test("hears each speaker of a shard for itself: it is done with the last of them, and shows are asked of the one that knows", async () => {
    const { say, register, referee } = await setUp();
    const over = referee.over();
    const [one, two] = [await register(0, { engine: "k6", speakers: 2 }), await register(1)];
    await Promise.all([one, two].map((session) => say("start", { session })));
    expect(await say("meet", { session: one, speaker: 2, point: "quiet" })).toMatchObject({ status: 422 });
    const chunk = (order: string) => ({ after: "", upTo: "1.4", count: 4, order, set: "00000000", atMs: 1 });
    const room = (order: string) => [{ room: "hall", shards: 2, members: 1, position: 4, chunks: [chunk(order)] }];
    const at = { seconds: [], windows: [], isLast: false };
    await say("checkpoint", { ...at, session: one, speaker: 1, streams: room("0000000000000001") });
    await say("checkpoint", { ...at, session: two, streams: room("0000000000000002") });
    expect((await say("checkpoint", { ...at, session: one, speaker: 0, streams: [] })).body).toMatchObject({ show: [] });
    expect((await say("checkpoint", { ...at, session: one, speaker: 1, streams: [] })).body).toMatchObject({ show: [{ room: "hall" }] });
    for (const speaker of [0, 1]) void say("meet", { session: one, speaker, point: "quiet" }).catch(() => undefined);
    expect((await say("meet", { session: two, point: "quiet" })).body).toEqual({ state: "go" });
    await say("result", { session: two, done: [DONE] });
    await say("result", { session: one, speaker: 1, done: [DONE] });
    let isOver = false;
    void over.then(() => (isOver = true));
    await say("clock", { session: two });
    expect(isOver).toBe(false);
    await say("result", { session: one, speaker: 0, done: [DONE] });
    expect((await over).done).toHaveLength(3);
  });

  test("does not wait for ever for one that never comes", async () => {
    const { register, referee } = await setUp(2, { gatherMsMax: 200 });
    const over = referee.over();
    await register(0);
    expect((await over).shards.map(({ lostBecause }) => lostBecause)).toEqual([undefined, "never came"]);
  });
});

describe("three shards in processes of their own", { timeout: 300_000 }, () => {
  test("find together that a server reorders between members of different shards, which none can see alone", async () => {
    const { result, refereeExit } = await runShardProcesses({ mutant: "reorders-between-shards" });
    const order = result.requirements.find(({ id }) => id === "PLAY-ORD-01");
    expect(order).toMatchObject({ verdict: "fail", reasons: ["disordered"] });
    expect(order?.witness?.seen).toContain("at the members of shard 2");
    expect(result.requirements.filter(({ verdict }) => verdict === "fail").map(({ id }) => id)).toEqual(["PLAY-ORD-01"]);
    expect(result.load?.reach).toBe(1);
    expect(refereeExit).toBe(1);
  });

  test("are inconclusive together when one of them is killed, and nothing is blamed on the server", async () => {
    const { result, refereeExit } = await runShardProcesses({ killed: 2, duration: "12s" });
    expect(result.notes[0]).toMatch(/^shard 2 of 3 was silent for \d+ s/);
    expect(result.requirements.filter(({ verdict }) => verdict === "fail")).toEqual([]);
    expect(result.verdict).toBe("inconclusive");
    expect(refereeExit).toBe(4);
  });
});

test("shards of a binding that orders each author's writes only are held against each other, too", { timeout: 180_000 }, async () => {
  const result = await loadInShards(3, {
    scenario: "co-edit",
    target: "sync",
    seed: "authors",
    workers: 1,
    parameters: { clients: 20, rooms: 2, durationMs: 6_000, rampMs: 2_000 },
  });
  expect(result.requirements.filter(({ verdict }) => verdict === "fail")).toEqual([]);
  expect(result.load).toMatchObject({ reach: 1, shards: { count: 3, lost: 0 } });
  expect(result.load?.shards?.compared).toBeGreaterThan(20);
});
