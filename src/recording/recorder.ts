import type { Panel } from "../core/checker.ts";
import type { FaultSignal } from "../core/fault.ts";
import type { Ledger } from "../core/ledger.ts";
import type { Marker } from "../core/marker.ts";
import type { Delivered, Detail, Observation } from "../core/observation.ts";
import { detailText } from "./detail.ts";
import { EventBuffer, type Sink } from "./event-buffer.ts";
import { ACTS, EVENT, FAULT_SIGNALS, HAS, MARKER, microseconds, milliseconds, PRESENCES } from "./format.ts";
import { RecordingLedger } from "./recording-ledger.ts";

/** A room of the recording. */
export interface RecordedRoom {
  readonly id: number;
  /** Frames numbered so far, 1…count. */
  count: number;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * Stands between a shard and its judges and writes down all that they are told, in the order told. Times are rounded
 * to the recording's microseconds before anybody sees them, so that the live run and the recording are judged on the
 * same numbers. Stops at the verdict.
 */
export class Recorder {
  readonly #events: EventBuffer;
  readonly #run: string;
  readonly #originMs: number;
  readonly #ids: Map<string, number> = new Map();
  readonly #rooms: Map<string, RecordedRoom> = new Map();
  #us = 0;
  #count = 0;
  #isOver = false;
  #frame: Uint8Array | undefined;

  constructor(options: { readonly sink: Sink; readonly run: string; readonly originMs: number }) {
    this.#events = new EventBuffer(options.sink);
    this.#run = options.run;
    this.#originMs = options.originMs;
  }

  /** Events written. */
  get events(): number {
    return this.#count;
  }

  /** Why events are missing; undefined when none are. */
  get lost(): string | undefined {
    return this.#events.lost;
  }

  /** Hands over what is still in hand. */
  flush(): void {
    this.#events.flush();
  }

  ledger(inner: Ledger<Uint8Array>, slots: number): Ledger<Uint8Array> {
    return new RecordingLedger(this, inner, slots);
  }

  panel(inner: Panel): Panel {
    return {
      observe: (observation) => inner.observe(this.#observe(observation)),
      finish: (nowMs) => inner.finish(this.time(nowMs)),
    };
  }

  /** One second of the run has passed. */
  second(second: { readonly t: number; readonly clients: number; readonly sent: number; readonly loopLagMs: number }): void {
    if (!this.begin(EVENT.second)) return;
    this.#events.whole(second.t);
    this.#events.whole(second.clients);
    this.#events.whole(second.sent);
    this.#events.double(second.loopLagMs);
  }

  /** A fault of the run's plan has come or gone, by its id in the header; the last one is the heal. */
  fault(signal: FaultSignal, nowMs: number): void {
    if (!this.begin(EVENT.fault)) return;
    this.who(0, nowMs);
    this.#events.byte(FAULT_SIGNALS.indexOf(signal.kind));
    this.#events.whole(signal.kind === "healed" ? 0 : signal.fault);
  }

  /** The server was started anew, and keeps nothing of before. */
  restarted(): void {
    if (this.begin(EVENT.restarted)) this.who(0, this.nowMs);
  }

  /** A time as the recording has it. */
  time(nowMs: number): number {
    return milliseconds(microseconds(nowMs, this.#originMs), this.#originMs);
  }

  begin(kind: number, payload = 0): boolean {
    if (this.#isOver || !this.#events.begin(kind, payload)) return false;
    this.#count += 1;
    return true;
  }

  /** Client and time, with which nearly all events begin. */
  who(client: number, nowMs: number): void {
    const us = microseconds(nowMs, this.#originMs);
    this.#events.whole(client);
    this.#events.signed(us - this.#us);
    this.#us = us;
  }

  room(name: string): RecordedRoom {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const room: RecordedRoom = { id: this.#idOf(name), count: 0 };
    this.#rooms.set(name, room);
    return room;
  }

  joined(client: number, room: RecordedRoom, nowMs: number): void {
    if (!this.begin(EVENT.joined)) return;
    this.who(client, nowMs);
    this.#events.whole(room.id);
  }

  counted(kind: number, client: number, n: number, nowMs: number): void {
    if (!this.begin(kind)) return;
    this.who(client, nowMs);
    this.#events.whole(n);
  }

  write(client: number, n: number, plannedMs: number, nowMs: number): void {
    if (!this.begin(EVENT.write)) return;
    this.who(client, nowMs);
    this.#events.whole(n);
    this.#events.signed(this.#us - microseconds(plannedMs, this.#originMs));
  }

  left(client: number, nowMs: number): void {
    if (this.begin(EVENT.left)) this.who(client, nowMs);
  }

  /** The frame numbered `mark` of the client's room, which is the one after `last` as a rule. */
  same(client: number, room: RecordedRoom, mark: number, last: number, nowMs: number): void {
    const isNext = mark === last + 1;
    if (!this.begin(isNext ? EVENT.same : EVENT.sameAt)) return;
    this.who(client, nowMs);
    if (!isNext) this.#events.whole(room.count - mark);
  }

  delivered(client: number, delivery: Delivered, bytes: Uint8Array | undefined, isNumbered: boolean, nowMs: number): void {
    const { author, position, marker, content } = delivery;
    const isSameFrame = this.isInHand(bytes);
    this.#frame = bytes;
    const shown = isSameFrame ? undefined : bytes;
    const payload = 3 * (content.length + (author?.length ?? 0) + (marker?.run.length ?? 0)) + (shown?.length ?? 0);
    if (!this.begin(EVENT.delivered, payload)) return;
    this.who(client, nowMs);
    this.#events.byte(
      (author === undefined ? 0 : HAS.author) |
        (position === undefined ? 0 : HAS.position) |
        (shown === undefined ? 0 : HAS.bytes) |
        (isSameFrame ? HAS.sameFrame : 0) |
        (isNumbered ? HAS.numbered : 0) |
        (marker === undefined ? 0 : HAS.marker),
    );
    if (marker !== undefined) this.#marker(marker);
    this.#events.text(content);
    if (author !== undefined) this.#events.text(author);
    if (position !== undefined) this.#events.double(position);
    if (shown !== undefined) this.#events.raw(shown);
  }

  /** Whether these are the bytes of the delivery before: another write of the same frame, which no ledger is asked for again. */
  isInHand(bytes: Uint8Array | undefined): boolean {
    return bytes !== undefined && bytes === this.#frame;
  }

  /** What the numbered frame held, decoded anew; with its bytes when they are equal. */
  alike(client: number, room: RecordedRoom, mark: number, delivery: Delivered, bytes: Uint8Array | undefined, nowMs: number): void {
    const { author, position } = delivery;
    this.#frame = bytes;
    if (!this.begin(EVENT.alike, 3 * (author?.length ?? 0))) return;
    this.who(client, nowMs);
    this.#events.whole(room.count - mark);
    this.#events.byte(
      (author === undefined ? 0 : HAS.author) |
        (position === undefined ? 0 : HAS.position) |
        (bytes === undefined ? 0 : HAS.bytes) |
        (delivery.marker?.intact === true ? HAS.intact : 0),
    );
    if (author !== undefined) this.#events.text(author);
    if (position !== undefined) this.#events.double(position);
  }

  snapshot(kind: number, client: number, marker: Marker | undefined, nowMs: number): void {
    if (!this.begin(kind, 3 * (marker?.run.length ?? 0))) return;
    this.who(client, nowMs);
    if (marker === undefined) this.#events.byte(0);
    else this.#marker(marker);
  }

  judged(nowMs: number): void {
    if (this.begin(EVENT.judged)) this.who(0, nowMs);
    this.#isOver = true;
    this.flush();
  }

  /** Time of the latest event, for what is told without one. */
  get nowMs(): number {
    return milliseconds(this.#us, this.#originMs);
  }

  get run(): string {
    return this.#run;
  }

  #idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#ids.size;
    this.#ids.set(name, id);
    if (this.begin(EVENT.room, 3 * name.length)) this.#events.text(name);
    return id;
  }

  #marker({ run, author, n, intact }: Marker): void {
    const isWide = !isWhole(author) || !isWhole(n);
    const isForeign = run !== this.#run;
    this.#events.byte(MARKER.present | (intact ? MARKER.intact : 0) | (isForeign ? MARKER.foreign : 0) | (isWide ? MARKER.wide : 0));
    if (isForeign) this.#events.text(run);
    for (const value of [author, n]) {
      if (isWide) this.#events.double(value);
      else this.#events.whole(value);
    }
  }

  /** Writes an observation and gives it as the recording has it. */
  #observe(observation: Observation): Observation {
    const { client, room, atMs, ...detail } = observation;
    const id = this.#idOf(room);
    const at = { client, room, atMs: this.time(atMs) };
    if (detail.kind === "invoked" && this.#invoked(detail, client, id, atMs))
      return { ...at, ...detail, plannedMs: this.time(detail.plannedMs) };
    if (detail.kind === "presence" && this.#presence(detail, client, id, atMs)) return { ...at, ...detail };
    const { text, detail: told } = detailText(detail, this.#originMs);
    if (this.begin(EVENT.observed, 3 * text.length)) {
      this.who(client, atMs);
      this.#events.whole(id);
      this.#events.text(text);
    }
    return { ...at, ...told };
  }

  #invoked(detail: Extract<Detail, { kind: "invoked" }>, client: number, room: number, atMs: number): boolean {
    if (!Number.isSafeInteger(detail.op)) return false;
    if (!this.begin(EVENT.invoked, 3 * (detail.marker?.run.length ?? 0))) return true;
    this.who(client, atMs);
    this.#events.whole(room);
    this.#events.signed(detail.op);
    this.#events.byte(ACTS.indexOf(detail.act));
    this.#events.signed(this.#us - microseconds(detail.plannedMs, this.#originMs));
    if (detail.marker === undefined) this.#events.byte(0);
    else this.#marker(detail.marker);
    return true;
  }

  #presence(detail: Extract<Detail, { kind: "presence" }>, client: number, room: number, atMs: number): boolean {
    const { count, user, event } = detail;
    if (count !== undefined && !isWhole(count)) return false;
    if (!this.begin(EVENT.presence, 3 * user.length)) return true;
    this.who(client, atMs);
    this.#events.whole(room);
    this.#events.byte(PRESENCES.indexOf(event));
    this.#events.text(user);
    this.#events.whole(count === undefined ? 0 : count + 1);
    return true;
  }
}
