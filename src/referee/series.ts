import { figuresOf, type Histogram, type HistogramMaker } from "../core/histogram.ts";
import type { SecondMessage } from "../core/referee.ts";
import type { SeriesPoint } from "../core/result.ts";

/** A shard may be this many seconds behind before a second is closed without it. */
const BEHIND_S_MAX = 10;

interface OpenSecond {
  readonly latencies: Histogram;
  /** Of each worker its last word: the run's last second may be told in two parts. */
  readonly clients: Map<string, number>;
  sent: number;
  delivered: number;
  loopLagMs: number;
}

/** The seconds of all shards as one series: each is closed once every shard is past it, so that few are open at a time. */
export class Series {
  readonly #histogram: HistogramMaker;
  readonly #open: Map<number, OpenSecond> = new Map();
  /** The latest second that each worker has told of, by shard and worker. */
  readonly #latest: Map<number, Map<number, number>> = new Map();
  readonly #points: SeriesPoint[] = [];

  constructor(histogram: HistogramMaker) {
    this.#histogram = histogram;
  }

  /** @throws whatever the histogram throws at a text that is none of its own. */
  add(shard: number, { worker, t, clients, sent, delivered, deliveryMs, loopLagMs }: SecondMessage): void {
    const closedTo = this.#points.at(-1)?.t ?? -1;
    if (t <= closedTo) return;
    const open = this.#open.get(t) ?? {
      latencies: this.#histogram(),
      clients: new Map<string, number>(),
      sent: 0,
      delivered: 0,
      loopLagMs: 0,
    };
    open.latencies.merge(deliveryMs);
    open.clients.set(`${shard}/${worker}`, clients);
    open.sent += sent;
    open.delivered += delivered;
    open.loopLagMs = Math.max(open.loopLagMs, loopLagMs);
    this.#open.set(t, open);
    const workers = this.#latest.get(shard) ?? new Map<number, number>();
    this.#latest.set(shard, workers.set(worker, Math.max(t, workers.get(worker) ?? 0)));
    const times = [...this.#latest.values()].flatMap((each) => [...each.values()]);
    this.#closeBelow(Math.max(Math.min(...times), Math.max(...times) - BEHIND_S_MAX));
  }

  /** A shard is no more: it is not waited for. */
  drop(shard: number): void {
    this.#latest.delete(shard);
  }

  finish(): readonly SeriesPoint[] {
    this.#closeBelow(Infinity);
    return this.#points;
  }

  get last(): SeriesPoint | undefined {
    return this.#points.at(-1);
  }

  #closeBelow(limit: number): void {
    for (const [t, { latencies, clients, sent, delivered, loopLagMs }] of [...this.#open].toSorted(([left], [right]) => left - right)) {
      if (t >= limit) return;
      this.#open.delete(t);
      const { p50, p99 } = figuresOf(latencies);
      const present = [...clients.values()].reduce((sum, each) => sum + each, 0);
      this.#points.push({ t, clients: present, sent, delivered, deliveryMsP50: p50, deliveryMsP99: p99, loopLagMs });
    }
  }
}
