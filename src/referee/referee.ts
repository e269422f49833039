import { Accord, type AccordVerdict } from "../checkers/across/accord.ts";
import type { OrderModel } from "../core/binding.ts";
import { figuresOf, type Histogram, type HistogramMaker, type LatencyFigures } from "../core/histogram.ts";
import type {
  CheckpointAnswer,
  CheckpointMessage,
  MeetAnswer,
  MeetMessage,
  RegisterAnswer,
  RegisterMessage,
  ResultMessage,
  RoomsAnswer,
  RoomsMessage,
  RunPlan,
  StartAnswer,
  StartMessage,
  TargetAbout,
  VerdictAnswer,
  WorkerDone,
} from "../core/referee.ts";
import type { SeriesPoint } from "../core/result.ts";
import type { RefereeWish } from "../core/witness.ts";
import { shardOfMember } from "../load/shares.ts";
import { histogramsOf } from "./messages.ts";
import { Series } from "./series.ts";
import { createShard, differenceOf, doneOf, hasSaidLast, type Shard, silenceOf, type Speaker, wishFor } from "./shard.ts";
import { Waiting } from "./waiting.ts";

export interface RefereeOptions {
  readonly shards: number;
  readonly run: string;
  /** For shards that name none. */
  readonly seed: string;
  /** Order models of the bindings that can be judged, by name. */
  readonly orderModels: ReadonlyMap<string, OrderModel>;
  readonly histogram: HistogramMaker;
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Shards may take so long to come. */
  readonly gatherMsMax: number;
  /** A shard that says nothing for so long is lost. */
  readonly silentMsMax: number;
  readonly newSession: () => string;
  readonly say?: (text: string) => void;
}

/** One shard, at the end. */
export interface ShardEnd {
  readonly shard: number;
  readonly engine: "node" | "k6" | undefined;
  /** Why the run lacks it; undefined when it told all. */
  readonly lostBecause: string | undefined;
}

/** What all shards together have told. */
export interface RefereeOutcome {
  /** Undefined when no shard ever came. */
  readonly plan: (RunPlan & { readonly seed: string }) | undefined;
  readonly target: TargetAbout | undefined;
  readonly shards: readonly ShardEnd[];
  readonly done: readonly WorkerDone[];
  readonly series: readonly SeriesPoint[];
  readonly accord: AccordVerdict;
  /** From a write's plan on one machine to its first arrival at another shard; undefined without measured clocks. */
  readonly acrossMs: LatencyFigures | undefined;
  /** The most that two shards' clocks may differ by; undefined when some were not measured. */
  readonly clockBoundMs: number | undefined;
  readonly interrupted: boolean;
}

/** A message that is refused: `status` for HTTP, the text says what to do. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** From the last shard's word that it is ready to the start: the others must hear of it. */
const LEAD_MS = 1500;

/** Answers are held back no longer than this; whoever waits longer asks again. */
const HOLD_MS_MAX = 5000;

/** Beyond ramp and duration: to become quiet, to read final states, to show windows, to hand in results. */
const OVERTIME_MS_MAX = 120_000;

/**
 * Holds the shards of one run together: they register, start at one time, tell what they saw, and get one verdict. Knows
 * no HTTP. A shard that dies is told of at the end, and the others go on. Bounded: see Accord, and the maxima of
 * messages.ts.
 */
export class Referee {
  readonly #options: RefereeOptions;
  readonly #shards: Map<number, Shard> = new Map();
  readonly #lost: Map<number, { readonly because: string; readonly shard: Shard | undefined }> = new Map();
  readonly #rooms: Map<number, string> = new Map();
  readonly #waiting = new Waiting();
  readonly #series: Series;
  readonly #acrossMs: Histogram;
  readonly #madeMs: number;
  #plan: (RunPlan & { readonly seed: string }) | undefined;
  #accord: Accord | undefined;
  #startAtMs: number | undefined;
  #hasEnded = false;
  #isStopped = false;
  #verdict: VerdictAnswer = { state: "wait" };
  #document: unknown;

  constructor(options: RefereeOptions) {
    this.#options = options;
    this.#series = new Series(options.histogram);
    this.#acrossMs = options.histogram();
    this.#madeMs = options.nowMs();
  }

  /** Resolves once all shards that are left have handed in their results. */
  async over(): Promise<RefereeOutcome> {
    while (!(await this.#waiting.until(() => this.#isOver(), 500))) this.#look();
    return this.#outcome();
  }

  /** Tells the shards what came of it; `document` is for whoever asks for the whole. */
  judged(verdict: string, exitCode: number, document?: unknown): void {
    this.#verdict = { state: "done", verdict, exitCode };
    this.#document = document;
    this.#waiting.changed();
  }

  /** Ends the run early; the shards hear of it at their next checkpoint. */
  stop(): void {
    this.#isStopped = true;
    this.#waiting.changed();
  }

  /** The whole result; undefined before there is one. */
  get document(): unknown {
    return this.#document;
  }

  /** Every shard that is left has been told the verdict. */
  get isToldAll(): boolean {
    return [...this.#shards.values()].every((shard) => shard.isTold);
  }

  /** Seconds that the run is to last; 0 before any shard has said. */
  get seconds(): number {
    const { rampMs = 0, durationMs = 0 } = this.#plan?.parameters ?? {};
    return Math.ceil((rampMs + durationMs) / 1000);
  }

  get progress(): {
    readonly phase: "gathering" | "playing" | "over";
    readonly shards: number;
    readonly lost: number;
    readonly last: SeriesPoint | undefined;
  } {
    const phase = this.#isOver() ? "over" : this.#startAtMs === undefined ? "gathering" : "playing";
    return { phase, shards: this.#shards.size, lost: this.#lost.size, last: this.#series.last };
  }

  /** @throws Refusal when the shard does not fit the run. */
  register(message: RegisterMessage): RegisterAnswer {
    const { shards, orderModels } = this.#options;
    const name = `shard ${message.shard + 1} of ${message.shards}`;
    if (message.shards !== shards || message.shard >= shards) throw new Refusal(409, `${name} is none of this run, which has ${shards}`);
    const orderModel = orderModels.get(message.plan.binding);
    if (orderModel === undefined) throw new Refusal(422, `this referee does not know the binding ${message.plan.binding}`);
    if (this.#startAtMs !== undefined) throw new Refusal(409, `${name} comes too late: the run has begun`);
    const before = this.#shards.get(message.shard);
    if (before?.speakers.some(({ open }) => open > 0) === true) throw new Refusal(409, `${name} is there already`);
    const plan = { ...message.plan, seed: message.plan.seed ?? this.#plan?.seed ?? this.#options.seed };
    const difference = this.#plan === undefined ? undefined : differenceOf(this.#plan, plan);
    if (difference !== undefined) throw new Refusal(409, `${name} differs from the others: ${difference}`);
    if (this.#plan === undefined) this.#begin(plan, orderModel);
    const session = this.#options.newSession();
    this.#shards.set(message.shard, createShard(message, session, this.#options.nowMs()));
    this.#options.say?.(`${name} is there (${message.engine}); ${this.#shards.size} of ${shards}`);
    return { session, run: this.#options.run, seed: plan.seed };
  }

  /**
   * The shard of a session; `act` counts as a sign of life of this speaker for as long as it takes.
   * @throws Refusal for an unknown one.
   */
  async hear<T>(
    { session, speaker: number = 0 }: { readonly session: string; readonly speaker?: number },
    act: (shard: number) => Promise<T> | T,
  ): Promise<T> {
    const shard = [...this.#shards.values()].find((each) => each.session === session);
    if (shard === undefined) throw new Refusal(410, "this session is not of this run, or was given up: its shard was silent for too long");
    const speaker = speakerOf(shard, number);
    speaker.open += 1;
    try {
      return await act(shard.index);
    } finally {
      speaker.open -= 1;
      speaker.heardMs = Math.max(speaker.heardMs, this.#options.nowMs());
    }
  }

  async start(index: number, { boundMs }: StartMessage): Promise<StartAnswer> {
    const shard = this.#shard(index);
    shard.isReady = true;
    shard.boundMs = boundMs ?? Infinity;
    if (
      this.#startAtMs === undefined &&
      this.#shards.size === this.#options.shards &&
      [...this.#shards.values()].every((each) => each.isReady)
    ) {
      this.#startAtMs = this.#options.nowMs() + LEAD_MS;
      // Before the start a shard makes ready, and has nothing to say.
      for (const { speakers } of this.#shards.values()) for (const each of speakers) each.heardMs = this.#startAtMs;
      this.#options.say?.("all shards are there: it begins");
      this.#waiting.changed();
    }
    await this.#waiting.until(() => this.#startAtMs !== undefined || this.#isOver(), HOLD_MS_MAX);
    if (this.#startAtMs !== undefined) return { state: "go", startAtMs: this.#startAtMs };
    if (this.#isOver()) return { state: "stop", because: this.#isStopped ? "the run was called off" : "not all shards came in time" };
    const missing = Array.from({ length: this.#options.shards }, (_, each) => each).filter(
      (each) => this.#shards.get(each)?.isReady !== true,
    );
    return { state: "wait", missing };
  }

  async rooms({ made, find }: RoomsMessage): Promise<RoomsAnswer> {
    for (const { room, id } of made) if (!this.#rooms.has(room)) this.#rooms.set(room, id);
    if (made.length > 0) this.#waiting.changed();
    const known = (): RoomsAnswer["rooms"] =>
      find.flatMap((room) => {
        const id = this.#rooms.get(room);
        return id === undefined ? [] : [{ room, id }];
      });
    if (find.length > 0) await this.#waiting.until(() => known().length > 0, HOLD_MS_MAX);
    return { rooms: known() };
  }

  /** @throws Refusal for a histogram that is none. */
  async checkpoint(index: number, message: CheckpointMessage): Promise<CheckpointAnswer> {
    const shard = this.#shard(index);
    const number = message.speaker ?? 0;
    const speaker = speakerOf(shard, number);
    const accord = this.#accord;
    if (accord === undefined) throw new Refusal(409, "the run has not begun");
    if (message.boundMs !== undefined) shard.boundMs = message.boundMs;
    for (const second of message.seconds) this.#merging(() => this.#series.add(index, second));
    if (shard.speakers.length > 1) for (const { room } of message.streams) shard.owners.set(room, number);
    accord.windows(index, message.windows);
    const isFirstLast = message.isLast && !speaker.isLast;
    if (isFirstLast) speaker.isLast = true;
    if (isFirstLast && hasSaidLast(shard)) {
      accord.takeLast(index, message.streams);
      this.#endIfLast();
    } else accord.take(index, message.streams);
    const isOver = (): boolean => this.#hasEnded && !accord.isAsking;
    const wish = (): RefereeWish => wishFor(shard, number, accord.wishOf(index));
    // Before the end an answer is given at once; after it, once there is something to say.
    let wished = wish();
    if (speaker.isLast && wished.show.length === 0 && message.windows.length === 0) await this.#waiting.until(isOver, 500);
    if (wished.show.length === 0) wished = { ...wish(), agreed: wished.agreed };
    this.#waiting.changed();
    return { ...wished, isOver: isOver(), isStopped: this.#isStopped };
  }

  async meet(index: number, { point, speaker = 0 }: MeetMessage): Promise<MeetAnswer> {
    speakerOf(this.#shard(index), speaker).points.add(point);
    this.#waiting.changed();
    const isThere = (): boolean => [...this.#shards.values()].every(({ speakers }) => speakers.every(({ points }) => points.has(point)));
    return { state: (await this.#waiting.until(isThere, HOLD_MS_MAX)) ? "go" : "wait" };
  }

  /** @throws Refusal for a histogram that is none. */
  result(index: number, { done, speaker = 0 }: ResultMessage): void {
    const trial = this.#options.histogram();
    for (const worker of done) for (const text of histogramsOf(worker)) this.#merging(() => trial.merge(text));
    const shard = this.#shard(index);
    speakerOf(shard, speaker).done = done;
    if (doneOf(shard) !== undefined) this.#options.say?.(`shard ${index + 1} has handed in its results`);
    this.#waiting.changed();
  }

  async verdict(index: number): Promise<VerdictAnswer> {
    await this.#waiting.until(() => this.#verdict.state === "done", HOLD_MS_MAX);
    if (this.#verdict.state === "done") this.#shard(index).isTold = true;
    return this.#verdict;
  }

  #merging(act: () => void): void {
    try {
      act();
    } catch {
      throw new Refusal(422, "a histogram that can not be read");
    }
  }

  #begin(plan: RunPlan & { readonly seed: string }, orderModel: OrderModel): void {
    this.#plan = plan;
    const { shards } = this.#options;
    this.#accord = new Accord({
      orderModel,
      homeOf: (author) => shardOfMember(author, shards),
      boundMs: (shard) => this.#shards.get(shard)?.boundMs ?? Infinity,
      onLatency: (latencyMs) => this.#acrossMs.record(Math.max(0, latencyMs)),
    });
  }

  #shard(index: number): Shard {
    const shard = this.#shards.get(index);
    if (shard === undefined) throw new Refusal(410, "this shard was given up");
    return shard;
  }

  /** Gives up those that say nothing, and the whole when its time is over. */
  #look(): void {
    const { nowMs, silentMsMax, gatherMsMax, shards } = this.#options;
    const now = nowMs();
    if (this.#startAtMs === undefined) {
      if (now - this.#madeMs <= gatherMsMax) return;
      this.#options.say?.(`only ${this.#shards.size} of ${shards} shards came within ${Math.round(gatherMsMax / 1000)} s`);
      this.#isStopped = true;
      this.#waiting.changed();
      return;
    }
    for (const shard of this.#shards.values()) {
      const silence = silenceOf(shard);
      if (silence === undefined || now - silence.sinceMs <= silentMsMax) continue;
      const fromS = Math.max(0, Math.round((silence.sinceMs - this.#startAtMs) / 1000));
      this.#lose(shard, `was silent for ${Math.round((now - silence.sinceMs) / 1000)} s${silence.who}, from ${fromS} s after the start`);
    }
    const { rampMs = 0, durationMs = 0 } = this.#plan?.parameters ?? {};
    if (now <= this.#startAtMs + rampMs + durationMs + OVERTIME_MS_MAX) return;
    for (const shard of this.#shards.values()) if (doneOf(shard) === undefined) this.#lose(shard, "did not end in time");
  }

  #lose(shard: Shard, because: string): void {
    this.#shards.delete(shard.index);
    this.#options.say?.(`shard ${shard.index + 1} ${because}`);
    this.#lost.set(shard.index, { because, shard });
    this.#accord?.gone(shard.index);
    this.#series.drop(shard.index);
    this.#endIfLast();
    this.#waiting.changed();
  }

  #endIfLast(): void {
    if (this.#hasEnded || ![...this.#shards.values()].every(hasSaidLast)) return;
    this.#hasEnded = true;
    this.#accord?.end();
  }

  #isOver(): boolean {
    if (this.#startAtMs === undefined) return this.#isStopped;
    return [...this.#shards.values()].every((shard) => doneOf(shard) !== undefined);
  }

  #outcome(): RefereeOutcome {
    const { shards } = this.#options;
    const ends = Array.from({ length: shards }, (_, shard): ShardEnd => {
      const lost = this.#lost.get(shard);
      const there = this.#shards.get(shard);
      const never = this.#startAtMs === undefined ? (there === undefined ? "never came" : undefined) : lost?.because;
      return { shard, engine: (there ?? lost?.shard)?.about.engine, lostBecause: never };
    });
    const bounds = [...this.#shards.values()].map(({ boundMs }) => boundMs).toSorted((left, right) => right - left);
    const clockBoundMs = (bounds[0] ?? Infinity) + (bounds[1] ?? 0);
    const all = [...this.#shards.values(), ...[...this.#lost.values()].flatMap(({ shard }) => shard ?? [])];
    // k6 knows a target's address alone; our own engine has read its file.
    const first = all.find(({ about }) => about.engine === "node") ?? all[0];
    return {
      plan: this.#plan,
      target: first?.about.target,
      shards: ends,
      done: [...this.#shards.values()].flatMap((shard) => doneOf(shard) ?? []),
      series: this.#series.finish(),
      accord: this.#accord?.finish() ?? { outcomes: [], lost: 0, compared: 0, looks: 0 },
      acrossMs: this.#acrossMs.count === 0 ? undefined : figuresOf(this.#acrossMs),
      clockBoundMs: Number.isFinite(clockBoundMs) ? clockBoundMs : undefined,
      interrupted: this.#isStopped && this.#startAtMs !== undefined,
    };
  }
}

/** @throws Refusal for one that the shard does not have. */
function speakerOf({ speakers }: Shard, number: number): Speaker {
  const speaker = speakers[number];
  if (speaker === undefined) throw new Refusal(422, `speaker: there are ${speakers.length} in this shard`);
  return speaker;
}
