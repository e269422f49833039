import type { Histogram, HistogramMaker } from "../../core/histogram.ts";

/** Acts of one client whose answer is timed; a protocol without answers gives none. */
const ASKED_MAX = 256;

/** From the planned time of an act to its answer, by client. */
export class Answers {
  readonly #askedOf: Map<number, Map<number, number>> = new Map();
  readonly #histogram: Histogram;

  constructor(histogram: HistogramMaker) {
    this.#histogram = histogram();
  }

  asked(client: number, op: number, plannedMs: number): void {
    const asked = this.#askedOf.get(client) ?? new Map<number, number>();
    this.#askedOf.set(client, asked.set(op, plannedMs));
    if (asked.size <= ASKED_MAX) return;
    for (const oldest of asked.keys()) {
      asked.delete(oldest);
      return;
    }
  }

  /** Answers to what was not asked, or was asked too long ago, are passed over. */
  answered(client: number, op: number, atMs: number): void {
    const asked = this.#askedOf.get(client);
    const plannedMs = asked?.get(op);
    if (plannedMs === undefined) return;
    asked?.delete(op);
    this.#histogram.record(atMs - plannedMs);
  }

  /** Encoded HDR histogram. */
  encode(): string {
    return this.#histogram.encode();
  }
}
