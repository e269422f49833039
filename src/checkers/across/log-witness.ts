import type { OrderModel } from "../../core/binding.ts";
import {
  type ChunkWitness,
  type Elsewhere,
  type RefereeWish,
  type StreamWitness,
  WINDOW_ENTRIES_MAX,
  WINDOW_MEMBERS_MAX,
  type WindowEntry,
  type WindowWitness,
} from "../../core/witness.ts";
import type { LedgerAcross, SeenWrite } from "../ledger-types.ts";
import { type ChunkDigest, contentSum, createChunkDigest, isAnchor, writeName } from "./digest.ts";

interface Stream {
  readonly room: Room;
  readonly author: number | undefined;
  readonly digest: ChunkDigest;
  after: string;
  /** Of the room when the stream's last write came. */
  epoch: number;
  position: number;
  chunks: ChunkWitness[];
  last: SeenWrite | undefined;
  kept: WindowEntry[];
  /** The last write that was forgotten. */
  forgotten: string;
  isCut: boolean;
  isChanged: boolean;
}

interface Room {
  readonly name: string;
  /** Members that are in it now, by their numbers, and since when. */
  readonly members: Map<number, number>;
  readonly wrote: Map<number, number>;
  readonly states: Map<number, string>;
  readonly streams: Map<number, Stream>;
  lastWriteMs: number;
  /** Grows whenever nobody was there who must have everything. */
  epoch: number;
}

/** Of the stream of a whole room, which also stands, empty, where each author's writes are one: no author has this number. */
const EVERYBODY = -1;

/**
 * What one process has to tell a referee of the rooms that it shares with others: it is told by the ledger what its
 * members had first and in which order, and gives digests of it (see core/witness.ts), windows, and final states.
 * Constant work a write; memory: what the referee has not agreed to yet, at most WINDOW_ENTRIES_MAX a stream.
 */
export class LogWitness implements LedgerAcross {
  readonly #orderModel: OrderModel;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #elsewhere: Elsewhere;
  #startMs = 0;
  #isOver = false;

  constructor(orderModel: OrderModel, elsewhere: Elsewhere) {
    this.#orderModel = orderModel;
    this.#elsewhere = elsewhere;
  }

  /** The run's start on the clock of whoever tells: times are told from there. */
  startedAt(startMs: number): void {
    this.#startMs = startMs;
  }

  isMember(author: number, room: string): boolean {
    return this.#elsewhere.isMember(author, room);
  }

  joined(room: string, client: number, nowMs: number): void {
    if (this.#isOver) return;
    const entered = this.#room(room);
    entered.members.delete(client);
    entered.members.set(client, nowMs - this.#startMs);
    // Told also while it is empty: that this part has members there is what others are held against.
    this.#stream(entered, EVERYBODY).isChanged = true;
  }

  left(room: string, client: number): void {
    if (this.#isOver) return;
    this.#room(room).members.delete(client);
    this.#room(room).states.delete(client);
  }

  invoked(room: string, author: number, n: number): void {
    if (!this.#isOver) this.#room(room).wrote.set(author, n);
  }

  appended(name: string, write: SeenWrite): void {
    if (this.#isOver) return;
    const room = this.#room(name);
    if (!write.isUnbroken) room.epoch += 1;
    room.lastWriteMs = write.firstMs;
    const stream = this.#stream(room, this.#orderModel === "perAuthor" ? write.author : EVERYBODY);
    if (stream.epoch !== room.epoch) {
      if (stream.digest.count > 0) this.#close(stream, "");
      if (stream.position > 0) stream.after = `~${room.epoch}`;
      stream.epoch = room.epoch;
    }
    const { author, n, content } = write;
    stream.digest.add(author, n, content);
    stream.position += 1;
    stream.isChanged = true;
    stream.last = write;
    stream.kept.push({
      author,
      n,
      atMs: tenths(write.firstMs - this.#startMs),
      ...(write.invokedMs === undefined ? {} : { sentMs: tenths(write.invokedMs - this.#startMs) }),
      ...(content === undefined ? {} : { content: contentSum(content) }),
      ...(write.isLoose ? { isLoose: true } : {}),
    });
    if (stream.kept.length > WINDOW_ENTRIES_MAX) {
      forget(stream, Math.floor(stream.kept.length / 2));
      stream.isCut = true;
    }
    if (!isAnchor(author, n, this.#orderModel)) return;
    const anchor = writeName(author, n);
    this.#close(stream, anchor);
    stream.after = anchor;
  }

  /** A state that a member was shown on request, asked for at `askedMs`. */
  state(name: string, client: number, text: string, askedMs: number): void {
    if (this.#isOver) return;
    const room = this.#room(name);
    if (askedMs >= room.lastWriteMs) room.states.set(client, text);
    else room.states.delete(client);
  }

  finished(): void {
    this.#isOver = true;
  }

  /** What is new since the last call. */
  take(): readonly StreamWitness[] {
    const told: StreamWitness[] = [];
    for (const room of this.#rooms.values()) {
      for (const stream of room.streams.values()) {
        if (!stream.isChanged) continue;
        told.push(this.#told(room, stream));
        stream.isChanged = false;
      }
    }
    return told;
  }

  /** The last word: every stream with what came after its last anchor, and the state that its members were shown. */
  takeLast(): readonly StreamWitness[] {
    const told: StreamWitness[] = [];
    for (const room of this.#rooms.values()) {
      const state = mostCommon(room.states.values());
      for (const stream of room.streams.values()) {
        this.#close(stream, "");
        told.push({ ...this.#told(room, stream), ...(state === undefined ? {} : { state }) });
      }
    }
    return told;
  }

  /** Forgets what all parts agree on. */
  agreed(wish: RefereeWish["agreed"]): void {
    for (const { room, author, upTo } of wish) {
      const stream = this.#rooms.get(room)?.streams.get(author ?? EVERYBODY);
      const place = stream?.kept.findIndex((each) => writeName(each.author, each.n) === upTo) ?? -1;
      if (stream !== undefined && place >= 0) forget(stream, place + 1);
    }
  }

  windows(wish: RefereeWish["show"]): readonly WindowWitness[] {
    return wish.flatMap(({ room: name, author }) => {
      const room = this.#rooms.get(name);
      if (room === undefined) return [];
      const stream = room.streams.get(author ?? EVERYBODY);
      return {
        room: name,
        ...(author === undefined ? {} : { author }),
        after: stream?.forgotten ?? "",
        entries: [...(stream?.kept ?? [])],
        members: [...room.members].slice(0, WINDOW_MEMBERS_MAX).map(([client, sinceMs]) => ({ client, sinceMs: tenths(sinceMs) })),
        wrote: [...room.wrote].map(([who, n]) => ({ author: who, n })),
        isCut: stream?.isCut ?? false,
      };
    });
  }

  #told(room: Room, stream: Stream): StreamWitness {
    const { author, position, chunks } = stream;
    stream.chunks = [];
    const shards = this.#elsewhere.shardsOf(room.name);
    return { room: room.name, ...(author === undefined ? {} : { author }), shards, members: room.members.size, position, chunks };
  }

  #close(stream: Stream, upTo: string): void {
    const { last } = stream;
    stream.chunks.push({
      after: stream.after,
      upTo,
      ...stream.digest.take(),
      atMs: last === undefined ? 0 : tenths(last.firstMs - this.#startMs),
      ...(last?.plannedMs === undefined ? {} : { plannedMs: tenths(last.plannedMs - this.#startMs) }),
    });
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      room = { name, members: new Map(), wrote: new Map(), states: new Map(), streams: new Map(), lastWriteMs: -Infinity, epoch: 0 };
      this.#rooms.set(name, room);
    }
    return room;
  }

  #stream(room: Room, key: number): Stream {
    let stream = room.streams.get(key);
    if (stream === undefined) {
      stream = {
        room,
        author: key === EVERYBODY ? undefined : key,
        digest: createChunkDigest(),
        after: "",
        epoch: room.epoch,
        position: 0,
        chunks: [],
        last: undefined,
        kept: [],
        forgotten: "",
        isCut: false,
        isChanged: true,
      };
      room.streams.set(key, stream);
    }
    return stream;
  }
}

/** Lets the first writes go. */
function forget(stream: Stream, count: number): void {
  const last = stream.kept.splice(0, count).at(-1);
  if (last !== undefined) stream.forgotten = writeName(last.author, last.n);
}

function mostCommon(texts: Iterable<string>): string | undefined {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  let best: string | undefined;
  for (const [text, count] of counts) if (best === undefined || count > (counts.get(best) ?? 0)) best = text;
  return best;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
