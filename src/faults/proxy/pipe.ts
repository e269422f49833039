import type { Socket } from "node:net";
import type { Prng } from "../../core/prng.ts";
import type { Condition } from "./condition.ts";

/** Bytes that wait in one direction before its source is no longer read: as much as a kernel buffers. */
const WAITING_BYTES_MAX = 256 * 1024;

interface Waiting {
  readonly chunk: Buffer;
  readonly dueMs: number;
}

/**
 * One direction of a connection. What comes goes on in its order and as it is, at once where nothing is wrong, and
 * otherwise when it is due.
 */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #prng: Prng;
  #condition: Condition;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  /** When the line is free again, and when the last that waits is due. */
  #freeMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;
  #hasEnded = false;
  #isOver = false;

  constructor(from: Socket, to: Socket, condition: Condition, prng: Prng) {
    this.#from = from;
    this.#to = to;
    this.#condition = condition;
    this.#prng = prng;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => {
      this.#hasEnded = true;
      this.#flush();
    });
    to.on("drain", () => {
      this.#isFull = false;
      this.#flush();
    });
    this.#read();
  }

  /** Other rules hold from now on. */
  set(condition: Condition): void {
    this.#condition = condition;
    this.#read();
    this.#flush();
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  #take(chunk: Buffer): void {
    const { latencyMs, jitterMs, bytesPerSecond, isSilent } = this.#condition;
    if (this.#waiting.length === 0 && !isSilent && !this.#isFull && latencyMs === 0 && jitterMs === 0 && bytesPerSecond === Infinity) {
      this.#write(chunk);
      this.#read();
      return;
    }
    const delayMs = Math.max(0, latencyMs + jitterMs * (2 * this.#prng.next() - 1));
    const sentMs = chunk.length / (bytesPerSecond / 1000);
    this.#freeMs = Math.max(this.#freeMs, performance.now() + delayMs) + sentMs;
    this.#waiting.push({ chunk, dueMs: this.#freeMs });
    this.#bytes += chunk.length;
    this.#read();
    this.#flush();
  }

  #write(chunk: Buffer): void {
    if (!this.#to.write(chunk)) this.#isFull = true;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#condition.isSilent) return;
    const nowMs = performance.now();
    let count = 0;
    for (const { chunk, dueMs } of this.#waiting) {
      if (dueMs > nowMs || this.#isFull) break;
      this.#write(chunk);
      this.#bytes -= chunk.length;
      count += 1;
    }
    this.#waiting.splice(0, count);
    this.#read();
    const [next] = this.#waiting;
    // What is written waits for `drain`.
    if (next !== undefined && !this.#isFull) this.#timer = setTimeout(() => this.#flush(), Math.max(1, next.dueMs - nowMs));
    else if (next === undefined && this.#hasEnded) this.#timer = setTimeout(() => this.#to.end(), this.#condition.slowCloseMs);
  }

  /** Reads on, or does not: silence is that nobody reads, and nobody notices an end. */
  #read(): void {
    const mayRead = !this.#condition.isSilent && !this.#isFull && this.#bytes < WAITING_BYTES_MAX;
    if (mayRead === !this.#from.isPaused()) return;
    if (mayRead) this.#from.resume();
    else this.#from.pause();
  }
}
