import { createServer, type IncomingMessage } from "node:http";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Control, type Controlled } from "./control.ts";
import { faultOf } from "./faults.ts";
import { Hub, type HubKnowledge } from "./hub.ts";
import { readRelay } from "./knowledge.ts";
import { startPublished } from "./published.ts";
import { READER_PATH, type Relay, startRelay } from "./relay.ts";

/**
 * The reference stack at one address: the published sync server (or, for faults of a relay and with RELAY=own, one made
 * of the library's own node), and our hub at `/hub`. Bytes of the sync leg pass through unread.
 */
const fault = faultOf(process.env["MUTANT"] ?? "");
const isOwn = fault.relay !== undefined || process.env["RELAY"] === "own";
const scratch = process.env["SCRATCH"];
const database = scratch === undefined || fault.forgets === true ? undefined : join(scratch, "relay.db");
if (scratch !== undefined) mkdirSync(scratch, { recursive: true });

const control = process.env["CONTROL"] === "1" ? new Control() : undefined;
const start = (): Promise<Relay> => startRelay(control?.fault ?? fault.relay ?? {});
let own = isOwn ? await start() : undefined;
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

const controlled: Controlled = {
  cut: () => {
    own?.cut();
    hub?.cut();
  },
  restart: async () => {
    own?.stop();
    hub?.cut();
    own = await start();
    known = await readRelay(readerUrl);
  },
  tell: (message) => hub?.tell(message),
  connections: () => own?.connections ?? 0,
};

let readerUrl = "";
let known: HubKnowledge | undefined;
let hub: Hub | undefined;
const server = createServer((request, response) => {
  if (control !== undefined && request.url === "/control") {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString("utf8")));
    request.on("end", () => {
      control.obey(body, controlled).then(
        (seen) => response.writeHead(200).end(seen),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
    return;
  }
  if (request.url === "/healthz") response.writeHead(200).end("ok");
  else response.writeHead(404).end();
});
server.on("upgrade", (request, socket, head) => {
  if (request.url !== "/hub" && request.url !== READER_PATH) control?.attempted();
  if (control?.isRefusing === true && request.url !== READER_PATH) socket.destroy();
  else if (request.url === "/hub") {
    // It listens a moment before the hub is there: who comes then shall come again.
    if (hub === undefined) socket.destroy();
    else hub.upgrade(request, socket, head);
  } else if (own !== undefined) {
    own.upgrade(request, socket, head);
    control?.opened(own.connections);
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
  readerUrl = `ws://${at}${READER_PATH}`;
  readRelay(readerUrl).then(
    (first) => {
      known = first;
      const knowledge: HubKnowledge = {
        isProof: async (account, nonce, proof) => (await known?.isProof(account, nonce, proof)) === true,
        isMember: async (account, space) => (await known?.isMember(account, space)) === true,
      };
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
