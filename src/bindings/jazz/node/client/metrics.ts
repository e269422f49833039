import type { Status } from "../../messages.ts";
import type { ClientFault } from "./faults.ts";

type Tell = (event: Readonly<Record<string, unknown>> & { readonly event: string }) => void;

/** J-14. */
const LATENCIES_MAX = 100;
const EVERY_MS = 500;

/** What the client tells of itself (OBS-01, OBS-02): its state twice a second, and each message, typing and presence. */
export class Metrics {
  readonly #tell: Tell;
  readonly #queueSize: () => number;
  readonly #fault: ClientFault;
  readonly #latencies: number[] = [];
  #openedMs: number | undefined;
  #errors = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: Tell, queueSize: () => number, fault: ClientFault) {
    this.#tell = tell;
    this.#queueSize = queueSize;
    this.#fault = fault;
  }

  start(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#state(), EVERY_MS);
  }

  opened(): void {
    this.#openedMs = performance.now();
  }

  /** The connection is lost, or an attempt has failed. */
  lost(): void {
    this.#openedMs = undefined;
    this.#errors += 1;
  }

  failed(): void {
    this.#errors += 1;
  }

  /** What became of a message, `deliveryTime` ms after it was written. */
  delivery(messageId: string, deliveryTime: number, success: boolean): void {
    if (success) {
      this.#latencies.push(deliveryTime);
      if (this.#latencies.length > LATENCIES_MAX) this.#latencies.shift();
    }
    this.#metric("message_delivery", { messageId, deliveryTime, success });
  }

  typing(userId: string, isTyping: boolean): void {
    this.#metric("typing_indicator", { userId, isTyping, timestamp: Date.now() });
  }

  presence(userId: string, status: Status): void {
    this.#metric("presence_change", { userId, status, timestamp: Date.now() });
  }

  #state(): void {
    const sum = this.#latencies.reduce((left, right) => left + right, 0);
    this.#metric("real_time_metrics", {
      averageLatency: this.#latencies.length === 0 ? 0 : sum / this.#latencies.length,
      syncQueueSize: this.#fault === "tells-no-queue" ? 0 : this.#queueSize(),
      connectionUptime: this.#openedMs === undefined ? 0 : Math.round(performance.now() - this.#openedMs),
      errorCount: this.#errors,
    });
  }

  #metric(name: string, value: Readonly<Record<string, unknown>>): void {
    this.#tell({ event: "metric", name, value });
  }
}
