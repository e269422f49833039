import { HarnessError } from "../core/errors.ts";
import type {
  CheckpointAnswer,
  ClockAnswer,
  MeetAnswer,
  RegisterAnswer,
  RegisterMessage,
  RoomMade,
  RoomsAnswer,
  SecondMessage,
  StartAnswer,
  VerdictAnswer,
  WorkerDone,
} from "../core/referee.ts";
import { STREAMS_PER_CHECKPOINT_MAX, type StreamWitness, WINDOWS_PER_CHECKPOINT_MAX, type WindowWitness } from "../core/witness.ts";
import type { FromShardWorker, ToShardWorker } from "./shard-worker.ts";

/** A referee that does not answer for so long is gone: it may be restarted by nobody, for what it knew is lost. */
const RETRY_MS_MAX = 30_000;
const RETRY_PAUSE_MS = 500;

const CHECKPOINT_MS = 1000;

/** Exchanges of one look at the clocks: the one with the shortest way there and back counts. */
const CLOCK_EXCHANGES = 16;
const CLOCK_EVERY_MS = 30_000;

/** The others are waited for no longer than this at a meeting point. */
const MEET_MS_MAX = 60_000;

/** The referee holds answers back for 5 s; more is a network that loses them. */
export const ANSWER_MS_MAX = 20_000;

/** A referee's clock as seen from this machine's. */
export interface RefereeClock {
  readonly offsetMs: number;
  readonly boundMs: number;
}

/** What an engine gives the line. */
export interface LinkPorts {
  /** One POST to the referee's `/v1/<name>` with the run's token; gives the status and the JSON. @throws when no answer comes. */
  exchange(name: string, body: string): Promise<{ readonly status: number; readonly body: unknown }>;
  /** The clock on which the shard plays. */
  nowMs(): number;
  /** The smallest step of that clock. */
  readonly grainMs: number;
  /** Calls `act` after so long, unless what it gives is called before. */
  after(ms: number, act: () => void): () => void;
}

/** One of several speakers of a shard that was registered and started for all of them. */
export interface LinkPlace {
  readonly session: string;
  readonly speaker: number;
  readonly clock: RefereeClock;
  /** From one checkpoint to the next. */
  readonly checkpointMs: number;
}

export interface ShardLinkOptions {
  /** The referee's address, for words. */
  readonly url: string;
  readonly ports: LinkPorts;
  readonly onStage: (text: string) => void;
  /** The referee has called the run off, or is gone. */
  readonly onStop?: () => void;
  /** Whether the shard itself gives up: no answer is waited for any more. */
  readonly isGivenUp?: () => boolean;
  readonly place?: LinkPlace;
}

/**
 * One shard's line to the referee, from its registration to the verdict, or one speaker's. Between them it carries what
 * the workers say. Portable: k6 speaks by it, too.
 */
export class ShardLink {
  readonly #options: ShardLinkOptions;
  readonly #ports: LinkPorts;
  #session: string;
  #clock: RefereeClock | undefined;
  #boundMs: number | undefined;
  #say: (message: ToShardWorker) => void = () => undefined;
  #workers = 1;
  readonly #meetings: Map<"quiet" | "read", number> = new Map();
  readonly #made: RoomMade[] = [];
  readonly #find: Set<number> = new Set();
  #areRoomsAsked = false;
  readonly #seconds: SecondMessage[] = [];
  readonly #streams: StreamWitness[] = [];
  readonly #windows: WindowWitness[] = [];
  #lasts = 0;
  #playing: Promise<void> = Promise.resolve();
  #isEnding = false;
  #fault: Error | undefined;
  /** Ends a pause early. */
  #wake: () => void = () => undefined;

  constructor(options: ShardLinkOptions) {
    this.#options = options;
    this.#ports = options.ports;
    this.#session = options.place?.session ?? "";
    this.#clock = options.place?.clock;
    // One speaker tells of the clock that all of a shard have.
    this.#boundMs = options.place?.speaker === 0 ? options.place.clock.boundMs : undefined;
  }

  /** The session, once it is registered. */
  get session(): string {
    return this.#session;
  }

  /** The referee's clock, once it has started. */
  get clock(): RefereeClock | undefined {
    return this.#clock;
  }

  /** @throws HarnessError `usage` when the referee refuses, `unreachable` when it does not answer. */
  async register(message: RegisterMessage): Promise<RegisterAnswer> {
    const answer = await this.#post<RegisterAnswer>("register", message);
    this.#session = answer.session;
    return answer;
  }

  /** Waits for the others; gives when it begins, on the shard's clock. @throws HarnessError when there will be no run. */
  async start(): Promise<number> {
    this.#clock = await this.#measure();
    this.#boundMs = this.#clock.boundMs;
    let told = "";
    for (;;) {
      const answer = await this.#post<StartAnswer>("start", { boundMs: this.#boundMs });
      if (answer.state === "go") return answer.startAtMs - this.#clock.offsetMs;
      if (answer.state === "stop") throw new HarnessError("unreachable", `the referee has called the run off: ${answer.because}`);
      const missing = `waiting for shard ${answer.missing.map((each) => each + 1).join(", ")}`;
      if (missing !== told) this.#options.onStage((told = missing));
    }
  }

  /** From now on it speaks for so many workers, once a second; `say` reaches all of them. */
  play(workers: number, say: (message: ToShardWorker) => void): void {
    this.#workers = workers;
    this.#say = say;
    this.#playing = this.#checkpoints();
  }

  second(second: SecondMessage): void {
    this.#seconds.push(second);
  }

  heard(message: FromShardWorker): void {
    switch (message.kind) {
      case "made":
        this.#made.push({ room: message.room, id: message.id });
        return this.#askRooms();
      case "find":
        this.#find.add(message.room);
        return this.#askRooms();
      case "meet":
        return this.#meet(message.point);
      case "windows":
        this.#windows.push(...message.windows);
        return this.#wake();
      case "witness":
        this.#streams.push(...message.streams);
        if (message.isLast) this.#lasts += 1;
    }
  }

  /** All workers are done: tells the last, shows what is asked for, and hands in what was measured. */
  async finish(done: readonly WorkerDone[]): Promise<void> {
    this.#isEnding = true;
    this.#wake();
    await this.#playing;
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#lasts >= this.#workers) for (let isOver = false; !isOver;) isOver = await this.#checkpoint(true);
    await this.#post("result", { ...this.#asSpeaker(), done });
  }

  /** Says nothing more: whoever spoke by it has failed. */
  leave(): void {
    this.#isEnding = true;
    this.#wake();
  }

  async verdict(): Promise<Extract<VerdictAnswer, { state: "done" }>> {
    for (;;) {
      const answer = await this.#post<VerdictAnswer>("verdict", {});
      if (answer.state === "done") return answer;
    }
  }

  async #measure(): Promise<RefereeClock> {
    const { grainMs } = this.#ports;
    let best: RefereeClock | undefined;
    for (let exchange = 0; exchange < CLOCK_EXCHANGES; exchange += 1) {
      const sentMs = this.#ports.nowMs();
      const { nowMs } = await this.#post<ClockAnswer>("clock", {});
      const receivedMs = this.#ports.nowMs();
      const boundMs = (receivedMs - sentMs) / 2 + grainMs;
      if (best === undefined || boundMs < best.boundMs) best = { offsetMs: nowMs - (sentMs + receivedMs) / 2, boundMs };
    }
    if (best === undefined) throw new HarnessError("internal", "no exchange of clocks");
    return best;
  }

  /** The start was set by the first measurement: what the clocks have drifted apart since adds to the bound. */
  async #measureAgain(): Promise<void> {
    const now = await this.#measure();
    const driftMs = Math.abs(now.offsetMs - (this.#clock?.offsetMs ?? now.offsetMs));
    this.#boundMs = Math.max(this.#boundMs ?? 0, driftMs + now.boundMs);
  }

  async #checkpoints(): Promise<void> {
    const { place } = this.#options;
    const everyMs = place?.checkpointMs ?? CHECKPOINT_MS;
    let measuredMs = this.#ports.nowMs();
    try {
      while (!this.#isEnding) {
        const fromMs = this.#ports.nowMs();
        await this.#checkpoint(false);
        if ((place?.speaker ?? 0) === 0 && fromMs - measuredMs > CLOCK_EVERY_MS) {
          measuredMs = fromMs;
          await this.#measureAgain();
        }
        await this.#pause(Math.max(50, everyMs - (this.#ports.nowMs() - fromMs)), () => this.#isEnding);
      }
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error));
      this.#options.onStop?.();
    }
  }

  /** Tells what has gathered; gives whether all is over. */
  async #checkpoint(isEnd: boolean): Promise<boolean> {
    const streams = this.#streams.splice(0, STREAMS_PER_CHECKPOINT_MAX);
    const windows = this.#windows.splice(0, WINDOWS_PER_CHECKPOINT_MAX);
    const answer = await this.#post<CheckpointAnswer>("checkpoint", {
      ...this.#asSpeaker(),
      seconds: this.#seconds.splice(0, 1_000),
      streams,
      windows,
      isLast: isEnd && this.#streams.length === 0,
      ...(this.#boundMs === undefined ? {} : { boundMs: this.#boundMs }),
    });
    const { agreed, show, isOver, isStopped } = answer;
    if (agreed.length > 0 || show.length > 0) this.#say({ kind: "wish", wish: { agreed, show } });
    if (isStopped) this.#options.onStop?.();
    // Windows come from the workers over their channels.
    if (isEnd && show.length > 0) await this.#pause(5_000, () => this.#windows.length >= show.length);
    return isOver;
  }

  #meet(point: "quiet" | "read"): void {
    const there = (this.#meetings.get(point) ?? 0) + 1;
    this.#meetings.set(point, there);
    if (there < this.#workers) return;
    const until = this.#ports.nowMs() + MEET_MS_MAX;
    const come = async (): Promise<void> => {
      while (this.#ports.nowMs() < until)
        if ((await this.#post<MeetAnswer>("meet", { ...this.#asSpeaker(), point })).state === "go") return;
    };
    // Who cannot be met is told of by the referee; this shard goes on with what it has.
    void come()
      .catch(() => undefined)
      .then(() => this.#say({ kind: "met", point }));
  }

  #askRooms(): void {
    if (this.#areRoomsAsked) return;
    this.#areRoomsAsked = true;
    const ask = async (): Promise<void> => {
      while (this.#made.length > 0 || this.#find.size > 0) {
        const made = this.#made.splice(0, 5_000);
        // While some are waited for, others may have been made here: told at once, not behind the wait.
        const find = made.length > 0 ? [] : [...this.#find].slice(0, 5_000);
        const { rooms } = await this.#post<RoomsAnswer>("rooms", { made, find });
        for (const { room, id } of rooms) {
          this.#find.delete(room);
          this.#say({ kind: "room", room, id });
        }
      }
    };
    ask()
      .catch(() => undefined)
      .finally(() => {
        this.#areRoomsAsked = false;
      });
  }

  #asSpeaker(): { readonly speaker?: number } {
    const { place } = this.#options;
    return place === undefined ? {} : { speaker: place.speaker };
  }

  /** @throws HarnessError */
  async #post<T>(name: string, message: object): Promise<T> {
    const { url, isGivenUp } = this.#options;
    const text = JSON.stringify({ session: this.#session, ...message });
    const until = this.#ports.nowMs() + RETRY_MS_MAX;
    for (;;) {
      try {
        const { status, body } = await this.#ports.exchange(name, text);
        if (status === 200) return body as T;
        throw refusal(status, body);
      } catch (error) {
        if (error instanceof HarnessError) throw error;
        if (isGivenUp?.() === true || this.#ports.nowMs() > until)
          throw new HarnessError("unreachable", `no referee answers at ${url}`, {
            hint: "start it with `rollcall referee`, and see that this machine reaches its port",
            cause: error,
          });
        await new Promise<void>((resolve) => void this.#ports.after(RETRY_PAUSE_MS, resolve));
      }
    }
  }

  /** Resolves after so long, or as soon as it is enough. */
  async #pause(ms: number, isEnough: () => boolean): Promise<void> {
    if (isEnough()) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#ports.after(ms, resolve);
      this.#wake = () => {
        if (!isEnough()) return;
        cancel();
        resolve();
      };
    });
  }
}

function refusal(status: number, body: unknown): HarnessError {
  const because = typeof body === "object" && body !== null && "error" in body ? String(body.error) : `status ${status}`;
  return new HarnessError(status >= 500 ? "internal" : "usage", `the referee refuses: ${because}`, {
    hint: status === 401 ? "give every shard the token that the referee has" : "every shard needs the same scenario and parameters",
  });
}
