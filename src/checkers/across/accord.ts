import type { OrderModel } from "../../core/binding.ts";
import type { CheckerOutcome, Finding, Property } from "../../core/checker.ts";
import type { ChunkWitness, RefereeWish, StreamWitness, WindowWitness } from "../../core/witness.ts";
import { Breaches } from "../breaches.ts";
import { judgeWindows } from "./windows.ts";

export interface AccordOptions {
  readonly orderModel: OrderModel;
  /** The shard that plays a client. */
  readonly homeOf: (author: number) => number;
  /** How far a shard's clock may be off; Infinity when that was not measured. */
  readonly boundMs: (shard: number) => number;
  /** A write came to another shard than its author's so long after its plan; `boundMs` of both clocks together. */
  readonly onLatency?: (latencyMs: number, boundMs: number) => void;
}

/** What the shards of a run say together. */
export interface AccordVerdict {
  readonly outcomes: readonly CheckerOutcome[];
  /** Deliveries that had to happen and that no shard alone could miss. */
  readonly lost: number;
  /** Writes that more than one shard told of, and that were held against each other. */
  readonly compared: number;
  /** Looks that were taken at windows. */
  readonly looks: number;
}

/** Chunks of one stream that wait for the other shards: with 32 writes each, 8,192 writes. */
const CHUNKS_MAX = 256;

/** Streams of all rooms together: half a kilobyte each. */
const STREAMS_MAX = 1_000_000;

/** Looks at windows in one run: each costs a few hundred kilobytes on the wire, and tells what the ones before told. */
const LOOKS_MAX = 500;

/** Chunks that all agreed on and that are kept to hold a late shard's against. */
const SETTLED_MAX = 16;

/** No author has this number: the stream of a whole room. */
const EVERYBODY = -1;

interface Held {
  readonly chunk: ChunkWitness;
  /** Who told it, and at which tick. */
  readonly by: Map<number, number>;
}

interface Stream {
  readonly room: Room;
  readonly author: number | undefined;
  readonly held: Map<string, Held>;
  readonly settled: Map<string, ChunkWitness>;
  /** Windows that have come; undefined while none are wanted. */
  windows: Map<number, { readonly window: WindowWitness; /** Told after its last word. */ readonly isLast: boolean }> | undefined;
  /** Nothing is common to all shards: it can be judged at the end only. */
  isForTheEnd: boolean;
}

interface Room {
  readonly name: string;
  /** Shards that have told of members there. */
  readonly shards: Set<number>;
  /** How many there are by the plan. */
  planned: number;
  readonly states: Map<number, string>;
  readonly streams: Map<number, Stream>;
}

interface Wishes {
  agreed: { room: string; author?: number; upTo: string }[];
  show: { room: string; author?: number }[];
}

/**
 * Holds against each other what the shards of one run saw of the rooms that they share. Digests are compared as they
 * come; where two differ, the shards are asked for their windows, and only those give findings. Bounded: what all
 * shards agree on is forgotten, here and there.
 */
export class Accord {
  readonly #options: AccordOptions;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #gone: Set<number> = new Set();
  readonly #last: Set<number> = new Set();
  readonly #wishes: Map<number, Wishes> = new Map();
  readonly #breaches = new Breaches();
  #tick = 0;
  #hasEnded = false;
  #streams = 0;
  #asking = 0;
  #looks = 0;
  #lost = 0;
  #compared = 0;
  #bound: string | undefined;

  constructor(options: AccordOptions) {
    this.#options = options;
  }

  /** What a shard tells at a checkpoint. */
  take(shard: number, streams: readonly StreamWitness[]): void {
    if (this.#gone.has(shard)) return;
    for (const told of streams) this.#takeStream(shard, told);
  }

  /** What it tells at the end, with what the end has cut off. */
  takeLast(shard: number, streams: readonly StreamWitness[]): void {
    this.take(shard, streams);
    this.#last.add(shard);
  }

  /** A shard is no more: it is waited for no longer. */
  gone(shard: number): void {
    this.#gone.add(shard);
    this.#wishes.delete(shard);
    for (const room of this.#rooms.values()) for (const stream of room.streams.values()) this.#judgeIfComplete(stream);
  }

  /** Every shard that is left has told its last: from now on what is not agreed on is looked at. */
  end(): void {
    this.#hasEnded = true;
    for (const room of this.#rooms.values()) {
      for (const stream of room.streams.values()) {
        if (stream.windows === undefined) this.#endStream(stream);
        else this.#judgeIfComplete(stream);
      }
    }
  }

  /** Windows are still wanted. */
  get isAsking(): boolean {
    return this.#asking > 0;
  }

  windows(shard: number, windows: readonly WindowWitness[]): void {
    for (const window of windows) {
      const stream = this.#rooms.get(window.room)?.streams.get(window.author ?? EVERYBODY);
      if (stream?.windows === undefined || !stream.room.shards.has(shard)) continue;
      stream.windows.set(shard, { window, isLast: this.#last.has(shard) });
      this.#judgeIfComplete(stream);
    }
  }

  /** What this shard is to be told; each wish is given once. */
  wishOf(shard: number): RefereeWish {
    const wishes = this.#wishes.get(shard) ?? { agreed: [], show: [] };
    this.#wishes.delete(shard);
    return wishes;
  }

  finish(): AccordVerdict {
    for (const room of this.#rooms.values()) this.#judgeStates(room);
    const rooms = [...this.#rooms.values()].filter(({ states }) => states.size > 1).length;
    const outcome = (property: Property, judged: number): CheckerOutcome => ({
      property,
      judged,
      ...this.#breaches.of(property),
      ...(this.#bound === undefined ? {} : { inconclusiveBecause: this.#bound }),
    });
    return {
      outcomes: [
        outcome("delivery", this.#compared),
        outcome("order", this.#compared),
        outcome("isolation", this.#compared),
        outcome("convergence", rooms),
      ],
      lost: this.#lost,
      compared: this.#compared,
      looks: this.#looks,
    };
  }

  #endStream(stream: Stream): void {
    for (const [key, held] of stream.held) if (this.#waitsFor(stream, held, true).length === 0) this.#settle(stream, key, held);
    stream.isForTheEnd = false;
    if (stream.held.size > 0) this.#ask(stream);
  }

  #takeStream(shard: number, told: StreamWitness): void {
    const room = this.#room(told.room);
    const stream = room === undefined ? undefined : this.#stream(room, told.author);
    if (room === undefined || stream === undefined) return;
    if (told.members > 0 || told.position > 0) this.#enter(room, shard);
    room.planned = Math.max(room.planned, told.shards);
    if (told.state !== undefined) room.states.set(shard, told.state);
    for (const chunk of told.chunks) this.#takeChunk(shard, stream, chunk);
  }

  #enter(room: Room, shard: number): void {
    if (room.shards.has(shard)) return;
    room.shards.add(shard);
    for (const stream of room.streams.values()) if (stream.windows !== undefined) this.#wish(shard).show.push(placeOf(stream));
  }

  #takeChunk(shard: number, stream: Stream, chunk: ChunkWitness): void {
    this.#tick += 1;
    const settled = stream.settled.get(chunk.after);
    if (settled !== undefined && isAlike(settled, chunk)) {
      if (chunk.upTo !== "" && stream.windows === undefined && !stream.isForTheEnd)
        this.#wish(shard).agreed.push({ ...placeOf(stream), upTo: chunk.upTo });
      return;
    }
    const held = stream.held.get(chunk.after) ?? { chunk, by: new Map<number, number>() };
    if (!isAlike(held.chunk, chunk)) return this.#ask(stream);
    if (held.by.size === 0 && stream.held.size >= CHUNKS_MAX)
      return this.#bounded(`a shard was ${CHUNKS_MAX} chunks behind the others in room ${stream.room.name}`);
    const [first] = held.by.keys();
    if (first !== undefined) this.#time(held.chunk, first, chunk, shard);
    held.by.set(shard, this.#tick);
    stream.held.set(chunk.after, held);
    if (this.#waitsFor(stream, held, false).length === 0) this.#settle(stream, chunk.after, held);
  }

  /** Latency of the write that ends a chunk, where one side planned it and the other received it. */
  #time(one: ChunkWitness, oneShard: number, other: ChunkWitness, otherShard: number): void {
    const { onLatency, boundMs } = this.#options;
    const bound = boundMs(oneShard) + boundMs(otherShard);
    if (onLatency === undefined || !Number.isFinite(bound) || one.upTo === "") return;
    if (one.plannedMs !== undefined && other.plannedMs === undefined) onLatency(other.atMs - one.plannedMs, bound);
    else if (other.plannedMs !== undefined && one.plannedMs === undefined) onLatency(one.atMs - other.plannedMs, bound);
  }

  /** The shards that have not told of this chunk and should; at the end those that are there, before it those that are planned. */
  #waitsFor(stream: Stream, held: Held, isEnd: boolean): readonly number[] {
    const { room, author } = stream;
    const missing = [...room.shards].filter((shard) => {
      if (held.by.has(shard) || this.#gone.has(shard)) return false;
      // Where authors hear nothing of their own, their shard may have nobody else to hear it.
      return author === undefined || this.#options.homeOf(author) !== shard;
    });
    if (isEnd) return missing;
    const own = author !== undefined && !held.by.has(this.#options.homeOf(author)) ? 1 : 0;
    return missing.length > 0 || held.by.size + this.#gone.size + own >= room.planned ? missing : [EVERYBODY];
  }

  #settle(stream: Stream, key: string, held: Held): void {
    stream.held.delete(key);
    if (held.by.size > 1) this.#compared += held.chunk.count;
    stream.settled.set(key, held.chunk);
    for (const oldest of stream.settled.keys())
      if (stream.settled.size > SETTLED_MAX) stream.settled.delete(oldest);
      else break;
    for (const other of stream.held.values())
      for (const [shard, tick] of other.by) if (tick < (held.by.get(shard) ?? -1)) return this.#ask(stream);
    // What stands before something unsettled is still needed.
    if (held.chunk.upTo !== "" && stream.windows === undefined && !stream.isForTheEnd) this.#wishAgreed(stream, held.chunk.upTo);
  }

  #ask(stream: Stream): void {
    if (stream.windows !== undefined || stream.isForTheEnd) return;
    if (this.#looks >= LOOKS_MAX)
      return this.#bounded(`the shards differ in more places than the ${LOOKS_MAX} that were looked at`, () => stream.held.clear());
    this.#looks += 1;
    this.#asking += 1;
    stream.windows = new Map();
    for (const shard of stream.room.shards) if (!this.#gone.has(shard)) this.#wish(shard).show.push(placeOf(stream));
  }

  #judgeIfComplete(stream: Stream): void {
    const { windows, room } = stream;
    if (windows === undefined) return;
    // A shard that has not told yet may have written what another lacks: without it nobody knows when that was sent.
    if (!this.#hasEnded && new Set([...room.shards, ...this.#gone]).size < room.planned) return;
    for (const shard of room.shards) if (!windows.has(shard) && !this.#gone.has(shard)) return;
    stream.windows = undefined;
    this.#asking -= 1;
    const isFinal = [...windows.values()].every(({ isLast }) => isLast);
    const { homeOf, boundMs } = this.#options;
    const verdict = judgeWindows(new Map([...windows].map(([shard, { window }]) => [shard, window])), { homeOf, boundMs, isFinal });
    for (const finding of verdict.findings) this.#found(finding);
    this.#lost += verdict.lost;
    if (verdict.inconclusiveBecause !== undefined) this.#bounded(verdict.inconclusiveBecause);
    if (windows.size > 1) this.#compared += verdict.judged.size;
    if (isFinal) return stream.held.clear();
    if (verdict.upTo === undefined) stream.isForTheEnd = true;
    else {
      this.#wishAgreed(stream, verdict.upTo);
      for (const [key, { chunk }] of stream.held) if (verdict.judged.has(chunk.upTo)) stream.held.delete(key);
    }
    if (this.#hasEnded) this.#endStream(stream);
  }

  #judgeStates({ name, states }: Room): void {
    const [first, ...others] = states;
    if (first === undefined) return;
    for (const [shard, state] of others) {
      if (state === first[1]) continue;
      this.#found({
        property: "convergence",
        reason: "diverged",
        room: name,
        client: 0,
        expected: `state ${first[1]}, as at the members of shard ${first[0] + 1}`,
        seen: `state ${state} at the members of shard ${shard + 1}`,
        witness: [
          { atMs: 0, from: "server", to: `members of shard ${first[0] + 1}`, label: `at the end: ${first[1]}` },
          { atMs: 0, from: "server", to: `members of shard ${shard + 1}`, label: `at the end: ${state}`, isBad: true },
        ],
      });
    }
  }

  #found({ witness, ...finding }: Finding): void {
    this.#breaches.add(finding, () => witness);
  }

  #bounded(why: string, act: () => void = () => undefined): void {
    this.#bound ??= why;
    act();
  }

  #wishAgreed(stream: Stream, upTo: string): void {
    for (const shard of stream.room.shards) if (!this.#gone.has(shard)) this.#wish(shard).agreed.push({ ...placeOf(stream), upTo });
  }

  #wish(shard: number): Wishes {
    let wishes = this.#wishes.get(shard);
    if (wishes === undefined) this.#wishes.set(shard, (wishes = { agreed: [], show: [] }));
    return wishes;
  }

  #room(name: string): Room | undefined {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = { name, shards: new Set(), planned: 0, states: new Map(), streams: new Map() };
      this.#rooms.set(name, room);
    }
    return room;
  }

  #stream(room: Room, author: number | undefined): Stream | undefined {
    let stream = room.streams.get(author ?? EVERYBODY);
    if (stream !== undefined) return stream;
    if (this.#streams >= STREAMS_MAX) {
      this.#bounded(`more than ${STREAMS_MAX} streams`);
      return undefined;
    }
    this.#streams += 1;
    stream = { room, author, held: new Map(), settled: new Map(), windows: undefined, isForTheEnd: false };
    room.streams.set(author ?? EVERYBODY, stream);
    return stream;
  }
}

function placeOf({ room, author }: Stream): { readonly room: string; readonly author?: number } {
  return { room: room.name, ...(author === undefined ? {} : { author }) };
}

function isAlike(one: ChunkWitness, other: ChunkWitness): boolean {
  return (
    one.upTo === other.upTo &&
    one.count === other.count &&
    one.order === other.order &&
    one.set === other.set &&
    (one.content === undefined || other.content === undefined || one.content === other.content)
  );
}
