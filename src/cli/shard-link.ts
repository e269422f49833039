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
import type { StreamWitness, WindowWitness } from "../core/witness.ts";
import { STREAMS_PER_CHECKPOINT_MAX, WINDOWS_PER_CHECKPOINT_MAX } from "../referee/index.ts";
import type { FromShardWorker, ToShardWorker } from "./shard-worker.ts";
import { machineMs } from "./shard-worker.ts";

/** A referee that does not answer for so long is gone: it may be restarted by nobody, for what it knew is lost. */
const RETRY_MS_MAX = 30_000;
const RETRY_PAUSE_MS = 500;

/** The referee holds answers back for 5 s; more is a network that loses them. */
const ANSWER_MS_MAX = 20_000;

const CHECKPOINT_MS = 1000;

/** Exchanges of one look at the clocks: the one with the shortest way there and back counts. */
const CLOCK_EXCHANGES = 16;
const CLOCK_EVERY_MS = 30_000;

/** The others are waited for no longer than this at a meeting point. */
const MEET_MS_MAX = 60_000;

/** A referee's clock as seen from this machine's. */
interface Clock {
  readonly offsetMs: number;
  readonly boundMs: number;
}

export interface ShardLinkOptions {
  readonly url: string;
  readonly token: string;
  readonly onStage: (text: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** One shard's line to the referee, from its registration to the verdict. Between them it carries what the workers say. */
export class ShardLink {
  readonly #options: ShardLinkOptions;
  #session = "";
  #clock: Clock | undefined;
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
  readonly #stop = new AbortController();

  constructor(options: ShardLinkOptions) {
    this.#options = options;
  }

  /** Aborts when the referee calls the run off, or is gone. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** @throws HarnessError `usage` when the referee refuses, `unreachable` when it does not answer. */
  async register(message: RegisterMessage): Promise<RegisterAnswer> {
    const answer = await this.#post<RegisterAnswer>("register", message);
    this.#session = answer.session;
    return answer;
  }

  /** Waits for the others; gives when it begins, on this machine's clock. @throws HarnessError when there will be no run. */
  async start(): Promise<number> {
    this.#clock = await this.#measure();
    this.#boundMs = this.#clock.boundMs;
    let told = "";
    for (;;) {
      const answer = await this.#post<StartAnswer>("start", { boundMs: this.#boundMs });
      if (answer.state === "go") {
        this.#playing = this.#checkpoints();
        return answer.startAtMs - this.#clock.offsetMs;
      }
      if (answer.state === "stop") throw new HarnessError("unreachable", `the referee has called the run off: ${answer.because}`);
      const missing = `waiting for shard ${answer.missing.map((each) => each + 1).join(", ")}`;
      if (missing !== told) this.#options.onStage((told = missing));
    }
  }

  /** `say` reaches every worker. */
  connect(workers: number, say: (message: ToShardWorker) => void): void {
    this.#workers = workers;
    this.#say = say;
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
        return;
      case "witness":
        this.#streams.push(...message.streams);
        if (message.isLast) this.#lasts += 1;
    }
  }

  /** All workers are done: tells the last, shows what is asked for, and hands in what was measured. */
  async finish(done: readonly WorkerDone[]): Promise<void> {
    this.#isEnding = true;
    await this.#playing;
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#lasts >= this.#workers) for (let isOver = false; !isOver;) isOver = await this.#checkpoint(true);
    await this.#post("result", { done });
  }

  async verdict(): Promise<Extract<VerdictAnswer, { state: "done" }>> {
    for (;;) {
      const answer = await this.#post<VerdictAnswer>("verdict", {});
      if (answer.state === "done") return answer;
    }
  }

  async #measure(): Promise<Clock> {
    let best: Clock | undefined;
    for (let exchange = 0; exchange < CLOCK_EXCHANGES; exchange += 1) {
      const sentMs = machineMs();
      const { nowMs } = await this.#post<ClockAnswer>("clock", {});
      const receivedMs = machineMs();
      const boundMs = (receivedMs - sentMs) / 2;
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
    let measuredMs = performance.now();
    try {
      while (!this.#isEnding) {
        const fromMs = performance.now();
        await this.#checkpoint(false);
        if (fromMs - measuredMs > CLOCK_EVERY_MS) {
          measuredMs = fromMs;
          await this.#measureAgain();
        }
        await pause(Math.max(50, CHECKPOINT_MS - (performance.now() - fromMs)), () => this.#isEnding);
      }
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error));
      this.#stop.abort();
    }
  }

  /** Tells what has gathered; gives whether all is over. */
  async #checkpoint(isEnd: boolean): Promise<boolean> {
    const streams = this.#streams.splice(0, STREAMS_PER_CHECKPOINT_MAX);
    const windows = this.#windows.splice(0, WINDOWS_PER_CHECKPOINT_MAX);
    const answer = await this.#post<CheckpointAnswer>("checkpoint", {
      seconds: this.#seconds.splice(0, 1_000),
      streams,
      windows,
      isLast: isEnd && this.#streams.length === 0,
      ...(this.#boundMs === undefined ? {} : { boundMs: this.#boundMs }),
    });
    const { agreed, show, isOver, isStopped } = answer;
    if (agreed.length > 0 || show.length > 0) this.#say({ kind: "wish", wish: { agreed, show } });
    if (isStopped) this.#stop.abort();
    // Windows come from the workers over their channels.
    if (isEnd && show.length > 0) await pause(5_000, () => this.#windows.length >= show.length);
    return isOver;
  }

  #meet(point: "quiet" | "read"): void {
    const there = (this.#meetings.get(point) ?? 0) + 1;
    this.#meetings.set(point, there);
    if (there < this.#workers) return;
    const until = performance.now() + MEET_MS_MAX;
    const come = async (): Promise<void> => {
      while (performance.now() < until) if ((await this.#post<MeetAnswer>("meet", { point })).state === "go") return;
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

  /** @throws HarnessError */
  async #post<T>(name: string, message: object): Promise<T> {
    const { url, token, signal } = this.#options;
    const until = performance.now() + RETRY_MS_MAX;
    for (;;) {
      try {
        const answer = await fetch(`${url}/v1/${name}`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ session: this.#session, ...message }),
          signal: AbortSignal.any([AbortSignal.timeout(ANSWER_MS_MAX), ...(signal === undefined ? [] : [signal])]),
        });
        const body: unknown = await answer.json();
        if (answer.ok) return body as T;
        const because = typeof body === "object" && body !== null && "error" in body ? String(body.error) : `status ${answer.status}`;
        throw new HarnessError(answer.status >= 500 ? "internal" : "usage", `the referee refuses: ${because}`, {
          hint:
            answer.status === 401
              ? "give every shard the token that the referee has"
              : "every shard needs the same scenario and parameters",
        });
      } catch (error) {
        if (error instanceof HarnessError) throw error;
        if (signal?.aborted === true || performance.now() > until)
          throw new HarnessError("unreachable", `no referee answers at ${url}`, {
            hint: "start it with `rollcall referee`, and see that this machine reaches its port",
            cause: error,
          });
        await pause(RETRY_PAUSE_MS, () => false);
      }
    }
  }
}

async function pause(ms: number, isEnough: () => boolean): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until && !isEnough()) await new Promise((resolve) => setTimeout(resolve, Math.min(20, ms)));
}
