import { createServer, type IncomingMessage, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { createAccounts } from "./accounts.ts";
import { createAuth, decode } from "./auth.ts";
import type { Config } from "./config.ts";
import { createDidKeys } from "./did.ts";
import { PRISTINE } from "./faults.ts";
import { createFaults } from "./faulty/index.ts";
import { below, createRoutes, readTarget, STORE_AWAY } from "./http.ts";
import { CLOSE } from "./links.ts";
import { createLocalGround } from "./local.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createSharedFaults } from "./shared/faulty.ts";
import { createSharedGround } from "./shared/ground.ts";
import { StoreAway } from "./shared/connection.ts";

/** Above it a message closes its socket with 1009 (P-14). */
const MESSAGE_BYTES_MAX = 1024 * 1024;

/** Sockets get this long to answer a close when the server stops; then they are cut. */
const STOP_MS_MAX = 2_000;

/** A store that is being started beside the server is waited for. */
const STORE_MS_MAX = 3_000;
const STORE_POLL_MS = 10;

/** A thousand clients may arrive in one tick. */
const BACKLOG = 4_096;

export interface RunningServer {
  readonly url: string;
  /** Closes every socket with the code (1001 unless said otherwise) and resolves when the server is gone, in 3 s at most. */
  stop(code?: number): Promise<void>;
}

/**
 * The playback server: HTTP, WebSocket and timers around the room model.
 * @throws what `listen` throws, such as EADDRINUSE.
 */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  const nowMs = (): number => performance.timeOrigin + performance.now();
  const faults = createFaults(config.mutant, { rate: config.mutantRate, roomLifeMs: config.timing.roomLifeMs }) ?? PRISTINE;
  const keys = createDidKeys(config.directoryUrl ?? "", nowMs);
  const accounts = createAccounts();
  // Tokens carry times of the wall clock; the server's own clock only goes forward.
  const authenticate = createAuth({ recipe: config.recipe, audience: config.audience, accounts, keys, nowMs: Date.now, log });
  const metrics = createMetrics({
    connectionsOpen: () => ground.hub.size,
    roomsOpen: () => ground.gauges.roomsOpen(),
    roomMembers: () => ground.gauges.roomMembers(),
    didCacheHits: () => keys.hits,
    didCacheMisses: () => keys.misses,
  });
  const around = { metrics, timing: config.timing, nowMs, log };
  const ground =
    config.store === undefined
      ? createLocalGround({ ...around, faults })
      : createSharedGround(config.store, { ...around, faults: createSharedFaults(config.mutant) });
  const { hub, rooms } = ground;
  let isStopping = false;
  const routes = createRoutes({
    basePath: config.basePath,
    recipe: config.recipe,
    rooms,
    accounts,
    authenticate,
    metrics,
    nowMs,
    isStopping: () => isStopping,
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX, clientTracking: false });

  const server = createServer((request, response) => {
    routes(request, response).catch((error: unknown) => {
      const isAway = error instanceof StoreAway;
      if (!isAway) log("error", "request-failed", { reason: String(error) });
      if (response.headersSent) return response.destroy();
      const [status, message] = isAway ? [503, STORE_AWAY] : [500, "Server fault"];
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ message }));
    });
  });

  const upgrade = async (request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> => {
    const { segments, query } = readTarget(request.url ?? "/");
    const path = below(segments, config.basePath);
    if (path?.[0] !== "rooms" || path.length !== 3 || path[2] !== "ws") return refuseUpgrade(stream, 404, "Not found");
    const outcome = await authenticate(request, query);
    if (isStopping) return refuseUpgrade(stream, 503, "Shutting down");
    if (!("userId" in outcome)) {
      metrics.authFailures.inc({ reason: outcome.reason });
      return refuseUpgrade(stream, outcome.status, outcome.message);
    }
    if (!rooms.isServing) return refuseUpgrade(stream, 503, STORE_AWAY);
    if (stream.destroyed) return;
    sockets.handleUpgrade(request, stream, head, (ws) => hub.enter(ws, stream, decode(path[1] ?? ""), outcome.userId));
  };

  server.on("upgrade", (request, stream, head) => {
    const onError = (): void => void stream.destroy();
    stream.on("error", onError);
    upgrade(request, stream, head).catch((error: unknown) => {
      log("error", "upgrade-failed", { reason: String(error) });
      stream.destroy();
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: config.port, host: config.host, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  // Without its store it serves nobody yet, but says so to whoever asks.
  const untilMs = nowMs() + STORE_MS_MAX;
  while (!rooms.isServing && nowMs() < untilMs) await new Promise((resolve) => setTimeout(resolve, STORE_POLL_MS));
  const timers = [setInterval(hub.sweep, config.timing.sweepMs), setInterval(hub.tick, config.timing.tickMs)];
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;

  return {
    url: `http://${host}:${port}`,
    stop: async (code = CLOSE.goingAway) => {
      if (isStopping) return;
      isStopping = true;
      for (const timer of timers) clearInterval(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      hub.closeAll(code, "the server stops");
      const cut = setTimeout(() => {
        hub.terminateAll();
        server.closeAllConnections();
      }, STOP_MS_MAX);
      await Promise.all([closed, ground.stop()]);
      clearTimeout(cut);
    },
  };
}

function refuseUpgrade(stream: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ message });
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
