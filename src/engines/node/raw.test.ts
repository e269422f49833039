import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { rawUpgrade } from "./raw.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that is handed the request's head. */
async function serve(answer: (socket: Socket, head: string) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (chunk: Buffer) => answer(socket, chunk.toString("latin1")));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function upgrade(url: string, path: string, withinMs = 2_000): ReturnType<typeof rawUpgrade> {
  return rawUpgrade({ target: { urls: [url], headers: {}, ca: undefined }, path, withinMs });
}

const ACCEPT = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n";
const text = (words: string): Buffer => Buffer.concat([Buffer.from([0x81, words.length]), Buffer.from(words)]);
const close = Buffer.from([0x88, 2, 0x11, 0x34]);

test("the request line holds the path as it was written", async () => {
  let line = "";
  const url = await serve((socket, head) => {
    line = head.split("\r\n")[0] ?? "";
    socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
  });
  expect(await upgrade(url, "/rooms/../x//ws")).toEqual({ status: 404, frames: [], closed: undefined });
  expect(line).toBe("GET /rooms/../x//ws HTTP/1.1");
});

test("frames and close after an upgrade are told, also when they come in pieces", async () => {
  const url = await serve((socket) => {
    const all = Buffer.concat([Buffer.from(ACCEPT), text("refused"), Buffer.from([0x89, 0]), close]);
    socket.write(all.subarray(0, 60));
    setTimeout(() => socket.write(all.subarray(60)), 20);
  });
  expect(await upgrade(url, "/")).toEqual({ status: 101, frames: ["refused"], closed: { code: 4404 } });
});

test("a socket that ends without a close frame is closed with 1006; one that stays is not closed", async () => {
  const cut = await serve((socket) => socket.end(ACCEPT));
  expect(await upgrade(cut, "/")).toEqual({ status: 101, frames: [], closed: { code: 1006 } });
  const open = await serve((socket) => socket.write(ACCEPT));
  expect(await upgrade(open, "/", 50)).toEqual({ status: 101, frames: [], closed: undefined });
});

test("silence, garbage and a flood end by themselves", async () => {
  expect(await upgrade(await serve(() => {}), "/", 50)).toMatchObject({ status: 0 });
  expect(await upgrade(await serve((socket) => socket.end("nonsense\r\n\r\n")), "/")).toMatchObject({ status: 0 });
  const flood = await serve((socket) => {
    socket.write(ACCEPT);
    socket.write(Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0x06, 0x40, 0, 0]), Buffer.alloc(8 * 1024 * 1024)]));
  });
  expect((await upgrade(flood, "/")).frames).toEqual([]);
  expect(await upgrade("http://127.0.0.1:1", "/")).toMatchObject({ status: 0 });
});

test("frames against RFC 6455 count as a close without a close frame; a head that is never whole as no answer", async () => {
  const masked = await serve((socket) => socket.write(Buffer.concat([Buffer.from(ACCEPT), text("good"), Buffer.from([0x81, 0x80])])));
  expect(await upgrade(masked, "/")).toEqual({ status: 101, frames: ["good"], closed: { code: 1006 } });
  const half = await serve((socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgr"));
  expect(await upgrade(half, "/", 50)).toEqual({ status: 0, frames: [], closed: undefined });
});
