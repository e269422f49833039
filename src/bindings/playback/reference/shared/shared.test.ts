import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { redisMissing, type RunningRedis, startRedis } from "../../../../targets/redis.ts";
import { type Ear, enter, listen, makeRoom, serve } from "../testing.ts";

const SYNC = '{"type":"SYNC_REQUEST"}';
const UPDATE = (payload: object): string => JSON.stringify({ type: "UPDATE_PLAYBACK", payload });

const NO_REDIS = redisMissing();

let redis: RunningRedis;
let spaces = 0;

/** One for a test that does away with it. */
async function ownRedis(): Promise<RunningRedis & AsyncDisposable> {
  const own = await startRedis();
  return { ...own, [Symbol.asyncDispose]: own.stop };
}

/** Two servers on rooms of their own. */
async function two(
  env: Record<string, string> = {},
): Promise<{ a: string; b: string; stopB: () => Promise<void>; [Symbol.asyncDispose]: () => Promise<void> }> {
  const own = { REDIS_URL: redis.url, REDIS_PREFIX: `test-${(spaces += 1)}:`, ...env };
  const [a, b] = [await serve(own), await serve(own)];
  return {
    a: a.url,
    b: b.url,
    stopB: b.stop,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([a.stop(), b.stop()]);
    },
  };
}

function updatesOf(ear: Ear): readonly unknown[] {
  return ear.heard.filter(({ type }) => type === "PLAYBACK_UPDATED").map(({ payload }) => payload);
}

describe.skipIf(NO_REDIS !== undefined)(`rooms that two servers share${NO_REDIS === undefined ? "" : ` (${NO_REDIS})`}`, () => {
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.stop();
  });

  test("[PLAY-CAP-02] a room made at one is joined, updated and told of at both", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann", { mediaUrl: "https://media.example/a.mp4" });
    const [bob, cid] = [await enter(servers.a, room, "bob"), await enter(servers.b, room, "cid")];
    expect(await bob.next("USER_JOINED")).toEqual({ type: "USER_JOINED", payload: { userId: "bob", memberCount: 2 } });
    expect(await bob.next("USER_JOINED")).toEqual({ type: "USER_JOINED", payload: { userId: "cid", memberCount: 3 } });
    cid.send(UPDATE({ currentTime: 5_000.25 }));
    const [echo, told] = [await cid.next("PLAYBACK_UPDATED"), await bob.next("PLAYBACK_UPDATED")];
    expect(echo).toEqual(told);
    expect(told.payload).toMatchObject({ mediaUrl: "https://media.example/a.mp4", currentTime: 5_000.25, lastUpdatedBy: "cid" });
    bob.send(SYNC);
    expect((await bob.next("SYNC_FULL_STATE")).payload).toMatchObject({
      roomId: room,
      hostId: "ann",
      maxParticipants: 10,
      isPublic: true,
      members: ["ann", "bob", "cid"],
      playbackState: told.payload,
    });
    const list: unknown = await (await fetch(`${servers.b}/rooms?user=dan`)).json();
    expect(list).toMatchObject([{ roomId: room, currentMembers: 3 }]);
    bob.ws.close();
    expect(await cid.next("USER_LEFT")).toEqual({ type: "USER_LEFT", payload: { userId: "bob", memberCount: 2 } });
  });

  test("[PLAY-ORD-01] everybody hears the updates of authors at both in one order", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann");
    const ears = await Promise.all([servers.a, servers.b, servers.a, servers.b].map((url, n) => enter(url, room, `user${n}`)));
    for (const ear of ears) await ear.next("USER_JOINED");
    for (let n = 0; n < 100; n += 1) for (const [author, ear] of ears.entries()) ear.send(UPDATE({ mediaUrl: `${author}-${n}` }));
    await vi.waitFor(() => expect(ears.map((ear) => updatesOf(ear).length)).toEqual([400, 400, 400, 400]), { timeout: 10_000 });
    for (const ear of ears) expect(updatesOf(ear)).toEqual(updatesOf(ears[0] as Ear));
    for (const [author] of ears.entries()) {
      const own = updatesOf(ears[0] as Ear).map((update) => String(Reflect.get(update as object, "mediaUrl")));
      expect(own.filter((url) => url.startsWith(`${author}-`))).toEqual(Array.from({ length: 100 }, (_, n) => `${author}-${n}`));
    }
  });

  test("[PLAY-CONV-07] updates of different fields at the same moment all survive", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann");
    const [bob, cid] = [await enter(servers.a, room, "bob"), await enter(servers.b, room, "cid")];
    for (let n = 1; n <= 50; n += 1) {
      bob.send(UPDATE({ currentTime: n }));
      cid.send(UPDATE({ mediaUrl: `${n}` }));
      await vi.waitFor(() => expect(updatesOf(bob).length).toBe(2 * n), { timeout: 2_000, interval: 2 });
      expect(updatesOf(bob).at(-1)).toMatchObject({ currentTime: n, mediaUrl: `${n}` });
    }
  });

  test("[PLAY-SESS-05] places are counted over both, and two sockets of a user at two servers are one member", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann", { maxParticipants: 2 });
    const [here, there] = [await enter(servers.a, room, "bob"), await enter(servers.b, room, "bob")];
    expect(await there.next("USER_JOINED")).toEqual({ type: "USER_JOINED", payload: { userId: "bob", memberCount: 2 } });
    const cid = await enter(servers.b, room, "cid");
    expect(await cid.closed).toBe(4403);
    expect(cid.heard).toEqual([{ type: "ERROR", payload: "Room is full" }]);
    here.ws.close();
    const ann = await enter(servers.a, room, "ann");
    await ann.next("USER_JOINED");
    there.ws.close();
    expect(await ann.next("USER_LEFT")).toEqual({ type: "USER_LEFT", payload: { userId: "bob", memberCount: 1 } });
    expect(here.heard.filter(({ type }) => type === "USER_JOINED").length).toBe(1);
    expect(await (await enter(servers.b, "nowhere", "bob")).closed).toBe(4404);
  });

  test("[PLAY-PRES-01] the host's going is told at the other server, and who enters an emptied room leads it", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann");
    const [ann, bob] = [await enter(servers.a, room, "ann"), await enter(servers.b, room, "bob")];
    await ann.next("USER_JOINED");
    await bob.next("USER_JOINED");
    ann.ws.terminate();
    await bob.next("USER_LEFT");
    expect(await bob.next("HOST_CHANGED")).toEqual({ type: "HOST_CHANGED", payload: { newHostId: "bob" } });
    bob.ws.close();
    await bob.closed;
    const cid = await enter(servers.a, room, "cid");
    expect(await cid.next("HOST_CHANGED")).toEqual({ type: "HOST_CHANGED", payload: { newHostId: "cid" } });
  });

  test("[PLAY-HB-04] a heartbeat at one keeps the room for both; without one it is deleted once, at both", async () => {
    await using servers = await two({ TIME_SCALE: "20" });
    const room = await makeRoom(servers.a, "ann");
    const [bob, cid] = [await enter(servers.a, room, "bob"), await enter(servers.b, room, "cid")];
    let lastMs = 0;
    for (let n = 0; n < 3; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      bob.send('{"type":"HEARTBEAT"}');
      lastMs = performance.now();
    }
    expect(cid.ws.readyState).toBe(cid.ws.OPEN);
    expect(await Promise.all([bob.closed, cid.closed])).toEqual([4410, 4410]);
    expect(performance.now() - lastMs).toBeGreaterThan(3_000);
    for (const ear of [bob, cid])
      expect(ear.heard.filter(({ type }) => type === "ERROR")).toEqual([{ type: "ERROR", payload: "Room not found" }]);
    expect((await fetch(`${servers.b}/rooms/${room}?user=bob`)).status).toBe(404);
    expect(await (await fetch(`${servers.a}/metrics`)).text()).toMatch(/\nrooms_open 0\n[^]*\nroom_members 0\n/);
  });

  test("a server that stops takes its members out; those at the other hear of it", async () => {
    await using servers = await two();
    const room = await makeRoom(servers.a, "ann");
    const [bob, cid] = [await enter(servers.a, room, "bob"), await enter(servers.b, room, "cid")];
    await bob.next("USER_JOINED");
    await cid.next("USER_JOINED");
    await servers.stopB();
    expect(await cid.closed).toBe(1001);
    expect(await bob.next("USER_LEFT")).toEqual({ type: "USER_LEFT", payload: { userId: "cid", memberCount: 2 } });
  });
});

describe.skipIf(NO_REDIS !== undefined)("a server that dies", () => {
  test("leaves, with its members, within 6 s", async () => {
    await using own = await ownRedis();
    await using server = await serve({ REDIS_URL: own.url });
    const env = { ...process.env, REDIS_URL: own.url, RECIPE: "none" };
    const dying = spawn(process.execPath, [fileURLToPath(new URL("../main.ts", import.meta.url))], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [ready] = (await once(dying.stdout, "data")) as [Buffer];
    const url = String(Reflect.get(JSON.parse(ready.toString()) as object, "url"));
    const room = await makeRoom(url, "ann");
    const [bob, cid] = [await enter(server.url, room, "bob"), await enter(url, room, "cid")];
    await bob.next("USER_JOINED");
    await cid.next("USER_JOINED");
    dying.kill("SIGKILL");
    await vi.waitFor(() => expect(bob.heard.at(-1)).toEqual({ type: "USER_LEFT", payload: { userId: "cid", memberCount: 2 } }), {
      timeout: 6_500,
    });
  }, 15_000);
});

describe.skipIf(NO_REDIS !== undefined)("a store that goes away", () => {
  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "by %s: sockets are closed with 1013, requests refused with 503, and all works again after",
    async (how) => {
      await using own = await ownRedis();
      await using server = await serve({ REDIS_URL: own.url });
      const room = await makeRoom(server.url, "ann");
      const [bob, cid] = [await enter(server.url, room, "bob"), await enter(server.url, room, "cid")];
      await cid.next("USER_JOINED");
      if (how === "SIGSTOP") own.process.freeze();
      else own.process.kill();
      bob.send(UPDATE({ currentTime: 1 }));
      expect(await Promise.all([bob.closed, cid.closed])).toEqual([1013, 1013]);
      expect((await fetch(`${server.url}/rooms`, { method: "POST", body: '{"name":"abc"}' })).status).toBe(401);
      expect((await fetch(`${server.url}/rooms?user=ann`)).status).toBe(503);
      expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
      await expect(listen(server.url, `/rooms/${room}/ws?user=bob`)).rejects.toThrow("503");
      if (how === "SIGSTOP") own.process.thaw();
      else await own.process.begin();
      await vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(200), { timeout: 5_000 });
      const next = how === "SIGSTOP" ? room : await makeRoom(server.url, "ann");
      const back = await enter(server.url, next, "bob");
      await back.next("USER_JOINED");
      back.send(SYNC);
      const { payload } = await back.next("SYNC_FULL_STATE");
      // Nobody is left in the room who was closed meanwhile.
      expect(Reflect.get(payload as object, "members")).toEqual(["ann", "bob"]);
    },
  );
});
