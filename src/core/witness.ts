/**
 * What the parts of a run tell a referee of the rooms that they share. Plain JSON; all times are milliseconds from
 * the run's start, on the clock of the part that tells them.
 *
 * A *stream* is what has one order: a room, or, where only each author's own order counts, one author's writes in a
 * room. Its writes are cut into chunks behind *anchors*: writes that every part knows for such by their author and
 * counter alone. So parts that came at different times still cut at the same places.
 */

/** A stream's writes behind one anchor, up to and with the next. */
export interface ChunkWitness {
  /** The anchor before, as `author.n`; empty: from the first write that this part saw; `~k`: from behind its k-th gap. */
  readonly after: string;
  /** The anchor that ends it; empty for what the end of the run cut off. */
  readonly upTo: string;
  readonly count: number;
  /** Equal when two parts had the same writes in the same order; 16 hexadecimal digits. */
  readonly order: string;
  /** Equal when they had the same writes, in whatever order; 8 digits. */
  readonly set: string;
  /** Equal when the writes held the same, too; absent where this part knows of some without their content. */
  readonly content?: string;
  /** When the first of this part's members had the last write. */
  readonly atMs: number;
  /** When the last write was planned; of writes of this part's own clients only. */
  readonly plannedMs?: number;
}

export interface StreamWitness {
  /** The room's id on the server. */
  readonly room: string;
  /** Whose writes, where only each author's own order counts. */
  readonly author?: number;
  /** How many parts have clients of this room, by the plan. */
  readonly shards: number;
  /** This part's members that are in the room now. */
  readonly members: number;
  /** Writes that this part has seen of the stream so far. */
  readonly position: number;
  /** Those that ended since the part last told of the stream. */
  readonly chunks: readonly ChunkWitness[];
  /** At the end: the room's state at most of this part's members, or a digest of it; absent where nobody asked. */
  readonly state?: string;
}

/** One write as a part's members had it. */
export interface WindowEntry {
  readonly author: number;
  readonly n: number;
  /** When the first of them had it. */
  readonly atMs: number;
  /** When it was sent; of writes of this part's own clients only. */
  readonly sentMs?: number;
  /** Sum over its content. */
  readonly content?: string;
  /** It came first to a member that had just entered: its place among its neighbours is not certain. */
  readonly isLoose?: boolean;
}

/** A stretch of a stream in full, for a look at where two parts differ. */
export interface WindowWitness {
  readonly room: string;
  readonly author?: number;
  /** The write up to which all was forgotten, as `author.n`; empty when nothing was. */
  readonly after: string;
  /** All writes since then, in this part's order. */
  readonly entries: readonly WindowEntry[];
  /** The members that are in the room now, longest first. */
  readonly members: readonly { readonly client: number; readonly sinceMs: number }[];
  /** How many writes each of this part's clients has sent into the room. */
  readonly wrote: readonly { readonly author: number; readonly n: number }[];
  /** Entries had to be let go before they were agreed on. */
  readonly isCut: boolean;
}

/** What a referee wants of a part: what it may forget, and what it is to show. */
export interface RefereeWish {
  /** Of these streams everything up to and with this anchor (`author.n`) may be forgotten. */
  readonly agreed: readonly { readonly room: string; readonly author?: number; readonly upTo: string }[];
  /** Of these streams the window is wanted. */
  readonly show: readonly { readonly room: string; readonly author?: number }[];
}

/** What is known of the clients that other processes play, by the plan. */
export interface Elsewhere {
  /** Whether this client is played elsewhere and a member of the room with this id. */
  isMember(author: number, room: string): boolean;
  /** How many shards have clients of the room. */
  shardsOf(room: string): number;
}

/** Members that a window names: enough for an exact count in all but the largest rooms. */
export const WINDOW_MEMBERS_MAX = 1024;

/** Streams of one checkpoint; more go in several. */
export const STREAMS_PER_CHECKPOINT_MAX = 5_000;

/** Windows of one checkpoint; each up to 200 kB. */
export const WINDOWS_PER_CHECKPOINT_MAX = 16;

/** Entries of one stream that a part keeps at most: what is not agreed on by then was told long ago. */
export const WINDOW_ENTRIES_MAX = 2048;
