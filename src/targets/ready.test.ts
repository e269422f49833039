import { createServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { answersHandshake } from "./ready.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

async function listening<T extends Server | ReturnType<typeof createTcpServer>>(server: T): Promise<string> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const target = { ca: undefined, headers: {} };

test("a port that takes connections and says nothing is no server yet: the engine's forwarder is like that", async () => {
  const url = await listening(createTcpServer((socket) => socket.destroy()));
  expect(await answersHandshake(url, { withinMs: 1_000 }, target)).toBe(false);
});

test("a refused handshake is an answer", async () => {
  const url = await listening(createServer((_, response) => response.writeHead(404).end()));
  expect(await answersHandshake(url, { withinMs: 1_000 }, target)).toBe(true);
});

test("a health check that is asked for must be well", async () => {
  const url = await listening(createServer(({ url: path }, response) => response.writeHead(path === "/ok" ? 200 : 503).end()));
  expect(await answersHandshake(url, { http: "/ok", withinMs: 1_000 }, target)).toBe(true);
  expect(await answersHandshake(url, { http: "/healthz", withinMs: 1_000 }, target)).toBe(false);
});
