import { createServer, type IncomingMessage, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Config } from "./config.ts";
import { createResolver } from "./did.ts";
import { createCollector } from "./collect.ts";
import { createDocuments } from "./documents.ts";
import type { Faults } from "./faults.ts";
import { readHandshake } from "./handshake.ts";
import { type Answer, createRoutes, refuse } from "./http.ts";
import { checkJwt } from "./jwt.ts";
import { createRateLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { createHub, type Entered } from "./sockets.ts";
import { hashOf, openStore } from "./store.ts";
import { CLOSE } from "./wire.ts";
import { PROTOCOL, TOKEN_METHOD } from "../session.ts";

/** A thousand clients may arrive in one tick. */
const BACKLOG = 4_096;
/** How soon what another instance has stored is passed on. */
const NEWER_MS = 10;
const SWEEP_MS = 2_000;
const COLLECT_MS = 5_000;
/** Of the time to stop, sockets get all but this to answer their close. */
const CUT_BEFORE_MS = 1_000;
/** The end is told by readiness for so long before the door is shut. */
const DRAIN_MS = 500;

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Closes every socket with the code, and resolves when all is stored and gone. */
  stop(code?: number): Promise<void>;
}

/** @throws what `listen` and opening the store throw. */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  const nowMs = (): number => performance.timeOrigin + performance.now();
  const is: Faults = (id) => id === config.mutant;
  const store = openStore({
    path: config.storePath,
    singleUse: config.singleUse && !is("token-serves-twice"),
    ownTokensOnly: is("token-of-other-instance-is-unknown"),
  });
  const resolver = createResolver(config, is, nowMs);
  const limits = createRateLimits(config.limits, nowMs);
  const documents = createDocuments(store, is);
  const metrics = createMetrics({
    connectionsOpen: () => hub.size,
    subscriptions: () => hub.subscriptions,
    tokensLive: () => store.tokensLive,
    didCacheHits: () => resolver.hits,
    didCacheMisses: () => resolver.misses,
  });
  const hub = createHub({ documents, limits, metrics, timing: config.timing, nowMs, log, is, shard: config.shard });
  let isStopping = false;
  const routes = createRoutes({
    config,
    store,
    resolver,
    limits,
    metrics,
    nowMs,
    isStopping: () => isStopping,
    revoked: (did, hash, atMs) => hub.revoke({ did, hash, atMs }),
    log,
    is,
  });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: config.frameBytesMax,
    clientTracking: false,
    handleProtocols: (offered) =>
      is("token-is-named-in-answer") ? ([...offered][1] ?? PROTOCOL) : is("answer-names-no-protocol") ? false : PROTOCOL,
  });

  /** Who may open the socket, or the answer that refuses; one answer for every token that is not good (Y-8). */
  const admit = async (request: IncomingMessage): Promise<Entered | Answer> => {
    const handshake = readHandshake(request, is);
    if ("answer" in handshake) return handshake.answer;
    const { did, token } = handshake;
    const invalid = refuse(403, "token-invalid", "Token invalid or expired: request a new one.");
    if (token === undefined) return invalid;
    if (token === config.devToken || (is("dev-token-is-always-open") && token === "dev"))
      return { did, hash: undefined, issuedMs: nowMs() };
    if (is("jwt-opens-socket") && token.includes(".")) {
      const outcome = await checkJwt(`Bearer ${token}`, { audience: config.did, method: TOKEN_METHOD }, resolver, is);
      if ("did" in outcome && !("refusal" in outcome)) return { did, hash: undefined, issuedMs: nowMs() };
    }
    const hash = hashOf(token);
    const row = store.token(hash, nowMs());
    if (row === undefined && is("expired-token-has-its-own-answer") && token.startsWith("0"))
      return refuse(403, "token-invalid", "Token expired.");
    if (row === undefined || (row.did !== did && !is("token-is-not-bound"))) return invalid;
    if (hub.socketsOf(did) >= limits.socketsPerDid && !is("sockets-are-not-limited"))
      return refuse(429, "rate", "Too many connections of this identity: close one and try again.", 1);
    return store.use(hash) ? { did, hash, issuedMs: row.issuedMs } : invalid;
  };
  const upgrade = async (request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> => {
    if (isStopping) return refuseUpgrade(stream, refuse(503, "stopping", "The server is stopping: try again soon.", 1));
    const admitted = await admit(request);
    if ("status" in admitted) {
      if (admitted.status === 403) metrics.authFailures.inc({ reason: "token-invalid" });
      const did = /^\/sync\/as\/([^?]{1,200})/.exec(request.url ?? "")?.[1];
      if (admitted.status !== 400 && admitted.status !== 404)
        log("warn", "handshake-refused", {
          reason: String(Reflect.get(admitted.json as object, "code")),
          ...(did === undefined ? {} : { did }),
        });
      return refuseUpgrade(stream, admitted);
    }
    if (stream.destroyed) return;
    sockets.handleUpgrade(request, stream, head, (ws) => hub.enter(ws, admitted));
  };

  const server = createServer({ maxHeaderSize: 32 * 1024 }, (request, response) => {
    routes(request, response).catch((error: unknown) => {
      log("error", "request-failed", { reason: error instanceof Error ? error.message : String(error) });
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { "content-type": "application/json" }).end('{"status":500,"error":"Server fault","code":"fault"}');
    });
  });
  server.keepAliveTimeout = 30_000;
  server.on("upgrade", (request, stream, head) => {
    stream.on("error", () => stream.destroy());
    upgrade(request, stream, head).catch((error: unknown) => {
      log("error", "upgrade-failed", { reason: error instanceof Error ? error.message : String(error) });
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
  const collect = createCollector();
  const timers = [
    setInterval(() => collect(hub.goneTotal), COLLECT_MS),
    setInterval(hub.tick, config.timing.tickMs),
    setInterval(() => {
      if (!is("expired-tokens-stay")) store.sweep(nowMs());
    }, SWEEP_MS),
    setInterval(() => {
      const { updates, revocations } = store.newer();
      hub.relayStored(updates);
      for (const revocation of revocations) hub.revoke(revocation);
    }, NEWER_MS),
  ];
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    port,
    stop: async (code = CLOSE.restart) => {
      if (isStopping) return;
      isStopping = true;
      for (const timer of timers) clearInterval(timer);
      if (is("stop-cuts-sockets")) hub.cutAll();
      else hub.closeAll(code, "the server stops");
      await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const cut = setTimeout(() => server.closeAllConnections(), Math.max(0, Math.min(2_000, config.stopMs - CUT_BEFORE_MS - DRAIN_MS)));
      await closed;
      clearTimeout(cut);
      store.close();
    },
  };
}

function refuseUpgrade(stream: Duplex, answer: Answer): void {
  const body = JSON.stringify(answer.json);
  const headers = Object.entries({ "access-control-allow-origin": "*", ...answer.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers.join("")}\r\n${body}`,
  );
}
