import { Counter, Gauge, Registry } from "prom-client";

/** The process's figures, without a prefix. */
export interface Metrics {
  readonly connectionsTotal: Counter;
  readonly messagesIn: Counter;
  readonly messagesOut: Counter;
  readonly errors: Counter<"code">;
  readonly authFailures: Counter<"reason">;
  readonly tokensIssued: Counter;
  /** Prometheus text. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** What is read when somebody asks. */
export interface Gauges {
  readonly connectionsOpen: () => number;
  readonly subscriptions: () => number;
  readonly tokensLive: () => number;
  readonly didCacheHits: () => number;
  readonly didCacheMisses: () => number;
}

/** A registry of its own, so that two servers in one process do not share figures. */
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
  gauge("connections_open", "Open WebSockets", gauges.connectionsOpen);
  gauge("subscriptions", "Subscriptions of all sockets together", gauges.subscriptions);
  gauge("tokens_live", "Tokens that are kept", gauges.tokensLive);
  gauge("did_cache_hits_total", "DID documents found in the cache", gauges.didCacheHits);
  gauge("did_cache_misses_total", "DID documents asked for", gauges.didCacheMisses);
  gauge("process_resident_bytes", "Resident memory", () => process.memoryUsage.rss());
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  return {
    connectionsTotal: counter("connections_total", "WebSockets opened"),
    messagesIn: counter("messages_in_total", "Frames received"),
    messagesOut: counter("messages_out_total", "Frames sent"),
    tokensIssued: counter("tokens_issued_total", "Tokens given out"),
    errors: new Counter({ name: "errors_total", help: "Requests and frames refused", labelNames: ["code"], registers }),
    authFailures: new Counter({ name: "auth_failures_total", help: "Credentials refused", labelNames: ["reason"], registers }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
