import type { Histogram, HistogramMaker } from "../../core/histogram.ts";

/** Acts of one client whose answer is timed. */
const ASKED_MAX = 256;

/** As long as nothing was ever answered, it may be that the protocol has no answers: no more than this is kept. */
const UNANSWERED_MAX = 16;
const ASKED_MIN = 4;

/** No act has this number. */
const NONE = 0;

/** What one client has asked: a ring of acts and their planned times. */
interface Asked {
  ops: Int32Array;
  plannedMs: Float64Array;
  next: number;
}

/** From the planned time of an act to its answer, by client. */
export class Answers {
  readonly #askedOf: Map<number, Asked> = new Map();
  readonly #histogram: Histogram;
  #hasAnswers = false;

  constructor(histogram: HistogramMaker) {
    this.#histogram = histogram();
  }

  /** `op` is more than 0. */
  asked(client: number, op: number, plannedMs: number): void {
    let asked = this.#askedOf.get(client);
    if (asked === undefined) {
      asked = { ops: new Int32Array(ASKED_MIN), plannedMs: new Float64Array(ASKED_MIN), next: 0 };
      this.#askedOf.set(client, asked);
    }
    if (asked.ops[asked.next] !== NONE && asked.ops.length < (this.#hasAnswers ? ASKED_MAX : UNANSWERED_MAX)) grow(asked);
    asked.ops[asked.next] = op;
    asked.plannedMs[asked.next] = plannedMs;
    asked.next = (asked.next + 1) % asked.ops.length;
  }

  /** Answers to what was not asked, or was asked too long ago, are passed over. */
  answered(client: number, op: number, atMs: number): void {
    const asked = this.#askedOf.get(client);
    const place = op === NONE ? -1 : (asked?.ops.indexOf(op) ?? -1);
    if (asked === undefined || place < 0) return;
    asked.ops[place] = NONE;
    this.#hasAnswers = true;
    this.#histogram.record(atMs - (asked.plannedMs[place] ?? atMs));
  }

  /** Encoded HDR histogram. */
  encode(): string {
    return this.#histogram.encode();
  }
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
