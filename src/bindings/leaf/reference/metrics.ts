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
  readonly subscriptions: () => number;
  readonly didCacheHits: () => number;
  readonly didCacheMisses: () => number;
}

export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge("connections_open", "Open sockets", gauges.connectionsOpen);
  gauge("subscriptions", "Open subscriptions", gauges.subscriptions);
  gauge("did_cache_hits_total", "DID documents found in the cache", gauges.didCacheHits);
  gauge("did_cache_misses_total", "DID documents asked for", gauges.didCacheMisses);
  gauge("process_resident_bytes", "Resident memory of the process that holds the sockets", () => process.memoryUsage.rss());
  return {
    connectionsTotal: new Counter({ name: "connections_total", help: "Sockets opened", registers }),
    messagesIn: new Counter({ name: "messages_in_total", help: "Calls received", registers }),
    messagesOut: new Counter({ name: "messages_out_total", help: "Answers and news sent", registers }),
    errors: new Counter({ name: "errors_total", help: "Calls refused", labelNames: ["code"], registers }),
    authFailures: new Counter({ name: "auth_failures_total", help: "Tokens refused", labelNames: ["reason"], registers }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
