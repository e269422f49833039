import { Counter, Gauge, Registry } from "prom-client";

/** The process's figures under the names of X-9, without a prefix. */
export interface Metrics {
  readonly connectionsTotal: Counter;
  readonly messagesIn: Counter;
  readonly messagesOut: Counter;
  readonly errors: Counter<"code">;
  readonly authFailures: Counter<"reason">;
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** What is read when somebody asks. */
export interface Gauges {
  readonly connectionsOpen: () => number;
  readonly roomsOpen: () => number | Promise<number>;
  readonly roomMembers: () => number | Promise<number>;
  readonly didCacheHits: () => number;
  readonly didCacheMisses: () => number;
}

/** A registry of its own, so that two servers in one process do not share figures. */
export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  };
  gauge("connections_open", "Open WebSockets", gauges.connectionsOpen);
  gauge("rooms_open", "Rooms that exist", gauges.roomsOpen);
  gauge("room_members", "Members of all rooms together", gauges.roomMembers);
  gauge("did_cache_hits_total", "DID documents found in the cache", gauges.didCacheHits);
  gauge("did_cache_misses_total", "DID documents asked for", gauges.didCacheMisses);
  gauge("process_resident_bytes", "Resident memory", () => process.memoryUsage.rss());
  return {
    connectionsTotal: new Counter({ name: "connections_total", help: "WebSockets opened", registers }),
    messagesIn: new Counter({ name: "messages_in_total", help: "Messages received", registers }),
    messagesOut: new Counter({ name: "messages_out_total", help: "Messages sent", registers }),
    errors: new Counter({ name: "errors_total", help: "Messages and joins refused", labelNames: ["code"], registers }),
    authFailures: new Counter({ name: "auth_failures_total", help: "Credentials refused", labelNames: ["reason"], registers }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
