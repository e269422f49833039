import { createServer, type Server } from "node:http";
import { afterEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { HubFault } from "./fault.ts";
import { Hub } from "./hub.ts";

/** Proof and membership by word: `proof of <account>` and spaces that begin with the account's letter group. */
const knowledge = {
  isProof: (account: string, nonce: string, proof: string): Promise<boolean> => Promise.resolve(proof === `${account} ${nonce}`),
  isMember: (_account: string, space: string): Promise<boolean> => Promise.resolve(space === "co_zSpace"),
};

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Client {
  readonly heard: Record<string, unknown>[];
  readonly socket: WebSocket;
  send(message: unknown): void;
  /** The next message of a type, also one that has come already. */
  next(type: string): Promise<Record<string, unknown>>;
  readonly closed: Promise<number>;
}

async function start(fault: HubFault = {}, timeScale = 20): Promise<(account?: string, proof?: string) => Promise<Client>> {
  const hub = new Hub({ knowledge, fault, demandsProof: true, timeScale });
  const server: Server = createServer();
  server.on("upgrade", (request, socket, head) => hub.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  closers.push(() => {
    hub.stop();
    server.close();
  });
  return async (account, proof) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/hub`);
    const heard: Record<string, unknown>[] = [];
    let taken = 0;
    const waiting: (() => void)[] = [];
    socket.on("message", (data: Buffer) => {
      heard.push(JSON.parse(data.toString("utf8")) as Record<string, unknown>);
      for (const tell of waiting.splice(0)) tell();
    });
    const client: Client = {
      heard,
      socket,
      send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
      next: async (type) => {
        for (;;) {
          const at = heard.findIndex((each, index) => index >= taken && each["type"] === type);
          if (at >= 0) {
            taken = at + 1;
            return heard[at] ?? {};
          }
          await new Promise<void>((resolve) => waiting.push(resolve));
        }
      },
      closed: new Promise((resolve) => socket.on("close", resolve)),
    };
    const { nonce } = await client.next("challenge");
    if (account !== undefined) client.send({ type: "hello", account, space: "co_zSpace", proof: proof ?? `${account} ${String(nonce)}` });
    return client;
  };
}

it("lets a member in, and tells the others", async () => {
  const open = await start();
  const first = await open("co_zA");
  expect(await first.next("ready")).toEqual({ type: "ready", account: "co_zA", presence: {} });
  const second = await open("co_zB");
  expect(await second.next("ready")).toMatchObject({ presence: { co_zA: "online" } });
  expect(await first.next("presence")).toEqual({ type: "presence", userId: "co_zB", status: "online" });
});

it("refuses a wrong proof and closes 4401, a stranger 4403, and one who says nothing 4401", async () => {
  const open = await start();
  const liar = await open("co_zA", "no proof");
  expect(await liar.next("refused")).toMatchObject({ code: "bad-proof" });
  expect(await liar.closed).toBe(4401);
  const stranger = await open();
  const nonce = String(stranger.heard[0]?.["nonce"]);
  stranger.send({ type: "hello", account: "co_zA", space: "co_zOther", proof: `co_zA ${nonce}` });
  expect(await stranger.next("refused")).toMatchObject({ code: "not-member" });
  expect(await stranger.closed).toBe(4403);
  const silent = await open();
  expect(await silent.closed).toBe(4401);
});

it("passes broadcasts on to others only, in the sender's own name only", async () => {
  const open = await start();
  const [first, second] = [await open("co_zA"), await open("co_zB")];
  await Promise.all([first.next("ready"), second.next("ready")]);
  first.send({ type: "typing", userId: "co_zB", isTyping: true });
  expect(await first.next("refused")).toMatchObject({ code: "identity-mismatch" });
  first.send({ type: "typing", userId: "co_zA", isTyping: true, threadId: "co_zT" });
  expect(await second.next("typing")).toEqual({ type: "typing", userId: "co_zA", isTyping: true, threadId: "co_zT" });
  // J-9: nobody renews it.
  expect(await second.next("typing")).toMatchObject({ isTyping: false });
  expect(first.heard.some((each) => each["type"] === "typing")).toBe(false);
});

it("answers what is unusable, and goes on", async () => {
  const open = await start();
  const client = await open("co_zA");
  await client.next("ready");
  for (const [frame, code] of [
    ["{", "bad-json"],
    ["[]", "bad-message"],
    ['{"type":"x"}', "unknown-type"],
  ] as const) {
    client.send(frame);
    expect(await client.next("refused")).toMatchObject({ code });
  }
  client.socket.send(Buffer.from([1, 2]));
  expect(await client.next("refused")).toMatchObject({ code: "bad-frame" });
});

it("tells that a user has gone with the last device only, unless it is made to err", async () => {
  const open = await start();
  const watcher = await open("co_zW");
  const [one, two] = [await open("co_zA"), await open("co_zA")];
  await Promise.all([watcher.next("ready"), one.next("ready"), two.next("ready")]);
  one.socket.close();
  await one.closed;
  two.socket.close();
  await two.closed;
  expect(await watcher.next("presence")).toMatchObject({ status: "online" });
  expect(await watcher.next("presence")).toMatchObject({ userId: "co_zA", status: "offline" });
  expect(watcher.heard.filter((each) => each["status"] === "offline")).toHaveLength(1);

  const faulty = await start({ offlineAtFirstClose: true });
  const other = await faulty("co_zW");
  const [left, stays] = [await faulty("co_zA"), await faulty("co_zA")];
  await Promise.all([other.next("ready"), left.next("ready"), stays.next("ready")]);
  left.socket.close();
  expect(await other.next("presence")).toMatchObject({ status: "online" });
  expect(await other.next("presence")).toMatchObject({ status: "offline" });
});
