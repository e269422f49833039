import { createServer } from "node:http";
import { createCalls } from "./calls.ts";
import type { Config } from "./config.ts";
import { createDidKeys } from "./did.ts";
import { doorFaultsOf } from "./faulty/index.ts";
import { createRoutes } from "./http.ts";
import type { Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { openRegistry } from "./registry.ts";
import { createTokenJudge } from "./service-jwt.ts";
import { createSockets, type Sockets } from "./sockets.ts";
import { type SqlPool, startSqlPool } from "./sql-pool.ts";

/** A leaf server that listens. */
export interface LeafServer {
  /** Base URL. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the reference server. Rejects when it cannot listen or its folder cannot be used. */
export async function startServer(config: Config, log: Log): Promise<LeafServer> {
  const faults = doorFaultsOf(config.mutant);
  const registry = openRegistry(config.dataDir);
  // Sockets and calls know each other: the former come last.
  const late: { sockets?: Sockets } = {};
  let url = "";
  let isStopping = false;
  const pool: SqlPool = await startSqlPool({
    dataDir: config.dataDir,
    mutant: config.mutant,
    processes: config.sqlProcesses,
    sqlMsMax: config.sqlMsMax,
    news: (item) => late.sockets?.news(item),
    log: (event, reason) => log("warn", event, { reason }),
  });
  const keys = createDidKeys({
    directoryUrl: config.directoryUrl,
    cacheMs: config.didCacheMs,
    lookupMsMax: config.lookupMsMax,
    nowMs: () => performance.now(),
    faults,
  });
  const judge = createTokenJudge(config.did, keys, faults);
  const metrics = createMetrics({
    connectionsOpen: () => late.sockets?.open ?? 0,
    subscriptions: () => late.sockets?.subscriptions ?? 0,
    didCacheHits: () => keys.hits,
    didCacheMisses: () => keys.misses,
  });
  const endpoint = (): string => url;
  const routes = createRoutes({
    did: config.did,
    endpoint,
    metrics,
    judge: (token) => judge.judge(token, Date.now()),
    proxyUser: faults.proxyUser,
    isStopping: () => isStopping,
  });
  const http = createServer((request, response) => {
    routes(request, response).catch((error: unknown) => {
      log("error", "request-failed", { reason: String(error) });
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  const calls = createCalls({
    did: config.did,
    endpoint,
    directoryUrl: config.directoryUrl,
    moduleAdmins: config.moduleAdmins,
    registry,
    pool,
    faults,
    subscribed: (caller, subscription) => late.sockets?.subscribed(caller, subscription),
    unsubscribed: (subscription) => late.sockets?.unsubscribed(subscription),
  });
  late.sockets = createSockets({
    http,
    config,
    judge,
    calls,
    metrics,
    faults,
    log,
    credit: (did, subscription) => pool.credit(did, subscription),
    end: (did, subscription) => pool.end(did, subscription),
  });
  await new Promise<void>((resolve, reject) => {
    http.once("error", reject);
    http.listen(config.port, config.host, resolve);
  });
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("a listening socket without a port");
  url = `http://${config.host}:${address.port}`;
  return {
    url,
    stop: async () => {
      isStopping = true;
      await late.sockets?.close();
      pool.close();
      registry.close();
    },
  };
}
