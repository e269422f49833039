import { connect } from "node:net";
import { expect, test } from "vitest";
import { hostile } from "../hostile.ts";
import { enter, listen, makeRoom, serve } from "./testing.ts";

const SYNC = '{"type":"SYNC_REQUEST"}';
const UPDATE = (payload: object): string => JSON.stringify({ type: "UPDATE_PLAYBACK", payload });

test("a room is made, joined, updated and told of", async () => {
  await using server = await serve();
  const room = await makeRoom(server.url, "ann", { mediaUrl: "https://media.example/a.mp4" });
  const [bob, cid] = [await enter(server.url, room, "bob"), await enter(server.url, room, "cid")];
  expect(await bob.next("USER_JOINED")).toEqual({ type: "USER_JOINED", payload: { userId: "bob", memberCount: 2 } });
  expect(await bob.next("USER_JOINED")).toEqual({ type: "USER_JOINED", payload: { userId: "cid", memberCount: 3 } });
  bob.send(UPDATE({ currentTime: 5_000 }));
  const [echo, told] = [await bob.next("PLAYBACK_UPDATED"), await cid.next("PLAYBACK_UPDATED")];
  expect(echo).toEqual(told);
  expect(told.payload).toMatchObject({ mediaUrl: "https://media.example/a.mp4", currentTime: 5_000, lastUpdatedBy: "bob" });
  cid.send(SYNC);
  expect((await cid.next("SYNC_FULL_STATE")).payload).toMatchObject({
    roomId: room,
    hostId: "ann",
    members: ["ann", "bob", "cid"],
    playbackState: told.payload,
  });
  bob.ws.close();
  expect(await cid.next("USER_LEFT")).toEqual({ type: "USER_LEFT", payload: { userId: "bob", memberCount: 2 } });
  expect(bob.heard.some(({ type }) => type === "SYNC_FULL_STATE")).toBe(false);
});

test("the host's going is told first, the new host next", async () => {
  await using server = await serve();
  const room = await makeRoom(server.url, "ann");
  const [ann, bob] = [await enter(server.url, room, "ann"), await enter(server.url, room, "bob")];
  await bob.next("USER_JOINED");
  ann.ws.terminate();
  await bob.next("USER_LEFT");
  expect(await bob.next("HOST_CHANGED")).toEqual({ type: "HOST_CHANGED", payload: { newHostId: "bob" } });
});

test("an unknown room and a full one are refused by an error and a close", async () => {
  await using server = await serve();
  const nowhere = await enter(server.url, "nowhere", "bob");
  expect(await nowhere.next("ERROR")).toEqual({ type: "ERROR", payload: "Room not found" });
  expect(await nowhere.closed).toBe(4404);
  const room = await makeRoom(server.url, "ann", { maxParticipants: 2 });
  await enter(server.url, room, "bob");
  const cid = await enter(server.url, room, "cid");
  expect(await cid.next("ERROR")).toEqual({ type: "ERROR", payload: "Room is full" });
  expect(await cid.closed).toBe(4403);
});

test("ids that a URL library would tidy away are refused as they stand", async () => {
  await using server = await serve();
  for (const path of ["/rooms//ws", "/rooms/../ws", `/rooms/${"x".repeat(10_240)}/ws`, "/rooms/%ff/ws"]) {
    expect(await rawUpgrade(server.url, `${path}?user=bob`), path.slice(0, 20)).toMatch(/^HTTP\/1.1 101 .*Room not found/s);
  }
  expect(await rawUpgrade(server.url, "/rooms/x/ws")).toMatch(/^HTTP\/1.1 401 .*\{"message":"Missing authentication token"\}/s);
  expect(await rawUpgrade(server.url, "/elsewhere?user=bob")).toMatch(/^HTTP\/1.1 404 /);
});

test("hostile frames are answered with an error, change nothing, and reach nobody else", async () => {
  await using server = await serve();
  const room = await makeRoom(server.url, "ann");
  const [bob, cid] = [await enter(server.url, room, "bob"), await enter(server.url, room, "cid")];
  for (const { frame } of hostile) {
    bob.send(typeof frame === "string" ? frame : Buffer.from(frame));
    await bob.next("ERROR");
  }
  cid.send(SYNC);
  expect((await cid.next("SYNC_FULL_STATE")).payload).toMatchObject({
    playbackState: { currentTime: 0, mediaType: "", lastUpdatedBy: "ann" },
  });
  expect(cid.heard.map(({ type }) => type)).toEqual(["USER_JOINED", "SYNC_FULL_STATE"]);
});

test("a message over 1 MiB closes its socket with 1009 and no other", async () => {
  await using server = await serve();
  const room = await makeRoom(server.url, "ann");
  const [bob, cid] = [await enter(server.url, room, "bob"), await enter(server.url, room, "cid")];
  bob.send("x".repeat(1024 * 1024 + 1));
  expect(await bob.closed).toBe(1009);
  await cid.next("USER_LEFT");
});

test("a long message is told as it came", async () => {
  await using server = await serve();
  const bob = await enter(server.url, await makeRoom(server.url, "ann"), "bob");
  const mediaUrl = `https://media.example/${"é".repeat(70_000)}`;
  bob.send(UPDATE({ mediaUrl }));
  expect((await bob.next("PLAYBACK_UPDATED")).payload).toMatchObject({ mediaUrl });
});

test("an unused room is deleted: its sockets are told and closed, its id is dead", async () => {
  await using server = await serve({ TIME_SCALE: "20" });
  const room = await makeRoom(server.url, "ann");
  const startedMs = performance.now();
  const bob = await enter(server.url, room, "bob");
  expect(await bob.closed).toBe(4410);
  const lifeMs = performance.now() - startedMs;
  expect(lifeMs).toBeGreaterThan(3_000);
  expect(lifeMs).toBeLessThan(3_500);
  expect(bob.heard.at(-1)).toEqual({ type: "ERROR", payload: "Room not found" });
  expect((await fetch(`${server.url}/rooms/${room}?user=bob`)).status).toBe(404);
  expect(await (await fetch(`${server.url}/rooms?user=bob`)).json()).toEqual([]);
});

test("a socket that answers no ping is dropped with 4408", async () => {
  await using server = await serve({ TIME_SCALE: "20" });
  const room = await makeRoom(server.url, "ann");
  const mute = await listen(server.url, `/rooms/${room}/ws?user=mute`);
  mute.ws.pong = () => undefined;
  expect(await mute.closed).toBe(4408);
});

test("bodies that break the schema are refused with a message", async () => {
  await using server = await serve();
  const post = async (body: string): Promise<number> => {
    const answer = await fetch(`${server.url}/rooms?user=ann`, { method: "POST", body });
    expect(await answer.json()).toHaveProperty("message");
    return answer.status;
  };
  expect(await post("{")).toBe(400);
  expect(await post('{"name":"ab"}')).toBe(422);
  expect(await post('{"name":"abc","maxParticipants":51}')).toBe(422);
  expect(await post("x".repeat(100_000))).toBe(413);
  expect((await fetch(`${server.url}/rooms`, { method: "POST", body: "{}" })).status).toBe(401);
});

test("the hooks tell of life, readiness and figures without a login", async () => {
  await using server = await serve();
  await enter(server.url, await makeRoom(server.url, "ann"), "bob");
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({ status: "ready", reasons: [] });
  const text = await (await fetch(`${server.url}/metrics`)).text();
  for (const line of ["connections_open 1", "rooms_open 1", "room_members 2"]) expect(text).toContain(`\n${line}\n`);
});

test("a stop closes every socket with 1001", async () => {
  const server = await serve();
  const bob = await enter(server.url, await makeRoom(server.url, "ann"), "bob");
  await server.stop();
  expect(await bob.closed).toBe(1001);
});

test("with a base path, rooms are below it and the hooks are not", async () => {
  await using server = await serve({ BASE_PATH: "/api/v1" });
  expect((await fetch(`${server.url}/rooms?user=ann`)).status).toBe(404);
  expect((await fetch(`${server.url}/api/v1/rooms?user=ann`)).status).toBe(200);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

/** Sends an upgrade with the path as given and gives what comes back until the end, or for 300 ms. */
function rawUpgrade(url: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    let text = "";
    const done = (): void => {
      socket.destroy();
      resolve(text);
    };
    socket.on("data", (data) => (text += data.toString("latin1")));
    socket.on("close", done);
    setTimeout(done, 300);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
  });
}
