import type { CheckerOutcome, Panel } from "../core/checker.ts";
import type { Entry, Ledger } from "../core/ledger.ts";
import type { Marker } from "../core/marker.ts";
import type { Delivered, Detail, Observation } from "../core/observation.ts";
import { RecordingFault } from "./chunk-reader.ts";
import { detailOf } from "./detail.ts";
import { ACTS, EVENT, FAULT_SIGNALS, FRAMES_BACK_MAX, HAS, MARKER, milliseconds, PRESENCES } from "./format.ts";

/** What a `second` event says. */
export interface RecordedSecond {
  readonly t: number;
  readonly clients: number;
  readonly sent: number;
  readonly loopLagMs: number;
}

export interface ReplayOptions {
  readonly run: string;
  readonly originMs: number;
  /** Clients are numbered below this. */
  readonly clients: number;
  /** Its slots are the clients' numbers. */
  readonly ledger: Ledger<Uint8Array>;
  readonly panel: Panel;
  readonly onSecond: (second: RecordedSecond) => void;
}

interface Frame {
  readonly delivery: Delivered;
  readonly marker: Marker;
  /** The ledger's own copy where it has one, which it recognises without comparing. */
  readonly bytes: Uint8Array | undefined;
}

type Told<T> = { -readonly [key in keyof T]: T[key] };

interface Room {
  readonly name: string;
  count: number;
  /** The latest frames, frame `mark` at `mark % FRAMES_BACK_MAX`. */
  readonly frames: Frame[];
}

/** Tells a ledger and a panel of checkers what a recording holds, as the engine told it to those of the live run. */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #rooms: Room[] = [];
  readonly #roomOf: (Room | undefined)[];
  readonly #last: Float64Array;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #us = 0;
  #client = 0;
  #frame: Uint8Array | undefined;
  #events = 0;
  #outcomes: readonly CheckerOutcome[] | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#roomOf = Array.from({ length: options.clients }, () => undefined);
    this.#last = new Float64Array(options.clients);
  }

  /** Events taken so far. */
  get events(): number {
    return this.#events;
  }

  /** Undefined as long as the recording has not come to its verdict. */
  get outcomes(): readonly CheckerOutcome[] | undefined {
    return this.#outcomes;
  }

  /** Judges what there is of a recording that ends before its verdict. */
  cutShort(): readonly CheckerOutcome[] {
    return this.#outcomes ?? this.#finish();
  }

  /**
   * Takes one chunk of events.
   * @throws RecordingFault where they are none that a recorder writes.
   */
  take(chunk: Buffer): void {
    this.#bytes = chunk;
    this.#at = 0;
    while (this.#at < chunk.length) {
      if (this.#outcomes !== undefined) throw new RecordingFault("it goes on after its verdict");
      this.#event(this.#byte());
      this.#events += 1;
    }
  }

  #event(kind: number): void {
    const { ledger } = this.#options;
    switch (kind) {
      case EVENT.same:
        this.#who();
        return this.#same((this.#last[this.#client] ?? 0) + 1);
      case EVENT.sameAt: {
        this.#who();
        return this.#same(this.#room().count - this.#whole());
      }
      case EVENT.delivered:
        this.#who();
        return this.#delivered();
      case EVENT.alike:
        this.#who();
        return this.#alike();
      case EVENT.write: {
        this.#who();
        const n = this.#whole();
        return ledger.invoked(this.#client, n, this.#ms(this.#us - this.#signed()), this.#nowMs());
      }
      case EVENT.accepted:
        this.#who();
        return ledger.accepted(this.#client, this.#whole(), undefined, this.#nowMs());
      case EVENT.rejected:
        this.#who();
        return ledger.rejected(this.#client, this.#whole());
      case EVENT.snapshot:
        this.#who();
        return ledger.snapshot(this.#client, this.#marker(), this.#nowMs());
      case EVENT.finalState:
        this.#who();
        return ledger.finalState(this.#client, this.#marker());
      case EVENT.joined: {
        this.#who();
        const room = this.#roomAt(this.#whole());
        this.#roomOf[this.#client] = room;
        this.#last[this.#client] = room.count;
        return ledger.joined(this.#client, this.#client, room.name, this.#nowMs());
      }
      case EVENT.left:
        this.#who();
        this.#roomOf[this.#client] = undefined;
        return ledger.left(this.#client, this.#nowMs());
      case EVENT.room:
        this.#rooms.push({ name: this.#text(), count: 0, frames: [] });
        return;
      case EVENT.second:
        return this.#options.onSecond({ t: this.#whole(), clients: this.#whole(), sent: this.#whole(), loopLagMs: this.#double() });
      case EVENT.fault:
        // A mark for whoever reads the history: what it led to is told by the others.
        this.#who();
        this.#one(FAULT_SIGNALS);
        this.#whole();
        return;
      case EVENT.restarted:
        this.#who();
        return ledger.restarted();
      case EVENT.judged:
        this.#who();
        this.#finish();
        return;
      default:
        return this.#observation(kind);
    }
  }

  #finish(): readonly CheckerOutcome[] {
    const nowMs = this.#nowMs();
    this.#outcomes = [...this.#options.ledger.finish(nowMs), ...this.#options.panel.finish(nowMs)];
    return this.#outcomes;
  }

  #observation(kind: number): void {
    this.#who();
    const atMs = this.#nowMs();
    const client = this.#client;
    const room = this.#roomAt(this.#whole()).name;
    const { panel, originMs } = this.#options;
    switch (kind) {
      case EVENT.observed:
        return panel.observe({ ...this.#detail(originMs), atMs, client, room });
      case EVENT.invoked: {
        const op = this.#signed();
        const act = this.#one(ACTS);
        const plannedMs = this.#ms(this.#us - this.#signed());
        const marker = this.#marker();
        const invoked: Told<Observation & { kind: "invoked" }> = { kind: "invoked", op, act, plannedMs, atMs, client, room };
        if (marker !== undefined) invoked.marker = marker;
        return panel.observe(invoked);
      }
      case EVENT.presence: {
        const event = this.#one(PRESENCES);
        const user = this.#text();
        const count = this.#whole();
        return panel.observe({ kind: "presence", event, user, ...(count === 0 ? {} : { count: count - 1 }), atMs, client, room });
      }
      default:
        this.#damaged(`an event of the unknown kind ${kind}`);
    }
  }

  #detail(originMs: number): Detail {
    const text = this.#text();
    try {
      return detailOf(text, originMs);
    } catch {
      return this.#damaged("an observation that is none");
    }
  }

  #same(mark: number): void {
    const { delivery, bytes } = this.#frameAt(this.#room(), mark);
    this.#last[this.#client] = mark;
    this.#receive(delivery, bytes, true);
  }

  #alike(): void {
    const room = this.#room();
    const mark = room.count - this.#whole();
    const frame = this.#frameAt(room, mark);
    const has = this.#byte();
    const { run, author, n } = frame.marker;
    const marker = { run, author, n, intact: (has & HAS.intact) !== 0 };
    const delivery: Told<Delivered> = { kind: "delivered", marker, content: frame.delivery.content };
    if ((has & HAS.author) !== 0) delivery.author = this.#text();
    if ((has & HAS.position) !== 0) delivery.position = this.#double();
    const bytes = (has & HAS.bytes) === 0 ? undefined : frame.bytes;
    this.#last[this.#client] = Math.max(this.#last[this.#client] ?? 0, mark);
    this.#frame = bytes;
    this.#receive(delivery, bytes, true);
  }

  #delivered(): void {
    const has = this.#byte();
    const marker = (has & HAS.marker) === 0 ? undefined : this.#marker();
    const delivery: Told<Delivered> = { kind: "delivered", content: this.#text() };
    if (marker !== undefined) delivery.marker = marker;
    if ((has & HAS.author) !== 0) delivery.author = this.#text();
    if ((has & HAS.position) !== 0) delivery.position = this.#double();
    const isSameFrame = (has & HAS.sameFrame) !== 0;
    if (!isSameFrame) this.#frame = (has & HAS.bytes) === 0 ? undefined : this.#raw();
    const bytes = this.#frame;
    const kept = this.#receive(delivery, bytes, !isSameFrame)?.bytes;
    if ((has & HAS.numbered) === 0) return;
    if (marker === undefined) this.#damaged("a numbered frame without a marker");
    const room = this.#room();
    room.count += 1;
    const isKept = bytes !== undefined && kept !== undefined && Buffer.compare(bytes, kept) === 0;
    room.frames[room.count % FRAMES_BACK_MAX] = { delivery, marker, bytes: isKept ? kept : bytes?.slice() };
    this.#last[this.#client] = room.count;
  }

  /** As the engine does: the ledger is asked first whether it recognises the frame. */
  #receive(delivery: Delivered, bytes: Uint8Array | undefined, isNewFrame: boolean): Entry<Uint8Array> | undefined {
    const { ledger } = this.#options;
    const nowMs = this.#nowMs();
    const known = isNewFrame && bytes !== undefined ? ledger.recognise(this.#client, bytes, 0, bytes.length, nowMs) : undefined;
    return known ?? ledger.delivered(this.#client, delivery, undefined, bytes, nowMs);
  }

  #room(): Room {
    return this.#roomOf[this.#client] ?? this.#damaged(`client ${this.#client} is in no room`);
  }

  #roomAt(id: number): Room {
    return this.#rooms[id] ?? this.#damaged(`room ${id} was never named`);
  }

  #frameAt(room: Room, mark: number): Frame {
    const frame = mark > 0 && mark <= room.count && room.count - mark < FRAMES_BACK_MAX ? room.frames[mark % FRAMES_BACK_MAX] : undefined;
    return frame ?? this.#damaged(`frame ${mark} is not there`);
  }

  #who(): void {
    const client = this.#whole();
    if (client >= this.#options.clients) this.#damaged(`client ${client} of ${this.#options.clients}`);
    this.#client = client;
    this.#us += this.#signed();
  }

  #nowMs(): number {
    return this.#ms(this.#us);
  }

  #ms(us: number): number {
    return milliseconds(us, this.#options.originMs);
  }

  #byte(): number {
    const value = this.#bytes[this.#at++];
    return value === undefined ? this.#damaged("an event that ends too soon") : value;
  }

  #whole(): number {
    let byte = this.#bytes[this.#at++] ?? 0;
    let value = byte & 127;
    for (let factor = 128; byte >= 128; factor *= 128) {
      byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 127) * factor;
    }
    return this.#at > this.#bytes.length ? this.#damaged("an event that ends too soon") : value;
  }

  #signed(): number {
    const value = this.#whole();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #double(): number {
    this.#needs(8);
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  #text(): string {
    const length = this.#whole();
    this.#needs(length);
    const text = this.#bytes.toString("utf8", this.#at, this.#at + length);
    this.#at += length;
    return text;
  }

  #raw(): Uint8Array {
    const length = this.#whole();
    this.#needs(length);
    // No Buffer, whose `slice` does not copy: the ledger keeps its own.
    const bytes = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length);
    this.#at += length;
    return bytes;
  }

  #one<T>(values: readonly T[]): T {
    return values[this.#byte()] ?? this.#damaged("an unknown word");
  }

  #marker(): Marker | undefined {
    const says = this.#byte();
    if ((says & MARKER.present) === 0) return undefined;
    const run = (says & MARKER.foreign) === 0 ? this.#options.run : this.#text();
    const isWide = (says & MARKER.wide) !== 0;
    const author = isWide ? this.#double() : this.#whole();
    const n = isWide ? this.#double() : this.#whole();
    return { run, author, n, intact: (says & MARKER.intact) !== 0 };
  }

  #needs(length: number): void {
    if (this.#at + length > this.#bytes.length) this.#damaged("an event that ends too soon");
  }

  #damaged(what: string): never {
    throw new RecordingFault(`it is damaged: ${what} (event ${this.#events + 1})`);
  }
}
