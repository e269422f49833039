import type { Schema } from "prosemirror-model";
import { type RoomShard, shardOfRoom } from "../../../core/room-shard.ts";
import type { DocSnapshot, ErrorMessage, History, Parsed, ServerMessage, StepJson, Steps, UserPresence } from "../messages.ts";
import type { Codec } from "../codec.ts";
import type { Fields } from "../json.ts";
import type { Applied } from "./document.ts";
import type { Room } from "./rooms.ts";

/** A room as faults see it. */
export type AnyRoom = Room<unknown>;

/** An open socket as faults see it. */
export interface Listener {
  readonly userId: string | undefined;
  readonly room: AnyRoom | undefined;
  readonly openedMs: number;
  readonly heardMs: number;
  readonly bufferedBytes: number;
  /** Messages that were no answer to a ping. */
  readonly acts: number;
}

export type Incoming = ReturnType<Codec["readClient"]>;

/**
 * The points at which a mutant may act. The server asks at each of them; `PRISTINE` gives the right answer, and a mutant
 * replaces one or two. Nothing else in the server knows of mutants.
 */
export interface Faults {
  // What comes in.
  /** A message as it was understood; `fields` is what came, undefined when it was no object. */
  readonly incoming: (parsed: Incoming, fields: Fields | undefined, from: Listener) => Incoming | "ignored" | "closed";
  /** Whether a socket that has not joined, or has left, may write. */
  readonly mayWriteUnjoined: (from: Listener) => boolean;
  /** The room that a message is for, instead of the sender's. */
  readonly destination: (fields: Fields, room: AnyRoom, byId: (id: string) => AnyRoom | undefined) => AnyRoom;
  /** Whether an id that is not the socket's own is taken for it. */
  readonly trustsIds: boolean;
  readonly version: (version: number, room: AnyRoom, message: Steps) => number;
  readonly steps: (steps: readonly StepJson[], room: AnyRoom) => readonly StepJson[];
  readonly applied: (applied: Applied, room: AnyRoom, steps: readonly StepJson[], schema: Schema) => Applied;
  /** Milliseconds that a batch waits before it is looked at. */
  readonly batchDelayMs: (steps: readonly StepJson[], room: AnyRoom) => number;

  // What goes out.
  /** What a receiver of accepted steps gets, in order; nothing is a loss. `index` of its user among the members. */
  readonly broadcast: (message: Steps & { readonly version: number }, room: AnyRoom, index: number) => readonly ServerMessage[];
  readonly broadcastDelayMs: (room: AnyRoom) => number;
  /** Whether the author gets its own steps. */
  readonly echoes: (room: AnyRoom) => boolean;
  /** Another room that gets them too. */
  readonly overhears: (room: AnyRoom, all: () => Iterable<AnyRoom>) => AnyRoom | undefined;
  /** What the room takes in after a batch, of itself. */
  readonly again: (room: AnyRoom, steps: readonly StepJson[]) => readonly StepJson[];
  readonly snapshot: (snapshot: DocSnapshot, room: AnyRoom, why: "join" | "refusal" | "request", to: Listener) => DocSnapshot;
  readonly history: (history: History, room: AnyRoom) => History;
  readonly error: (error: ErrorMessage, to: Listener) => ErrorMessage | undefined;
  /** The frame as it goes out. */
  readonly errorFrame: (frame: string, error: ErrorMessage) => string;

  // Who is there.
  readonly list: (users: ReadonlyMap<string, UserPresence>, room: AnyRoom) => ReadonlyMap<string, UserPresence>;
  readonly joinPresence: (presence: UserPresence | undefined) => UserPresence | undefined;
  readonly presence: (presence: UserPresence, room: AnyRoom) => UserPresence;
  readonly presenceMax: number;
  /** Whom a change of presence goes to besides all others. */
  readonly tellsMover: (room: AnyRoom) => boolean;
  readonly presenceMisses: (room: AnyRoom, index: number) => boolean;
  /** Whether a change brings the entries of everybody. */
  readonly sendsAll: (room: AnyRoom) => boolean;
  /** How often a leave is told; 0 for not at all. `code` of the close, undefined for a `leave`. */
  readonly leaveTold: (room: AnyRoom, code: number | undefined) => number;
  readonly joinTold: (room: AnyRoom) => number;
  /** Whether a socket whose user has left goes on hearing. */
  readonly hearsAfterLeave: boolean;
  /** Whether a presence is forgotten that was set this long ago. */
  readonly forgetsPresence: (ageMs: number) => boolean;
  readonly isSilent: (from: Listener, nowMs: number, silentMs: number) => boolean;
  /** Whether a room's document goes with its last member. */
  readonly forgetsEmptyRoom: boolean;
  /** Whether broadcasts wait for the slowest reader. */
  readonly waitsForSlow: boolean;
  readonly countsSteps: (count: number) => number;
  /** The server that a room is on, where there are several. */
  readonly shardOf: (room: string, shard: RoomShard | undefined) => number;
}

/** No fault at all. Entries of presence are taken up to 4 KiB of JSON (S-9). */
export const PRISTINE: Faults = {
  incoming: (parsed) => parsed,
  mayWriteUnjoined: () => false,
  destination: (_fields, room) => room,
  trustsIds: false,
  version: (version) => version,
  steps: (steps) => steps,
  applied: (applied) => applied,
  batchDelayMs: () => 0,
  broadcast: (message) => [message],
  broadcastDelayMs: () => 0,
  echoes: () => false,
  overhears: () => undefined,
  again: () => [],
  snapshot: (snapshot) => snapshot,
  history: (history) => history,
  error: (error) => error,
  errorFrame: (frame) => frame,
  list: (users) => users,
  joinPresence: (presence) => presence,
  presence: (presence) => presence,
  presenceMax: 4096,
  tellsMover: () => false,
  presenceMisses: () => false,
  sendsAll: () => false,
  leaveTold: () => 1,
  joinTold: () => 1,
  hearsAfterLeave: false,
  forgetsPresence: () => false,
  isSilent: (from, nowMs, silentMs) => nowMs - from.heardMs >= silentMs,
  forgetsEmptyRoom: false,
  waitsForSlow: false,
  countsSteps: (count) => count,
  shardOf: (room, shard) => shardOfRoom(room, shard?.count ?? 1),
};

export type { Parsed };
