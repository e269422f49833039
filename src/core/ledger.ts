import type { CheckerOutcome } from "./checker.ts";
import type { Marker } from "./marker.ts";
import type { Delivered } from "./observation.ts";
import type { Frame } from "./session.ts";

/** A write that some member has received, as the ledger keeps it. */
export interface Entry<F extends Frame = Frame> {
  readonly author: number;
  readonly n: number;
  /** What the first receiver's session gave. */
  readonly decoded: unknown;
  /** The first receiver's frame and canonical text; undefined while nobody but its author knows of the write. */
  readonly bytes: F | undefined;
  readonly content: string | undefined;
  /** For a recorder: the number that it gave the frame; 0 until it has. */
  mark: number;
}

/**
 * Accounts for every write at every member of the rooms of one process. Knows bytes, cursors and markers; no protocol.
 * The engine asks `recognise` first: a hit is order check, integrity check and decoding at once. Everything else goes
 * through the session, and comes back as `delivered`. Frames are bytes, or the texts that an engine has instead of them.
 *
 * `client` is the engine's slot of a client, `author` in markers the client's number over all shards.
 */
export interface Ledger<F extends Frame = Frame> {
  /** A client's join is confirmed: from now on it must receive. */
  joined(client: number, number: number, room: string, nowMs: number): void;
  /** It is gone (closed, cut, left): writes still in flight it may have missed. */
  left(client: number, nowMs: number): void;
  /** It is about to send its write `n`. */
  invoked(client: number, n: number, plannedMs: number, nowMs: number): void;
  /** The server refused write `n`: nobody must receive it. */
  rejected(client: number, n: number): void;
  /** The server confirmed write `n` to its author otherwise than by echo. */
  accepted(client: number, n: number, position: number | undefined, nowMs: number): void;
  /** The entry, when these bytes are the very next one that this client is to receive; it is then accounted for. */
  recognise(client: number, bytes: F, start: number, end: number, nowMs: number): Entry<F> | undefined;
  /** A broadcast that was not recognised, decoded. `bytes` when every member is to get the same. Gives the write's entry. */
  delivered(client: number, delivery: Delivered, decoded: unknown, bytes: F | undefined, nowMs: number): Entry<F> | undefined;
  /** A state that the client was given; it must hold what the client has received already. */
  snapshot(client: number, marker: Marker | undefined, nowMs: number): void;
  /** The state that a member was given once the run was quiet; undefined: without any of the run's writes. */
  finalState(client: number, marker: Marker | undefined): void;
  /** The server was started anew and keeps nothing of before: no state need show what was written until now. */
  restarted(): void;
  /** Whether every write, or every one that was invoked before then, has reached everyone it was for. */
  isQuiet(beforeMs?: number): boolean;
  /** Outcomes of delivery, order, isolation, refusals, session guarantees and convergence. Called once, at the end. */
  finish(nowMs: number): readonly CheckerOutcome[];
}
