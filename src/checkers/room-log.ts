import type { Entry } from "../core/ledger.ts";
import type { Frame } from "../core/session.ts";

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
 * One write: pending from when it is sent, then in the order in which the room's first receivers got it. Its frame is
 * undefined also where receivers' frames differ by nature. Entries that every member has are used again for other
 * writes, so that nobody may keep one: thousands a second that live for seconds would keep the collector busy.
 */
export interface LogEntry<F extends Frame = Uint8Array> extends Entry<F>, PendingWrite {
  author: number;
  n: number;
  /** Meaningless while the write is pending. */
  index: number;
  /** NaN for a write of another process. */
  plannedMs: number;
  invokedMs: number;
  firstMs: number;
  bytes: F | undefined;
  /** The memory that `bytes` lie in, for comparison by words; undefined for texts. */
  view: DataView | undefined;
  content: string | undefined;
  decoded: unknown;
  /** Whether what was decoded has been let go: all who were to get the write have it, and who comes later decodes again. */
  isSpent: boolean;
  /** Under authors' own order: it stands behind what its author wrote later. */
  isOvertaken: boolean;
  /** It came in one frame with the entry before: whoever gets that frame has this one too. */
  isContinued: boolean;
  /** Members that have it, and those that were to get it when it was first seen. */
  received: number;
  needed: number;
}

/** Entries that are free to be used again: a room needs a few dozen at a time, and gives them back together. */
const SPARE_MAX = 16_384;

/** The entries of one process that no log holds any more. */
export class SpareEntries<F extends Frame = Uint8Array> {
  readonly #spare: LogEntry<F>[] = [];

  take(author: number, n: number, plannedMs: number, invokedMs: number, mayBeLost: boolean): LogEntry<F> {
    const entry = this.#spare.pop();
    if (entry === undefined) {
      const frame = {
        bytes: undefined,
        view: undefined,
        content: undefined,
        decoded: undefined,
        isSpent: false,
        isOvertaken: false,
        isContinued: false,
      };
      return { author, n, plannedMs, invokedMs, mayBeLost, index: -1, firstMs: invokedMs, mark: 0, received: 0, needed: 0, ...frame };
    }
    entry.author = author;
    entry.n = n;
    entry.plannedMs = plannedMs;
    entry.invokedMs = invokedMs;
    entry.mayBeLost = mayBeLost;
    return entry;
  }

  give(entry: LogEntry<F>): void {
    if (this.#spare.length >= SPARE_MAX) return;
    entry.bytes = undefined;
    entry.view = undefined;
    entry.content = undefined;
    entry.decoded = undefined;
    entry.isSpent = false;
    entry.isContinued = false;
    entry.mark = 0;
    entry.received = 0;
    this.#spare.push(entry);
  }
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

/** Writes that one author may have under way at once, as far as an order among them is looked for. */
const UNDER_WAY_MAX = 16;

/** Authors are below 2^27 and counters below 2^26, so that a key stays an exact integer. */
const COUNTERS = 2 ** 26;

export function writeKey(author: number, n: number): number {
  return author * COUNTERS + n;
}

/** What a room knows of one author: a few writes at a time, so that a search from the end is quicker than a map. */
interface AuthorWrites<F extends Frame> {
  /** Greatest counter in the log, kept after its entries are trimmed. */
  last: number;
  readonly pending: LogEntry<F>[];
  /** Those in the window, in the log's order. */
  readonly entries: LogEntry<F>[];
}

function indexOfWrite(writes: readonly Pick<Entry, "n">[], n: number): number {
  for (let index = writes.length - 1; index >= 0; index -= 1) if (writes[index]?.n === n) return index;
  return -1;
}

/** The canonical log of one room: a window over its latest writes. */
export class RoomLog<F extends Frame = Uint8Array> {
  readonly room: string;
  readonly entries: LogEntry<F>[] = [];
  /** Index of `entries[0]`. */
  base = 0;
  /** What stands before this index the server need not know any more. */
  forgottenTo = 0;
  readonly #authors: Map<number, AuthorWrites<F>> = new Map();
  readonly #spare: SpareEntries<F>;
  /** Slots of the members that are joined now. */
  readonly members: Set<number> = new Set();
  /** Writes of other processes that were passed over: a later one of the same author came first. */
  readonly skipped: Set<number> = new Set();

  constructor(room: string, spare: SpareEntries<F>) {
    this.room = room;
    this.#spare = spare;
  }

  get end(): number {
    return this.base + this.entries.length;
  }

  at(index: number): LogEntry<F> | undefined {
    return this.entries[index - this.base];
  }

  /** The entry of a write, while it is in the window. */
  find(author: number, n: number): LogEntry<F> | undefined {
    const writes = this.#authors.get(author);
    return writes === undefined || n > writes.last ? undefined : writes.entries[indexOfWrite(writes.entries, n)];
  }

  /** Writes of an author that are in the window, in the log's order. */
  windowOf(author: number): readonly LogEntry<F>[] {
    return this.#authors.get(author)?.entries ?? [];
  }

  /** Greatest counter seen of an author; 0 before the first. */
  lastOf(author: number): number {
    return this.#authors.get(author)?.last ?? 0;
  }

  invoked(author: number, n: number, plannedMs: number, nowMs: number, mayBeLost: boolean): void {
    this.#writesOf(author).pending.push(this.#spare.take(author, n, plannedMs, nowMs, mayBeLost));
  }

  pendingOf(author: number, n: number): LogEntry<F> | undefined {
    const pending = this.#authors.get(author)?.pending;
    return pending?.[indexOfWrite(pending, n)];
  }

  /** All writes that nobody has received, by author. */
  *pending(): Generator<PendingWrite> {
    for (const writes of this.#authors.values()) yield* writes.pending;
  }

  /** The author is gone: what it wrote may never have reached the server. */
  authorLeft(author: number): void {
    for (const pending of this.#authors.get(author)?.pending ?? []) pending.mayBeLost = true;
  }

  /** Nobody is to receive this write. */
  drop(author: number, n: number): void {
    const entry = this.#settled(author, n);
    if (entry !== undefined) this.#spare.give(entry);
  }

  append(entry: LogEntry<F>): void {
    const { author, n } = entry;
    const writes = this.#writesOf(author);
    this.#settled(author, n);
    this.entries.push(entry);
    writes.entries.push(entry);
    if (Number.isNaN(entry.plannedMs)) this.#skip(entry, writes.last === 0 ? undefined : writes.last);
    if (n > writes.last) writes.last = n;
  }

  /** Brings the entries from `from` on into this order, given by their indices. */
  rearrange(from: number, order: readonly number[]): void {
    const to = from + order.length;
    // Which of them came in one frame is not known any more, so that none of them can be known by its frame.
    for (let index = from; index <= to; index += 1) {
      const entry = this.at(index);
      if (entry === undefined) continue;
      entry.isContinued = false;
      entry.bytes = undefined;
    }
    const moved = order.map((index) => this.at(index));
    const authors = new Set<number>();
    for (const [offset, entry] of moved.entries()) {
      if (entry === undefined) continue;
      entry.index = from + offset;
      this.entries[entry.index - this.base] = entry;
      authors.add(entry.author);
    }
    for (const author of authors) this.#authors.get(author)?.entries.sort((one, other) => one.index - other.index);
  }

  /** Whether a write of another process, known by its marker alone, has not been here before. */
  isFresh(author: number, n: number): boolean {
    return n > this.lastOf(author) || this.skipped.has(writeKey(author, n));
  }

  #writesOf(author: number): AuthorWrites<F> {
    let writes = this.#authors.get(author);
    if (writes === undefined) {
      writes = { last: 0, pending: [], entries: [] };
      this.#authors.set(author, writes);
    }
    return writes;
  }

  /** Takes a write off the pending ones. */
  #settled(author: number, n: number): LogEntry<F> | undefined {
    const pending = this.#authors.get(author)?.pending;
    const index = pending === undefined ? -1 : indexOfWrite(pending, n);
    if (pending === undefined || index < 0) return undefined;
    return index === pending.length - 1 ? pending.pop() : pending.splice(index, 1)[0];
  }

  #skip({ author, n }: Pick<Entry, "author" | "n">, last: number | undefined): void {
    this.skipped.delete(writeKey(author, n));
    // Of an author that was not heard of before, only what can be under way yet.
    const from = last === undefined ? Math.max(1, n - UNDER_WAY_MAX) : last + 1;
    for (let each = from; each < n && this.skipped.size < SKIPPED_MAX; each += 1) this.skipped.add(writeKey(author, each));
  }

  /** Drops what is below `floor` (every member has it); gives the entries that had to go although it was not. */
  trim(floorOf: (slot: number) => number): number {
    if (this.entries.length < TRIM_FROM || this.entries.length % TRIM_FROM !== 0) return 0;
    let floor = this.end - 1;
    for (const slot of this.members) floor = Math.min(floor, floorOf(slot));
    const forced = Math.max(0, this.entries.length - LOG_ENTRIES_MAX);
    const kept = floor - this.base;
    const count = Math.max(kept, forced);
    for (let index = 0; index < count; index += 1) {
      const entry = this.entries[index];
      if (entry === undefined) continue;
      this.#authors.get(entry.author)?.entries.shift();
      this.#spare.give(entry);
    }
    this.entries.copyWithin(0, count);
    this.entries.length -= count;
    this.base += count;
    return Math.max(0, forced - Math.max(0, kept));
  }
}
