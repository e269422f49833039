import { createServer, type IncomingMessage } from "node:http";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Broadcast } from "../messages.ts";
import type { RelayFault } from "./fault.ts";
import { faultOf } from "./faults.ts";
import { Hub } from "./hub.ts";
import { readRelay } from "./knowledge.ts";
import { startPublished } from "./published.ts";
import { READER_PATH, startRelay } from "./relay.ts";
import { Watch } from "./watch.ts";

/**
 * The reference stack at one address: the published sync server (or, for faults of a relay and with RELAY=own, one made
 * of the library's own node), and our hub at `/hub`. Bytes of the sync leg pass through unread.
 */
const fault = faultOf(process.env["MUTANT"] ?? "");
const isOwn = fault.relay !== undefined || process.env["RELAY"] === "own";
const scratch = process.env["SCRATCH"];
const database = scratch === undefined || fault.forgets === true ? undefined : join(scratch, "relay.db");
if (scratch !== undefined) mkdirSync(scratch, { recursive: true });

const isControlled = process.env["CONTROL"] === "1";
/** A harness may have the next new feed but so many refused so often: it is neither kept nor answered. */
const refusal = { after: -1, times: 0, id: "" };

const controlled: RelayFault = {
  received: (message, _socket, pass) => {
    if (message.action === "content" && Watch.headerType(message) === "costream" && refusal.id === "") {
      if (refusal.after === 0) refusal.id = message.id;
      if (refusal.after >= 0) refusal.after -= 1;
    }
    if (message.action === "content" && message.id === refusal.id && refusal.times > 0) refusal.times -= 1;
    else pass(message);
  },
};

const own = isOwn ? await startRelay(isControlled ? controlled : (fault.relay ?? {})) : undefined;
const published = isOwn ? undefined : await startPublished(database);

function pipe(port: number, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const upstream = connect(port, "127.0.0.1", () => {
    const headers = request.rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [`${name}: ${request.rawHeaders[index + 1] ?? ""}`] : [],
    );
    upstream.write(`${request.method ?? "GET"} ${request.url ?? "/"} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  });
  upstream.setNoDelay(true);
  upstream.on("error", () => socket.destroy());
  upstream.on("close", () => socket.destroy());
  socket.on("error", () => upstream.destroy());
  socket.on("close", () => upstream.destroy());
}

/** Controls of a harness that plays the server (CONTROL=1): refuse, cut, tell, and what was seen meanwhile. */
const seen = { attempts: [] as number[], mostOpen: 0 };
let isRefusing = false;

function obey(text: string): void {
  const order = JSON.parse(text) as {
    readonly refuse?: boolean;
    readonly cut?: boolean;
    readonly reset?: boolean;
    readonly tell?: Broadcast;
    readonly refuseFeed?: { readonly after: number; readonly times: number };
  };
  if (order.refuse !== undefined) isRefusing = order.refuse;
  if (order.reset === true) {
    seen.attempts.length = 0;
    seen.mostOpen = own?.connections ?? 0;
  }
  if (order.cut === true) {
    own?.cut();
    hub?.cut();
  }
  if (order.refuseFeed !== undefined) Object.assign(refusal, order.refuseFeed, { id: "" });
  if (order.tell !== undefined) hub?.tell(order.tell);
}

let hub: Hub | undefined;
const server = createServer((request, response) => {
  if (isControlled && request.url === "/control") {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString("utf8")));
    request.on("end", () => {
      obey(body);
      response.writeHead(200).end(JSON.stringify(seen));
    });
    return;
  }
  if (request.url === "/healthz") response.writeHead(200).end("ok");
  else response.writeHead(404).end();
});
server.on("upgrade", (request, socket, head) => {
  if (request.url !== "/hub" && request.url !== READER_PATH) seen.attempts.push(performance.now());
  if (isRefusing) socket.destroy();
  else if (request.url === "/hub") hub?.upgrade(request, socket, head);
  else if (own !== undefined) {
    own.upgrade(request, socket, head);
    seen.mostOpen = Math.max(seen.mostOpen, own.connections);
  } else if (published !== undefined) pipe(published.port, request, socket, head);
});

function stop(): void {
  hub?.stop();
  own?.stop();
  published?.stop();
  process.exit(0);
}

server.listen(Number(process.env["PORT"] ?? 0), process.env["HOST"] ?? "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") return;
  const at = `127.0.0.1:${address.port}`;
  readRelay(`ws://${at}${READER_PATH}`).then(
    (knowledge) => {
      const timeScale = Number(process.env["TIME_SCALE"] ?? 1);
      hub = new Hub({ knowledge, fault: fault.hub ?? {}, demandsProof: process.env["HUB_PROOF"] !== "off", timeScale });
      const capabilities = { storage: published?.stores === true || fault.forgets === true };
      process.stdout.write(`${JSON.stringify({ event: "ready", url: `http://${at}`, capabilities })}\n`);
    },
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on("SIGTERM", stop);
process.on("exit", () => published?.stop());
