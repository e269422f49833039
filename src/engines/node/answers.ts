import type { Histogram, HistogramMaker } from "../../core/histogram.ts";

/** Acts of one client whose answer is timed. */
const ASKED_MAX = 256;

/**
 * Acts of one client that lie in the flat arrays: a healthy server has answered by then. As long as nothing was ever
 * answered it may be that the protocol has no answers, and no more than these are kept.
 */
const ASKED_FLAT = 8;
const CLIENTS_AT_ONCE = 256;

/** No act has this number. */
const NONE = 0;

/** What one client has asked that has many questions open: a ring of acts and their planned times. */
interface Asked {
  ops: Int32Array;
  plannedMs: Float64Array;
  next: number;
}

/** From the planned time of an act to its answer, by client. Clients are numbered from 0 without gaps. */
export class Answers {
  readonly #histogram: Histogram;
  #ops: Int32Array = new Int32Array(0);
  #plannedMs: Float64Array = new Float64Array(0);
  #next: Uint8Array = new Uint8Array(0);
  readonly #many: (Asked | undefined)[] = [];
  #hasAnswers = false;

  constructor(histogram: HistogramMaker) {
    this.#histogram = histogram();
  }

  /** `op` is more than 0. */
  asked(client: number, op: number, plannedMs: number): void {
    if (client >= this.#next.length) this.#reach(client);
    const many = this.#many[client];
    if (many !== undefined) {
      add(many, op, plannedMs);
      return;
    }
    const next = this.#next[client] ?? 0;
    const place = client * ASKED_FLAT + next;
    if (this.#hasAnswers && this.#ops[place] !== NONE) {
      const from = client * ASKED_FLAT;
      const ring: Asked = {
        ops: this.#ops.slice(from, from + ASKED_FLAT),
        plannedMs: this.#plannedMs.slice(from, from + ASKED_FLAT),
        next,
      };
      this.#many[client] = ring;
      add(ring, op, plannedMs);
      return;
    }
    this.#ops[place] = op;
    this.#plannedMs[place] = plannedMs;
    this.#next[client] = (next + 1) % ASKED_FLAT;
  }

  /** Answers to what was not asked, or was asked too long ago, are passed over. */
  answered(client: number, op: number, atMs: number): void {
    if (op === NONE || client >= this.#next.length) return;
    const many = this.#many[client];
    const ops = many?.ops ?? this.#ops;
    const from = many === undefined ? client * ASKED_FLAT : 0;
    const to = many === undefined ? from + ASKED_FLAT : ops.length;
    for (let place = from; place < to; place += 1) {
      if (ops[place] !== op) continue;
      ops[place] = NONE;
      this.#hasAnswers = true;
      this.#histogram.record(atMs - ((many?.plannedMs ?? this.#plannedMs)[place] ?? atMs));
      return;
    }
  }

  /** Encoded HDR histogram. */
  encode(): string {
    return this.#histogram.encode();
  }

  /** Makes room for a client with this number. */
  #reach(client: number): void {
    const clients = Math.max(client + 1, 2 * this.#next.length, CLIENTS_AT_ONCE);
    const [ops, plannedMs, next] = [this.#ops, this.#plannedMs, this.#next];
    this.#ops = new Int32Array(clients * ASKED_FLAT);
    this.#ops.set(ops);
    this.#plannedMs = new Float64Array(clients * ASKED_FLAT);
    this.#plannedMs.set(plannedMs);
    this.#next = new Uint8Array(clients);
    this.#next.set(next);
  }
}

/** Adds to a ring, which grows rather than let an open question go, up to ASKED_MAX. */
function add(asked: Asked, op: number, plannedMs: number): void {
  if (asked.ops[asked.next] !== NONE && asked.ops.length < ASKED_MAX) grow(asked);
  asked.ops[asked.next] = op;
  asked.plannedMs[asked.next] = plannedMs;
  asked.next = (asked.next + 1) % asked.ops.length;
}

/** Twice the room; the oldest stay the first to go. */
function grow(asked: Asked): void {
  const { ops, plannedMs, next } = asked;
  const length = ops.length;
  asked.ops = new Int32Array(2 * length);
  asked.plannedMs = new Float64Array(2 * length);
  for (let index = 0; index < length; index += 1) {
    asked.ops[index] = ops[(next + index) % length] ?? NONE;
    asked.plannedMs[index] = plannedMs[(next + index) % length] ?? 0;
  }
  asked.next = length;
}
