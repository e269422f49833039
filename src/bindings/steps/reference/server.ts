import { createServer, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Config } from "./config.ts";
import { PRISTINE } from "./faults.ts";
import { FAULTS } from "./faulty/index.ts";
import { CLOSE, createHub } from "./hub.ts";
import type { Log } from "./log.ts";

/** Above it a message closes its socket with 1009. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
/** Sockets get this long to answer a close when the server stops; then they are cut. */
const STOP_MS = 1_000;
const ROOM_CHARACTERS_MAX = 512;

export interface RunningServer {
  readonly url: string;
  /** Says farewell, waits for the answers, and ends. */
  stop(code?: number): Promise<void>;
}

/** The room of a path; undefined where there is none. In `upstream` any path will do, and messages name the room. */
function addressOf(path: string, config: Config): { readonly room: string | undefined } | undefined {
  if (config.dialect === "upstream") return { room: undefined };
  const prefix = `${config.basePath}/collab/`;
  if (!path.startsWith(prefix)) return undefined;
  try {
    const room = decodeURIComponent(path.slice(prefix.length));
    return room === "" || room.length > ROOM_CHARACTERS_MAX ? undefined : { room };
  } catch {
    return undefined;
  }
}

/**
 * Starts the reference server.
 * @throws NodeJS.ErrnoException when it cannot listen.
 */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  const mutant = config.mutant === undefined ? undefined : FAULTS[config.mutant];
  const faults = mutant === undefined ? PRISTINE : { ...PRISTINE, ...mutant(config) };
  const hub = createHub(config, faults, log);
  let isStopping = false;
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
    };
    if (request.method !== "GET") return answer(405, "text/plain", "GET only\n");
    switch (pathname) {
      case "/healthz":
        return answer(200, "text/plain", "ok\n");
      case "/readyz":
        return answer(
          isStopping ? 503 : 200,
          "application/json",
          JSON.stringify({ status: isStopping ? "stopping" : "ready", reasons: [] }),
        );
      case "/metrics":
        void hub.metrics.registry.metrics().then((text) => answer(200, hub.metrics.registry.contentType, text));
        return;
      default:
        return config.dialect === "upstream"
          ? answer(200, "text/plain", "rollcall reference server of steps, dialect upstream\n")
          : answer(404, "text/plain", "nothing here; rooms are at /collab/<room>\n");
    }
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX });
  http.on("upgrade", (request, stream: Duplex, head) => {
    stream.on("error", () => undefined);
    const address = addressOf(new URL(request.url ?? "/", "http://localhost").pathname, config);
    if (isStopping || address === undefined) {
      const status = isStopping ? 503 : 404;
      stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, stream, head, (ws) => hub.enter(ws, address.room));
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen({ port: config.port, host: config.host, backlog: 4096 }, resolve);
  });
  const ticking = setInterval(hub.tick, config.timing.pingMs);
  const { port } = http.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return {
    url: `http://${host}:${port}`,
    stop: async (code: number = CLOSE.stopping) => {
      isStopping = true;
      clearInterval(ticking);
      hub.closeAll(code, "stopping");
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeIdleConnections();
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())]);
      hub.terminateAll();
      http.closeAllConnections();
      log("info", "stopped");
    },
  };
}
