import type { Entry } from "../core/ledger.ts";
import type { Frame } from "../core/session.ts";

/** One write in the order in which the room's first receivers got it. Its frame is undefined also where receivers' frames differ by nature. */
export interface LogEntry<F extends Frame = Uint8Array> extends Entry<F> {
  readonly index: number;
  /** NaN for a write of another process. */
  readonly plannedMs: number;
  readonly invokedMs: number;
  readonly firstMs: number;
  bytes: F | undefined;
  content: string | undefined;
  decoded: unknown;
  /** It came in one frame with the entry before: whoever gets that frame has this one too. */
  isContinued: boolean;
  /** Members that have it, and those that were to get it when it was first seen. */
  received: number;
  needed: number;
}

/** A write that was sent and that nobody has received yet. */
export interface PendingWrite {
  readonly author: number;
  readonly n: number;
  readonly plannedMs: number;
  readonly invokedMs: number;
  /** Its author went before anybody received it: it may never have reached the server. */
  mayBeLost: boolean;
}

/**
 * Entries a room keeps at most. A member 4,096 writes behind its room no longer takes part: at 10 writes a second that
 * is seven minutes.
 */
export const LOG_ENTRIES_MAX = 4096;

/** Entries beyond which a log looks for a prefix that every member has passed. */
const TRIM_FROM = 32;

/** Writes of other processes that a room remembers as passed over: a server in good order passes over none. */
const SKIPPED_MAX = 1024;

/** Authors are below 2^27 and counters below 2^26, so that a key stays an exact integer. */
const COUNTERS = 2 ** 26;

export function writeKey(author: number, n: number): number {
  return author * COUNTERS + n;
}

/** The canonical log of one room: a window over its latest writes. */
export class RoomLog<F extends Frame = Uint8Array> {
  readonly room: string;
  readonly entries: LogEntry<F>[] = [];
  /** Index of `entries[0]`. */
  base = 0;
  readonly byKey: Map<number, LogEntry<F>> = new Map();
  readonly pending: Map<number, PendingWrite> = new Map();
  /** Slots of the members that are joined now. */
  readonly members: Set<number> = new Set();
  /** Greatest counter seen of each author, kept after its entries are trimmed. */
  readonly lastOf: Map<number, number> = new Map();
  /** Writes of other processes that were passed over: a later one of the same author came first. */
  readonly skipped: Set<number> = new Set();

  constructor(room: string) {
    this.room = room;
  }

  get end(): number {
    return this.base + this.entries.length;
  }

  at(index: number): LogEntry<F> | undefined {
    return this.entries[index - this.base];
  }

  append(entry: LogEntry<F>): void {
    const key = writeKey(entry.author, entry.n);
    this.entries.push(entry);
    this.byKey.set(key, entry);
    this.pending.delete(key);
    const last = this.lastOf.get(entry.author);
    if (Number.isNaN(entry.plannedMs)) this.#skip(entry, last);
    if (entry.n > (last ?? 0)) this.lastOf.set(entry.author, entry.n);
  }

  /** Whether a write of another process, known by its marker alone, has not been here before. */
  isFresh(author: number, n: number): boolean {
    return n > (this.lastOf.get(author) ?? 0) || this.skipped.has(writeKey(author, n));
  }

  #skip({ author, n }: Pick<Entry, "author" | "n">, last: number | undefined): void {
    this.skipped.delete(writeKey(author, n));
    if (last === undefined) return;
    for (let each = last + 1; each < n && this.skipped.size < SKIPPED_MAX; each += 1) this.skipped.add(writeKey(author, each));
  }

  /** Drops what is below `floor` (every member has it); gives the entries that had to go although it was not. */
  trim(floorOf: (slot: number) => number): number {
    if (this.entries.length < TRIM_FROM || this.entries.length % TRIM_FROM !== 0) return 0;
    let floor = this.end - 1;
    for (const slot of this.members) floor = Math.min(floor, floorOf(slot));
    const forced = Math.max(0, this.entries.length - LOG_ENTRIES_MAX);
    const count = Math.max(floor - this.base, forced);
    for (const entry of this.entries.splice(0, count)) this.byKey.delete(writeKey(entry.author, entry.n));
    this.base += count;
    return Math.max(0, forced - Math.max(0, floor - this.base + count));
  }
}
