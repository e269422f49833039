import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromSql, NewsItem, Subscribing, ToSql } from "./sql/messages.ts";

type Without<T> = T extends unknown ? Omit<T, "id"> : never;

/** A call to a process that runs SQL, without its id. */
export type SqlCall = Without<Extract<ToSql, { readonly id: number }>>;

/** What came of it: the bytes of its `Result`, nothing for one without a value, or why it was refused. */
export type SqlOutcome = { readonly ok: true; readonly result: Uint8Array | undefined } | { readonly ok: false; readonly error: string };

export interface SqlPool {
  call(call: SqlCall): Promise<SqlOutcome>;
  end(did: string, subscription: string): void;
  credit(did: string, subscription: string): void;
  close(): void;
}

export interface SqlPoolOptions {
  readonly dataDir: string;
  readonly mutant: string;
  readonly processes: number;
  /** A statement that takes longer ends its process, and whatever was in flight there. */
  readonly sqlMsMax: number;
  readonly news: (item: NewsItem) => void;
  readonly log: (event: string, reason: string) => void;
}

/** Calls that one process may have waiting: beyond it the server says so instead of filling its memory. */
const WAITING_MAX = 50_000;
const LOOK_MS = 250;
/** A process starts in a tenth of a second; on a busy machine it may take long. */
const START_MS_MAX = 15_000;

interface Kept extends Subscribing {
  readonly did: string;
  next: number;
}

/** Processes that run SQL; a stream is always in the same one. One that no longer answers is ended and started anew. */
export async function startSqlPool(options: SqlPoolOptions): Promise<SqlPool> {
  const workers = Array.from({ length: options.processes }, () => new Worker(options));
  await Promise.all(workers.map((worker) => worker.ready));
  const of = (did: string): Worker => {
    let hash = 0;
    for (let index = 0; index < did.length; index += 1) hash = (hash * 31 + did.charCodeAt(index)) >>> 0;
    const worker = workers[hash % workers.length];
    if (worker === undefined) throw new Error("a pool without processes");
    return worker;
  };
  return {
    call: (call) => of(call.did).call(call),
    end: (did, subscription) => of(did).end(subscription),
    credit: (did, subscription) => of(did).credit(subscription),
    close: () => {
      for (const worker of workers) worker.close();
    },
  };
}

class Worker {
  readonly #options: SqlPoolOptions;
  readonly #waiting: Map<number, { readonly tell: (outcome: SqlOutcome) => void }> = new Map();
  readonly #kept: Map<string, Kept> = new Map();
  readonly #timer: NodeJS.Timeout;
  #child: ChildProcess;
  #nextId = 1;
  /** When it last told something; until it is ready it has its own time. */
  #heardMs = performance.now();
  #credits: string[] = [];
  #isOver = false;
  #tellReady: () => void = () => {};
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#tellReady = resolve;
  });

  constructor(options: SqlPoolOptions) {
    this.#options = options;
    this.#child = this.#start();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  #start(): ChildProcess {
    const { dataDir, mutant } = this.#options;
    const file = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./sql/child.ts" : "./sql/child.js", import.meta.url));
    const child = fork(file, [], {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { ...process.env, DATA_DIR: dataDir, MUTANT: mutant, NODE_NO_WARNINGS: "1" },
    });
    this.#heardMs = performance.now() + START_MS_MAX;
    child.on("message", (message: FromSql) => {
      if (child === this.#child) this.#hear(message);
    });
    child.on("exit", () => {
      if (child === this.#child) this.#ended();
    });
    return child;
  }

  #hear(message: FromSql): void {
    this.#heardMs = performance.now();
    switch (message.kind) {
      case "ready":
        this.#tellReady();
        return;
      case "beat":
        return;
      case "answer": {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        waiting?.tell(message.error === undefined ? { ok: true, result: message.result } : { ok: false, error: message.error });
        return;
      }
      case "news":
        for (const item of message.items) {
          const kept = this.#kept.get(item.subscription);
          if (kept !== undefined) kept.next = item.next;
          if (item.isOver) this.#kept.delete(item.subscription);
          this.#options.news(item);
        }
    }
  }

  /** A process whose statement runs on and on beats no more. */
  #look(): void {
    if (this.#waiting.size === 0 || performance.now() - this.#heardMs < this.#options.sqlMsMax) return;
    this.#options.log("sql-killed", `a statement took more than ${this.#options.sqlMsMax} ms`);
    this.#child.kill("SIGKILL");
    this.#heardMs = performance.now() + START_MS_MAX;
  }

  /** What was in flight is refused (an append may be stored all the same: L-5); subscriptions go on at their positions. */
  #ended(): void {
    if (this.#isOver) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#child = this.#start();
    for (const { did, next, ...kept } of this.#kept.values()) {
      const request = { ...kept.request, start: BigInt(next) };
      void this.call({ kind: "subscribe", did, ...kept, request, isResumed: true });
    }
    for (const { tell } of waiting) tell({ ok: false, error: "interrupted: it took too long" });
  }

  call(call: SqlCall): Promise<SqlOutcome> {
    if (this.#isOver || this.#waiting.size >= WAITING_MAX) return Promise.resolve({ ok: false, error: "The server is too busy" });
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const tell = (outcome: SqlOutcome): void => {
        if (call.kind === "subscribe" && !outcome.ok && !call.isResumed) this.#kept.delete(call.subscription);
        resolve(outcome);
      };
      if (call.kind === "subscribe") this.#kept.set(call.subscription, { ...call, next: Number(call.request.start ?? 1n) });
      this.#waiting.set(id, { tell });
      this.#send({ ...call, id });
    });
  }

  end(subscription: string): void {
    this.#kept.delete(subscription);
    this.#send({ kind: "end", subscription });
  }

  /** Told in one message a turn: there are thousands of them a second. */
  credit(subscription: string): void {
    this.#credits.push(subscription);
    if (this.#credits.length > 1) return;
    setImmediate(() => {
      const subscriptions = this.#credits;
      this.#credits = [];
      this.#send({ kind: "credit", subscriptions });
    });
  }

  #send(message: ToSql): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#child.disconnect();
    this.#child.kill("SIGKILL");
  }
}
