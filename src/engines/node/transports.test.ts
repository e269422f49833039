import { createHash } from "node:crypto";
import { createServer as createHttp, type IncomingMessage } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer as createTcp, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { serverFrame } from "../../websocket/testing.ts";
import { netTransport } from "./net-transport.ts";
import { TEST_CERTIFICATE } from "./tls-testing.ts";
import { type Connection, type ConnectOptions, SEND_BUFFER_BYTES_MAX, type Transport } from "./transport.ts";
import { wsTransport } from "./ws-transport.ts";

/** Nothing here takes a second; a wait that ends by this limit is a failure. */
const WAIT_MS_MAX = 5_000;

const endings: (() => void)[] = [];

afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** What one side saw; long messages by their hash. */
type Seen = readonly (string | number)[];

function shown(bytes: Uint8Array): string {
  const copy = Buffer.from(bytes);
  return copy.length <= 40 ? copy.toString("hex") : `${copy.length}:${createHash("sha1").update(copy).digest("hex")}`;
}

/** A connection and what it told. */
class Client {
  readonly seen: Seen[] = [];
  readonly connection: Connection;
  readonly #waiting: Set<() => void> = new Set();

  constructor(transport: Transport, options: Partial<ConnectOptions> & { readonly url: string }) {
    const tell = (...event: Seen): void => {
      this.seen.push(event);
      for (const look of this.#waiting) look();
    };
    this.connection = transport.connect(
      { protocols: [], headers: {}, ca: undefined, localAddress: undefined, ...options },
      {
        opened: () => tell("opened"),
        expects: () => false,
        frame: (bytes, start, end, isText) => tell(isText ? "text" : "binary", shown(bytes.subarray(start, end))),
        closed: (code, reason) => tell("closed", code, code === 1006 ? "" : reason),
        refused: (status, text, answer) =>
          tell("refused", status, status === 0 ? "" : text, ...(answer === undefined ? [] : [answer.body])),
      },
    );
    endings.push(() => this.connection.cut());
  }

  until(fits: (seen: readonly Seen[]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        act();
      };
      const look = (): void => {
        if (fits(this.seen)) end(resolve);
      };
      const timer = setTimeout(() => end(() => reject(new Error(`waited in vain; seen ${JSON.stringify(this.seen)}`))), WAIT_MS_MAX);
      this.#waiting.add(look);
      look();
    });
  }

  ended(): Promise<void> {
    return this.until((seen) => seen.some(([kind]) => kind === "closed" || kind === "refused"));
  }
}

interface Served {
  readonly url: string;
  readonly sockets: WebSocket[];
  readonly requests: IncomingMessage[];
  /** What the server's sockets saw. */
  readonly seen: Seen[];
}

/** A `ws` server on loopback; `onSocket` is called with each of its sockets and the TCP socket below. */
async function serve(
  onSocket: (socket: WebSocket, below: Socket) => void,
  options: { readonly isSecure?: boolean; readonly protocol?: string } = {},
): Promise<Served> {
  const http = options.isSecure === true ? createHttps(TEST_CERTIFICATE) : createHttp();
  const server = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    ...(options.protocol === undefined ? {} : { handleProtocols: () => options.protocol ?? false }),
  });
  const served: Served = { url: "", sockets: [], requests: [], seen: [] };
  server.on("connection", (socket, request) => {
    served.sockets.push(socket);
    served.requests.push(request);
    socket.on("message", (data: Buffer, isBinary: boolean) => served.seen.push([isBinary ? "binary" : "text", shown(data)]));
    socket.on("pong", (data: Buffer) => served.seen.push(["pong", shown(data)]));
    socket.on("close", (code, reason) => served.seen.push(["closed", code, reason.toString()]));
    socket.on("error", (error) => served.seen.push(["error", error.message]));
    onSocket(socket, request.socket);
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  endings.push(() => {
    for (const socket of served.sockets) socket.terminate();
    http.close();
  });
  return { ...served, url: `${options.isSecure === true ? "wss" : "ws"}://127.0.0.1:${(http.address() as AddressInfo).port}/room?x=1` };
}

/** A TCP server that answers a request's head by hand; `accept` is the right Sec-WebSocket-Accept. */
async function serveRaw(answer: (socket: Socket, accept: string, head: string) => void): Promise<string> {
  const server = createTcp((socket) => {
    socket.on("error", () => {});
    endings.push(() => socket.destroy());
    socket.once("data", (chunk: Buffer) => {
      const head = chunk.toString("latin1");
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? "";
      answer(socket, createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64"), head);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(() => server.close());
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const switching = (accept: string, more = ""): string =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;

async function until(holds: () => boolean): Promise<void> {
  const limitMs = performance.now() + WAIT_MS_MAX;
  while (!holds()) {
    if (performance.now() > limitMs) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Runs the same against a `ws` server with our transport and with `ws`; both sides' views have to be the same. */
async function both(play: (transport: Transport) => Promise<unknown>): Promise<unknown> {
  const ours = await play(netTransport);
  expect(ours).toEqual(await play(wsTransport));
  return ours;
}

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000];
const payload = (length: number): Buffer => Buffer.from(Uint8Array.from({ length }, (_, index) => index * 7));

describe("our transport and ws see the same, and are seen as the same, with", () => {
  test("messages of all lengths from the server", async () => {
    const seen = await both(async (transport) => {
      const { url } = await serve((socket) => {
        for (const size of SIZES) {
          socket.send(payload(size));
          socket.send("ä".repeat(size / 2));
        }
        socket.close(1000, "done");
      });
      const client = new Client(transport, { url });
      await client.ended();
      return client.seen;
    });
    expect(seen).toHaveLength(2 * SIZES.length + 2);
  });

  test("messages of all lengths to the server", async () => {
    const seen = await both(async (transport) => {
      const served = await serve(() => {});
      const client = new Client(transport, { url: served.url });
      await client.until(([first]) => first !== undefined);
      for (const size of SIZES) {
        client.connection.send(new Uint8Array(payload(size)));
        client.connection.send("ä𝄞".repeat(size / 4));
      }
      client.connection.close(4001, "gone ✓");
      await client.ended();
      await until(() => served.seen.at(-1)?.[0] === "closed");
      return { served: served.seen, client: client.seen };
    });
    expect(seen).toMatchObject({ client: [["opened"], ["closed", 4001, "gone ✓"]] });
    expect((seen as { served: Seen[] }).served).toHaveLength(2 * SIZES.length + 1);
  });

  test("hundreds of messages to a server that reads them late", async () => {
    const seen = await both(async (transport) => {
      const served = await serve((_, below) => {
        below.pause();
        setTimeout(() => below.resume(), 100);
      });
      const client = new Client(transport, { url: served.url });
      await client.until(([first]) => first !== undefined);
      // Together below the bound of what may wait, and above what the kernel takes: frames are held in the scratch region.
      for (let index = 0; index < 600; index += 1) client.connection.send(`${index} ${"z".repeat((index * 37) % 20_000)}`);
      client.connection.close(1000, "");
      await client.ended();
      await until(() => served.seen.at(-1)?.[0] === "closed");
      return served.seen;
    });
    expect(seen).toHaveLength(601);
  });

  test("fragments, and pings between them that are answered", async () => {
    const seen = await both(async (transport) => {
      const served = await serve((socket) => {
        socket.send("gr", { fin: false });
        socket.ping("first");
        socket.send(Buffer.from("ü").subarray(0, 1), { fin: false });
        socket.ping("");
        socket.send(Buffer.from("ü").subarray(1), { fin: false });
        socket.send("ß", { fin: true });
        socket.send(payload(70_000), { fin: false, binary: true });
        socket.pong("nobody asked");
        socket.ping(payload(125));
        socket.send(payload(70_000), { fin: true, binary: true });
        socket.send("end");
      });
      const client = new Client(transport, { url: served.url });
      await client.until((all) => all.length === 4);
      await until(() => served.seen.length === 3);
      return { served: served.seen, client: client.seen };
    });
    expect(seen).toMatchObject({
      client: [["opened"], ["text", Buffer.from("grüß").toString("hex")], ["binary", expect.any(String)], ["text", expect.any(String)]],
    });
  });

  test.each([1000, 1001, 1008, 1011, 3000, 4404, 4999, undefined])("a close by the server with %s", async (code) => {
    await both(async (transport) => {
      const served = await serve((socket) => (code === undefined ? socket.close() : socket.close(code, "because ü")));
      const client = new Client(transport, { url: served.url });
      await client.ended();
      await until(() => served.seen.at(-1)?.[0] === "closed");
      return { served: served.seen, client: client.seen };
    });
  });

  test("a connection that is cut by either side", async () => {
    await both(async (transport) => {
      const served = await serve((socket, below) => socket.on("message", () => below.destroy()));
      const client = new Client(transport, { url: served.url });
      await client.until(([first]) => first !== undefined);
      client.connection.send("cut me");
      await client.ended();
      const second = new Client(transport, { url: served.url });
      await second.until(([first]) => first !== undefined);
      second.connection.cut();
      second.connection.send("too late");
      second.connection.close(1000, "too late");
      await second.ended();
      await until(() => served.seen.filter(([kind]) => kind === "closed").length === 2);
      return { served: served.seen, clients: [client.seen, second.seen] };
    });
  });

  test("sub-protocols, headers, path and address", async () => {
    await both(async (transport) => {
      const served = await serve(() => {}, { protocol: "two" });
      const client = new Client(transport, {
        url: served.url,
        protocols: ["one", "two"],
        headers: { Authorization: "Bearer x", Cookie: "a=b" },
        localAddress: "127.0.0.3",
      });
      await client.until(([first]) => first !== undefined);
      const { headers, url, socket } = served.requests[0] ?? { headers: {} };
      const { authorization, cookie, upgrade, connection } = headers;
      return {
        url,
        from: socket?.remoteAddress,
        authorization,
        cookie,
        upgrade,
        connection,
        offered: headers["sec-websocket-protocol"],
        seen: client.seen,
      };
    });
  });

  test("TLS: messages, and a certificate that is not taken", async () => {
    const seen = await both(async (transport) => {
      const served = await serve(
        (socket) => {
          for (const size of SIZES) socket.send(payload(size));
          socket.on("message", (data: Buffer) => socket.send(data, { binary: false }));
        },
        { isSecure: true },
      );
      const client = new Client(transport, { url: served.url, ca: TEST_CERTIFICATE.cert });
      await client.until((all) => all.length === SIZES.length + 1);
      for (const text of ["a", "ü".repeat(40_000), "b"]) client.connection.send(text);
      await client.until((all) => all.length === SIZES.length + 4);
      client.connection.close(1000, "");
      await client.ended();
      const stranger = new Client(transport, { url: served.url });
      await stranger.ended();
      return [client.seen, stranger.seen, served.seen.length];
    });
    expect(seen).toMatchObject([expect.any(Array), [["refused", 0, ""]], 4]);
  });

  test("a name that stands for several addresses, of which one listens", async () => {
    await both(async (transport) => {
      const served = await serve((socket) => socket.send("here"));
      const client = new Client(transport, { url: served.url.replace("127.0.0.1", "localhost") });
      await client.until((seen) => seen.length === 2);
      return client.seen;
    });
  });

  test("addresses where nobody listens", async () => {
    await both(async (transport) => {
      const client = new Client(transport, { url: "ws://127.0.0.1:1/" });
      await client.ended();
      return client.seen;
    });
  });

  const protocol = "Sec-WebSocket-Protocol: ";
  test.each<[string, (accept: string) => string]>([
    ["a wrong accept key", () => switching("c29tZXRoaW5nIGVsc2UgYWx0b2c=")],
    ["no accept key", (accept) => switching(accept).replace(/Sec-WebSocket-Accept.*\r\n/, "")],
    ["another upgrade", (accept) => switching(accept).replace("Upgrade: websocket", "Upgrade: h2c")],
    ["a sub-protocol that was not offered", (accept) => switching(accept, `${protocol}three\r\n`)],
    ["none of the sub-protocols offered", (accept) => switching(accept)],
    ["an extension", (accept) => switching(accept, `${protocol}one\r\nSec-WebSocket-Extensions: permessage-deflate\r\n`)],
    ["something that is not HTTP", () => "SSH-2.0-OpenSSH_9\r\n\r\n"],
    ["half a head, and its end", () => "HTTP/1.1 101 Swit"],
    ["nothing", () => ""],
  ])("an upgrade answered with %s", async (_, answer) => {
    const seen = await both(async (transport) => {
      const url = await serveRaw((socket, accept) => socket.end(answer(accept)));
      const client = new Client(transport, { url, protocols: ["one", "two"] });
      await client.ended();
      return client.seen;
    });
    expect(seen).toEqual([["refused", 0, ""]]);
  });

  test.each<[string, Uint8Array]>([
    ["a masked frame", serverFrame(1, "x", { masked: true })],
    ["a compressed frame", serverFrame(1, "x", { reserved: 0x40 })],
    ["a reserved opcode", serverFrame(3, "x")],
    ["a continuation of nothing", serverFrame(0, "x")],
    ["a fragmented ping", serverFrame(9, "x", { fin: false })],
    ["a ping of 126 bytes", serverFrame(9, "x".repeat(126))],
    ["text that is not UTF-8", serverFrame(1, Buffer.from([0xff]))],
    ["a close of one byte", serverFrame(8, "x")],
    ["close code 1006", serverFrame(8, Buffer.from([0x03, 0xee]))],
    ["a close reason that is not UTF-8", serverFrame(8, Buffer.from([0x03, 0xe8, 0xff]))],
    ["a message beyond the limit", Buffer.from([0x82, 127, 0, 0, 0, 0, 0x01, 0, 0, 0])],
  ])("a server that sends %s: told before, not after, and closed with the same code", async (_, bytes) => {
    const seen = await both(async (transport) => {
      let closeCode = 0;
      const url = await serveRaw((socket, accept) => {
        socket.write(Buffer.concat([Buffer.from(switching(accept)), serverFrame(1, "before"), bytes, serverFrame(1, "after")]));
        socket.on("data", (chunk: Buffer) => {
          const frame = chunk.subarray(chunk.indexOf(0x88));
          closeCode = (((frame[6] ?? 0) ^ (frame[2] ?? 0)) << 8) | ((frame[7] ?? 0) ^ (frame[3] ?? 0));
        });
      });
      const client = new Client(transport, { url });
      await client.ended();
      return { closeCode, seen: client.seen };
    });
    expect(seen).toMatchObject({ seen: [["opened"], ["text", expect.any(String)], ["closed", 1006, ""]] });
  });
});

describe("our transport", () => {
  test("gives a refusal's status, headers and body", async () => {
    const url = await serveRaw((socket) => socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 14\r\n\r\n{"code":"NO"}\n'));
    const client = new Client(netTransport, { url });
    await client.ended();
    expect(client.seen).toEqual([["refused", 401, "Unauthorized", '{"code":"NO"}\n']]);
  });

  test("does not follow a redirect", async () => {
    const url = await serveRaw((socket) => socket.end("HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n"));
    const client = new Client(netTransport, { url });
    await client.ended();
    expect(client.seen).toEqual([["refused", 302, "Found", ""]]);
  });

  test("reads head and frames that come byte by byte", async () => {
    const url = await serveRaw((socket, accept) => {
      const bytes = Buffer.concat([
        Buffer.from(switching(accept)),
        serverFrame(1, "ü"),
        serverFrame(2, "x".repeat(130)),
        serverFrame(8, ""),
      ]);
      socket.setNoDelay(true);
      const next = (at: number): void => {
        if (at < bytes.length) socket.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    });
    const client = new Client(netTransport, { url });
    await client.until((seen) => seen.length === 3);
    expect(client.seen.slice(0, 2)).toEqual([["opened"], ["text", "c3bc"]]);
  });

  test("cuts a server that sends hundreds of pings a second", async () => {
    const served = await serve((socket) => {
      for (let index = 0; index < 300; index += 1) socket.ping();
    });
    const client = new Client(netTransport, { url: served.url });
    await client.ended();
    expect(client.seen).toEqual([["opened"], ["closed", 1006, ""]]);
    expect(served.seen.filter(([kind]) => kind === "pong").length).toBeLessThanOrEqual(100);
  });

  test("cuts a server that does not read", async () => {
    const served = await serve((_, below) => below.pause());
    const client = new Client(netTransport, { url: served.url });
    await client.until(([first]) => first !== undefined);
    for (let sent = 0; sent < 4 * SEND_BUFFER_BYTES_MAX; sent += 1_000_000) client.connection.send("x".repeat(1_000_000));
    await client.ended();
    expect(client.seen).toEqual([["opened"], ["closed", 1006, ""]]);
  });

  test("ends by itself when a close is not answered", async () => {
    const url = await serveRaw((socket, accept) => socket.write(switching(accept)));
    const client = new Client(netTransport, { url });
    await client.until(([first]) => first !== undefined);
    client.connection.close(1000, "");
    await client.ended();
    expect(client.seen).toEqual([["opened"], ["closed", 1006, ""]]);
  });

  test("tells nothing further once it was cut from within a frame", async () => {
    const served = await serve((socket) => {
      for (let index = 0; index < 10; index += 1) socket.send(`${index}`);
    });
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      const connection = netTransport.connect(
        { url: served.url, protocols: [], headers: {}, ca: undefined, localAddress: undefined },
        {
          opened: () => {},
          expects: () => false,
          frame: (bytes, start, end) => {
            seen.push(Buffer.from(bytes.subarray(start, end)).toString());
            connection.cut();
          },
          closed: () => resolve(),
          refused: () => {},
        },
      );
    });
    expect(seen).toEqual(["0"]);
  });

  test("answers a cut before the upgrade with a refusal", async () => {
    const url = await serveRaw(() => {});
    const client = new Client(netTransport, { url });
    client.connection.close(1000, "");
    await client.ended();
    expect(client.seen).toEqual([["refused", 0, ""]]);
  });

  test("keeps two hundred sockets apart that share one read buffer", async () => {
    const served = await serve((socket) => socket.on("message", (data: Buffer, isBinary) => socket.send(data, { binary: isBinary })));
    const clients = Array.from({ length: 200 }, () => new Client(netTransport, { url: served.url }));
    await Promise.all(clients.map((client) => client.until(([first]) => first !== undefined)));
    clients.forEach((client, index) => {
      for (let n = 0; n < 5; n += 1) client.connection.send(`${index}/${n} ${"w".repeat((index * 997 + n) % 90_000)}`);
    });
    await Promise.all(clients.map((client) => client.until((seen) => seen.length === 6)));
    clients.forEach((client, index) => {
      const wanted = Array.from({ length: 5 }, (_, n) => [
        "text",
        shown(Buffer.from(`${index}/${n} ${"w".repeat((index * 997 + n) % 90_000)}`)),
      ]);
      expect(client.seen.slice(1)).toEqual(wanted);
    });
  });
});
