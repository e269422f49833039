import type { CheckerOutcome } from "../core/checker.ts";
import type { Entry, Ledger } from "../core/ledger.ts";
import type { Marker } from "../core/marker.ts";
import type { Delivered } from "../core/observation.ts";
import { EVENT, FRAMES_BACK_MAX } from "./format.ts";
import type { RecordedRoom, Recorder } from "./recorder.ts";

const NO_ROOM: RecordedRoom = { id: -1, count: 0 };

/** A ledger that writes down what it is told, and passes it on. */
export class RecordingLedger implements Ledger<Uint8Array> {
  readonly #recorder: Recorder;
  readonly #inner: Ledger<Uint8Array>;
  /** Numbers of the clients; -1 for one that was never in a room, of which there is nothing to account for. */
  readonly #number: Float64Array;
  readonly #room: RecordedRoom[];
  /** Number of the frame that each client has got last of its room. */
  readonly #last: Float64Array;

  constructor(recorder: Recorder, inner: Ledger<Uint8Array>, slots: number) {
    this.#recorder = recorder;
    this.#inner = inner;
    this.#number = new Float64Array(slots).fill(-1);
    this.#room = Array.from({ length: slots }, () => NO_ROOM);
    this.#last = new Float64Array(slots);
  }

  joined(client: number, number: number, room: string, nowMs: number): void {
    const entered = this.#recorder.room(room);
    this.#number[client] = number;
    this.#room[client] = entered;
    this.#last[client] = entered.count;
    this.#recorder.joined(number, entered, nowMs);
    this.#inner.joined(client, number, room, this.#recorder.time(nowMs));
  }

  left(client: number, nowMs: number): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.left(number, nowMs);
    this.#room[client] = NO_ROOM;
    this.#inner.left(client, this.#recorder.time(nowMs));
  }

  invoked(client: number, n: number, plannedMs: number, nowMs: number): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.write(number, n, plannedMs, nowMs);
    this.#inner.invoked(client, n, this.#recorder.time(plannedMs), this.#recorder.time(nowMs));
  }

  rejected(client: number, n: number): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.counted(EVENT.rejected, number, n, this.#recorder.nowMs);
    this.#inner.rejected(client, n);
  }

  accepted(client: number, n: number, position: number | undefined, nowMs: number): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.counted(EVENT.accepted, number, n, nowMs);
    this.#inner.accepted(client, n, position, this.#recorder.time(nowMs));
  }

  recognise(client: number, bytes: Uint8Array, start: number, end: number, nowMs: number): Entry<Uint8Array> | undefined {
    const entry = this.#inner.recognise(client, bytes, start, end, this.#recorder.time(nowMs));
    if (entry === undefined) return undefined;
    const room = this.#room[client] ?? NO_ROOM;
    if (this.#mayRefer(entry, room)) {
      this.#recorder.same(this.#numberOf(client), room, entry.mark, this.#last[client] ?? 0, nowMs);
      this.#last[client] = entry.mark;
    } else {
      const marker = { run: this.#recorder.run, author: entry.author, n: entry.n, intact: true };
      this.#full(client, room, entry, { kind: "delivered", marker, content: entry.content ?? "" }, entry.bytes?.subarray(), nowMs);
    }
    return entry;
  }

  delivered(
    client: number,
    delivery: Delivered,
    decoded: unknown,
    bytes: Uint8Array | undefined,
    nowMs: number,
  ): Entry<Uint8Array> | undefined {
    const entry = this.#inner.delivered(client, delivery, decoded, bytes, this.#recorder.time(nowMs));
    const number = this.#numberOf(client);
    if (number < 0) return entry;
    const room = this.#room[client] ?? NO_ROOM;
    if (entry === undefined) this.#recorder.delivered(number, delivery, bytes, false, nowMs);
    else if (this.#mayRefer(entry, room) && !this.#recorder.isInHand(bytes) && this.#isAlike(entry, delivery, bytes)) {
      this.#recorder.alike(this.#numberOf(client), room, entry.mark, delivery, bytes, nowMs);
      this.#last[client] = Math.max(this.#last[client] ?? 0, entry.mark);
    } else if (this.#mayRefer(entry, room)) this.#recorder.delivered(this.#numberOf(client), delivery, bytes, false, nowMs);
    else this.#full(client, room, entry, delivery, bytes, nowMs);
    return entry;
  }

  snapshot(client: number, marker: Marker | undefined, nowMs: number): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.snapshot(EVENT.snapshot, number, marker, nowMs);
    this.#inner.snapshot(client, marker, this.#recorder.time(nowMs));
  }

  finalState(client: number, marker: Marker | undefined): void {
    const number = this.#numberOf(client);
    if (number >= 0) this.#recorder.snapshot(EVENT.finalState, number, marker, this.#recorder.nowMs);
    this.#inner.finalState(client, marker);
  }

  restarted(): void {
    this.#recorder.restarted();
    this.#inner.restarted();
  }

  isQuiet(beforeMs?: number): boolean {
    return this.#inner.isQuiet(beforeMs);
  }

  finish(nowMs: number): readonly CheckerOutcome[] {
    this.#recorder.judged(nowMs);
    return this.#inner.finish(this.#recorder.time(nowMs));
  }

  #numberOf(client: number): number {
    return this.#number[client] ?? -1;
  }

  #mayRefer(entry: Entry<Uint8Array>, room: RecordedRoom): boolean {
    return entry.mark > 0 && room.count - entry.mark < FRAMES_BACK_MAX;
  }

  /** Whether this is what the first receiver got, so that a reader can take it from there. */
  #isAlike(entry: Entry<Uint8Array>, delivery: Delivered, bytes: Uint8Array | undefined): boolean {
    const { marker } = delivery;
    if (marker === undefined || marker.run !== this.#recorder.run || delivery.content !== entry.content) return false;
    return bytes === undefined || (entry.bytes !== undefined && Buffer.compare(bytes, entry.bytes) === 0);
  }

  /** Writes the frame in full, and gives it a number of its room to be referred to by. */
  #full(
    client: number,
    room: RecordedRoom,
    entry: Entry<Uint8Array>,
    delivery: Delivered,
    bytes: Uint8Array | undefined,
    nowMs: number,
  ): void {
    room.count += 1;
    entry.mark = room.count;
    this.#last[client] = room.count;
    this.#recorder.delivered(this.#numberOf(client), delivery, bytes, true, nowMs);
  }
}
