import { monitorEventLoopDelay } from "node:perf_hooks";
import { createAlarms } from "./alarms.ts";
import { createNodeClient } from "./client.ts";
import { watchGc } from "./gc.ts";
import { createHdr } from "./hdr.ts";
import type { EngineClient, EngineClientOptions, PaceMeter, Surroundings } from "./surroundings.ts";
import type { Transport } from "./transport.ts";

const LAG_RESOLUTION_MS = 10;

/** One source address has about 28,000 ports; beyond this many sockets the next loopback address is used. */
const SOCKETS_PER_ADDRESS = 20_000;

/**
 * A shard's surroundings in a process of Node. On loopback it connects from addresses of its own network, 127.0.`network`.*,
 * so that several processes have ports enough, and a server can tell them apart.
 */
export function nodeSurroundings(transport: Transport, network = 0): Surroundings {
  return {
    nowMs: () => performance.now(),
    every: (intervalMs, act) => {
      const timer = setInterval(act, intervalMs);
      return () => clearInterval(timer);
    },
    alarms: () => createAlarms(() => performance.now()),
    histogram: createHdr,
    meter: createMeter,
    client: (options) => createClient(options, transport, network),
  };
}

function createClient({ slot, ledger, ...options }: EngineClientOptions, transport: Transport, network: number): EngineClient {
  const isLoopback = /^https?:\/\/127\./.test(options.url);
  return createNodeClient({
    ...options,
    localAddress: isLoopback ? `127.0.${network % 250}.${1 + (Math.floor(slot / SOCKETS_PER_ADDRESS) % 250)}` : undefined,
    transport,
    nowMs: () => performance.now(),
    ...(ledger === undefined ? {} : { ledger: { ledger, slot } }),
  });
}

function createMeter(): PaceMeter {
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  const recentLag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  const gc = watchGc();
  let cpuFrom = process.cpuUsage();
  lag.enable();
  recentLag.enable();
  const beyond = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - LAG_RESOLUTION_MS);
  return {
    reset: () => {
      lag.reset();
      gc.reset();
      cpuFrom = process.cpuUsage();
    },
    own: () => {
      const cpu = process.cpuUsage(cpuFrom);
      return {
        loopLagMsP99: beyond(lag.percentile(99)),
        loopLagMsMax: beyond(lag.max),
        gc: gc.pauses,
        cpuMs: (cpu.user + cpu.system) / 1000,
        residentBytes: process.memoryUsage.rss(),
      };
    },
    takeLagMsMax: () => {
      const most = beyond(recentLag.max);
      recentLag.reset();
      return most;
    },
    stop: () => {
      lag.disable();
      recentLag.disable();
      gc.stop();
    },
  };
}
