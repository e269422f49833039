import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { decodeSync } from "../codec.ts";
import type { SyncMessage } from "../messages.ts";
import { type Library, loadLibrary, type Node } from "../node/library.ts";
import { Link } from "../node/link.ts";
import type { RelayFault, RelaySocket } from "./fault.ts";

/** */
const FRAME_BYTES_MAX = 1024 * 1024;
const PING_MS = 1_500;
/** Where the hub beside it reads: neither counted nor cut with the clients. */
export const READER_PATH = "/hub-reader";

/** A sync server made of the library's own node; a fault stands between socket and node. */
export interface Relay {
  readonly node: Node;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Cuts every connection. */
  cut(): void;
  stop(): void;
  readonly connections: number;
}

/** @throws HarnessError when the library is not installed. */
export async function startRelay(fault: RelayFault): Promise<Relay> {
  const library = await loadLibrary();
  const { LocalNode, crypto } = library;
  const secret = crypto.newRandomAgentSecret();
  const node = new LocalNode(secret, crypto.newRandomSessionID(crypto.getAgentID(secret)), crypto);
  if (fault.believesAll === true)
    (node.syncManager as unknown as { disableTransactionVerification(): void }).disableTransactionVerification();
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX });
  const sockets = new Set<RelaySocket>();
  const clients = new Set<WebSocket>();
  let count = 0;
  const ping = setInterval(() => {
    const text = JSON.stringify({ type: "ping", time: Date.now(), dc: "reference" });
    for (const socket of sockets) socket.raw(text);
  }, PING_MS);
  server.on("connection", (socket: WebSocket, request: IncomingMessage) => {
    count += 1;
    if (request.url !== READER_PATH) {
      clients.add(socket);
      socket.on("close", () => clients.delete(socket));
    }
    serve(library, node, socket, count, fault, sockets);
  });
  return {
    node,
    get connections() {
      return clients.size;
    },
    upgrade: (request, socket, head) => server.handleUpgrade(request, socket, head, (client) => server.emit("connection", client, request)),
    cut: () => {
      for (const client of clients) client.terminate();
    },
    stop: () => {
      clearInterval(ping);
      for (const client of server.clients) client.terminate();
      server.close();
      void node.gracefulShutdown();
    },
  };
}

function serve(library: Library, node: Node, socket: WebSocket, number: number, fault: RelayFault, sockets: Set<RelaySocket>): void {
  const raw = (frame: string | Uint8Array): void => {
    if (socket.readyState === socket.OPEN) socket.send(frame);
  };
  const self: RelaySocket = { number, raw, close: (code) => socket.close(code) };
  sockets.add(self);
  const link = new Link(library, "client", { send: raw, message: () => undefined, problem: () => undefined }, (message, pass) =>
    fault.sending === undefined ? pass(message) : fault.sending(message, self, pass),
  );
  node.syncManager.addPeer(link.peer);
  const take = (message: SyncMessage): void => link.frame(JSON.stringify(message));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    sockets.delete(self);
    link.end();
  });
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    const text = data.toString("utf8");
    // J-17: what is no message is dropped, and the socket stays.
    if (isBinary) return fault.unusable?.(text, self, [...sockets]);
    for (const line of decodeSync(text)) {
      if (line.kind !== "message") fault.unusable?.(text, self, [...sockets]);
      else if (fault.received === undefined) take(line.message);
      else fault.received(line.message, self, take);
    }
  });
}
