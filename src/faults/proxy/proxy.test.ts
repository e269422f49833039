import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPrng } from "../../core/prng.ts";
import { CLEAR, conditionOf } from "./condition.ts";
import { type FaultProxy, startProxy } from "./index.ts";

/** One lane for each test, so that they do not disturb each other. */
const LANES = 8;
let server: Server;
let proxy: FaultProxy;
/** The server's ends of the connections, in their order. */
const accepted: Socket[] = [];

beforeAll(async () => {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  proxy = await startProxy({ upstreams: [{ host: "127.0.0.1", port: address.port }], lanes: LANES, seed: "proxy" });
});

afterAll(() => {
  proxy.close();
  server.close();
  for (const socket of accepted) socket.destroy();
});

interface Client {
  readonly socket: Socket;
  received: Buffer;
  end: "open" | "end" | "reset";
  endedMs: number;
}

async function client(lane: number): Promise<Client> {
  const socket = connect({ host: "127.0.0.1", port: proxy.ports[0]?.[lane] ?? 0, noDelay: true });
  const state: Client = { socket, received: Buffer.alloc(0), end: "open", endedMs: 0 };
  socket.on("data", (chunk: Buffer) => (state.received = Buffer.concat([state.received, chunk])));
  const ended = (how: "end" | "reset"): void => {
    if (state.end !== "open") return;
    state.end = how;
    state.endedMs = performance.now();
  };
  socket.on("error", () => ended("reset"));
  socket.on("end", () => ended("end"));
  await once(socket, "connect");
  return state;
}

async function until(holds: () => boolean, withinMs = 5000): Promise<number> {
  const fromMs = performance.now();
  while (!holds() && performance.now() - fromMs < withinMs) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(holds()).toBe(true);
  return performance.now() - fromMs;
}

const ALL = { replicas: [0] };
const bytes = (count: number, seed: string): Buffer => {
  const prng = createPrng(seed);
  return Buffer.from(Array.from({ length: count }, () => prng.below(256)));
};

describe("the proxy", () => {
  test("carries a megabyte both ways as it is, also with latency and jitter", async () => {
    const one = await client(0);
    const sent = bytes(1_000_000, "carry");
    one.socket.write(sent.subarray(0, 500_000));
    await proxy.begin(1, { ...ALL, lanes: [0], rule: { kind: "latency", latencyMs: 20, jitterMs: 20 } });
    for (let from = 500_000; from < sent.length; from += 10_000) one.socket.write(sent.subarray(from, from + 10_000));
    await until(() => one.received.length === sent.length, 10_000);
    expect(one.received.equals(sent)).toBe(true);
    one.socket.destroy();
  });

  test("latency holds back each way, and no longer once it is over", async () => {
    const one = await client(1);
    await proxy.begin(2, { ...ALL, lanes: [1], rule: { kind: "latency", latencyMs: 150, jitterMs: 0 } });
    one.socket.write("slow");
    expect(await until(() => one.received.length === 4)).toBeGreaterThan(290);
    await proxy.end(2);
    one.socket.write("fast");
    expect(await until(() => one.received.length === 8)).toBeLessThan(290);
    one.socket.destroy();
  });

  test("bandwidth lets so many bytes through a second", async () => {
    const one = await client(2);
    await proxy.begin(3, { ...ALL, lanes: [2], rule: { kind: "bandwidth", bytesPerSecond: 40_000 } });
    one.socket.write(Buffer.alloc(10_000));
    const tookMs = await until(() => one.received.length === 10_000);
    // A quarter of a second up, and as long down.
    expect(tookMs).toBeGreaterThan(240);
    one.socket.destroy();
  });

  test("a cut ends connections with FIN at both sides, and those that come while it lasts; another lane lives on", async () => {
    const [struck, other] = [await client(3), await client(4)];
    await until(() => accepted.length > 0);
    struck.socket.write("x");
    await until(() => struck.received.length === 1);
    const ended = await proxy.begin(4, { ...ALL, lanes: [3], rule: { kind: "cut" } });
    expect(ended).toBe(1);
    await until(() => struck.end === "end");
    const late = await client(3);
    await until(() => late.end !== "open");
    await proxy.end(4);
    const back = await client(3);
    for (const each of [back, other]) {
      each.socket.write("again");
      await until(() => each.received.toString() === "again");
      expect(each.end).toBe("open");
      each.socket.destroy();
    }
  });

  test("a reset arrives as one", async () => {
    const one = await client(3);
    one.socket.write("x");
    await until(() => one.received.length === 1);
    await proxy.begin(5, { ...ALL, lanes: [3], rule: { kind: "reset" } });
    await until(() => one.end === "reset");
    await proxy.end(5);
  });

  test("half-open is silence without an end, for old and new connections; what was sent arrives once it is over", async () => {
    const one = await client(5);
    one.socket.write("before");
    await until(() => one.received.length === 6);
    await proxy.begin(6, { ...ALL, lanes: [5], rule: { kind: "half-open" } });
    one.socket.write("during");
    const late = await client(5);
    late.socket.write("late");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([one.received.toString(), late.received.toString(), one.end, late.end]).toEqual(["before", "", "open", "open"]);
    await proxy.heal();
    await until(() => one.received.toString() === "beforeduring" && late.received.toString() === "late");
    one.socket.destroy();
    late.socket.destroy();
  });

  test("a slow close is heard of late by the other side", async () => {
    const one = await client(6);
    one.socket.write("x");
    await until(() => one.received.length === 1);
    await proxy.begin(7, { ...ALL, lanes: [6], rule: { kind: "slow-close", delayMs: 200 } });
    one.socket.end();
    // 200 ms until the server hears of it, and 200 ms until its answer is heard of.
    expect(await until(() => one.end === "end")).toBeGreaterThan(380);
    await proxy.end(7);
  });

  test("a server that is not there ends the connection", async () => {
    const dead = await startProxy({ upstreams: [{ host: "127.0.0.1", port: 1 }], lanes: 1, seed: "dead" });
    const socket = connect({ host: "127.0.0.1", port: dead.ports[0]?.[0] ?? 0 });
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
    dead.close();
  });
});

test("rules taken together: delays add up, the tightest limit holds, a reset goes before a cut", () => {
  expect(conditionOf([])).toEqual(CLEAR);
  expect(
    conditionOf([
      { kind: "latency", latencyMs: 10, jitterMs: 1 },
      { kind: "latency", latencyMs: 5, jitterMs: 2 },
      { kind: "bandwidth", bytesPerSecond: 900 },
      { kind: "bandwidth", bytesPerSecond: 500 },
      { kind: "cut" },
      { kind: "reset" },
      { kind: "cut" },
      { kind: "half-open" },
      { kind: "slow-close", delayMs: 7 },
    ]),
  ).toEqual({ latencyMs: 15, jitterMs: 3, bytesPerSecond: 500, isSilent: true, ending: "reset", slowCloseMs: 7 });
});
