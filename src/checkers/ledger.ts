import type { CheckerOutcome, Property } from "../core/checker.ts";
import type { Histogram } from "../core/histogram.ts";
import type { Entry, Ledger } from "../core/ledger.ts";
import type { Marker } from "../core/marker.ts";
import type { Delivered } from "../core/observation.ts";
import type { Frame } from "../core/session.ts";
import { type Gaps, isRecent, PASSED_MAX } from "./gaps.ts";
import { judgeFinalStates, type FinalState } from "./final-states.ts";
import { LedgerFindings } from "./ledger-findings.ts";
import type { LedgerAcross, LedgerFigures, LedgerOptions } from "./ledger-types.ts";
import { KeptFrames } from "./kept-frames.ts";
import { FOLLOWING, Standings, WAITING } from "./standings.ts";
import { RoomLog, SpareEntries, writeKey, type LogEntry, type PendingWrite } from "./room-log.ts";

/**
 * When a write of another process was sent is not known here: it is taken to be no older than this when it first
 * comes. A member that entered longer ago must have it.
 */
const FOREIGN_AGE_MS_MAX = 5000;

/** What was sent before a member's join was confirmed may come to others this much later, in good order. */
const ENTERING_MS_MAX = 1000;

/**
 * The ledger of one process. Why a cursor is enough for total order: if all members receive subsequences of one
 * sequence, in its order, no two of them disagree on any pair. The canonical sequence is what first receivers got; a
 * member that receives entry k while its cursor is at c < k has holes c…k-1. A hole that is filled later was received
 * after a write that others have before it: disorder. A hole that is never filled is a loss.
 */
export class MemoryLedger<F extends Frame = Uint8Array> implements Ledger<F> {
  readonly #options: LedgerOptions<F>;
  /** Authors get no echo, but a confirmation that has a place in the one order: it stands for the delivery. */
  readonly #ownByConfirmation: boolean;
  readonly #rooms: Map<string, RoomLog<F>> = new Map();
  readonly #spare: SpareEntries<F> = new SpareEntries();
  readonly #frames: KeptFrames<F> = new KeptFrames();
  readonly #roomOf: (RoomLog<F> | undefined)[];
  readonly #standings: Standings<F>;
  readonly #state: Uint8Array;
  readonly #cursor: Float64Array;
  readonly #joinedMs: Float64Array;
  readonly #number: Int32Array;
  readonly #gaps: Gaps;
  readonly #slotOf: Map<number, number> = new Map();
  /** Room of each author's writes, kept after it left: tells a foreign write from an invented one. */
  readonly #homeOf: Map<number, string> = new Map();
  readonly #refused: Set<number> = new Set();
  readonly #finals: (Omit<FinalState, "last"> & { readonly log: RoomLog<F> })[] = [];
  readonly #findings: LedgerFindings<F>;
  readonly #deliveryMs: Histogram;
  readonly #convergenceMs: Histogram;
  readonly #spreadMs: Histogram;
  /** The write that all had last, with what was decoded of it. */
  #spent: LogEntry<F> | undefined;
  #delivered = 0;
  #lost = 0;
  #invoked = 0;
  #recognised = 0;
  #cutOff = 0;
  #snapshots = 0;
  /** The frame whose writes are being handed in, and where the one before was put: a frame may hold several. */
  #inHand: { readonly bytes: F; readonly client: number; readonly log: RoomLog<F>; index: number } | undefined;

  constructor(options: LedgerOptions<F>) {
    this.#options = options;
    this.#ownByConfirmation = !options.echo && options.orderModel !== "perAuthor";
    this.#roomOf = Array.from({ length: options.slots }, () => undefined);
    this.#standings = new Standings(options, this.#ownByConfirmation);
    ({ state: this.#state, cursor: this.#cursor, joinedMs: this.#joinedMs, number: this.#number, gaps: this.#gaps } = this.#standings);
    this.#findings = new LedgerFindings(options, this.#number);
    this.#deliveryMs = options.histogram();
    this.#convergenceMs = options.histogram();
    this.#spreadMs = options.histogram();
  }

  joined(client: number, number: number, room: string, nowMs: number): void {
    this.left(client, nowMs);
    const log = this.#log(room);
    log.members.add(client);
    this.#roomOf[client] = log;
    this.#state[client] = WAITING;
    this.#cursor[client] = log.end;
    this.#joinedMs[client] = nowMs;
    // What others have heard already may still be under way to it.
    const from = Math.max(log.base, log.end - PASSED_MAX);
    for (let index = from; index < log.end; index += 1) if (isRecent(log.at(index)?.firstMs, nowMs)) this.#gaps.passOver(client, index);
    this.#number[client] = number;
    this.#slotOf.set(number, client);
    this.#homeOf.set(number, room);
    this.#options.across?.joined(room, number, nowMs);
  }

  left(client: number, nowMs: number): void {
    const log = this.#roomOf[client];
    if (log === undefined) return;
    this.#settleHoles(client, log);
    log.members.delete(client);
    const number = this.#number[client] ?? 0;
    this.#options.across?.left(log.room, number);
    log.authorLeft(number);
    for (let index = Math.max(this.#cursor[client] ?? 0, log.base); index < log.end; index += 1) {
      const entry = log.at(index);
      if (entry === undefined || entry.received >= entry.needed) continue;
      entry.needed -= 1;
      if (entry.received >= entry.needed) this.#converged(entry, nowMs);
    }
    this.#roomOf[client] = undefined;
    this.#state[client] = 0;
    this.#slotOf.delete(number);
  }

  invoked(client: number, n: number, plannedMs: number, nowMs: number): void {
    const isIn = this.#roomOf[client] !== undefined;
    // Written while away from the room it was in: it comes when the client is back, if it comes.
    const log = this.#roomOf[client] ?? this.#homeLog(client);
    if (log === undefined) return;
    const author = this.#number[client] ?? 0;
    this.#invoked += 1;
    const isHeard = this.#options.echo || this.#ownByConfirmation || log.members.size > 1 || this.#options.across === undefined;
    log.invoked(author, n, plannedMs, nowMs, !isIn || !isHeard);
    this.#options.across?.invoked(log.room, author, n);
  }

  rejected(client: number, n: number): void {
    const author = this.#number[client] ?? 0;
    this.#roomOf[client]?.drop(author, n);
    this.#refused.add(writeKey(author, n));
  }

  accepted(client: number, n: number, _position: number | undefined, nowMs: number): void {
    const log = this.#roomOf[client];
    if (log === undefined || !this.#ownByConfirmation) return;
    const author = this.#number[client] ?? 0;
    const known = log.find(author, n);
    const pending = log.pendingOf(author, n);
    if (known !== undefined) this.#receive(client, log, known, undefined, nowMs, false);
    else if (pending !== undefined) this.#append(client, log, pending, undefined, undefined, undefined, nowMs);
  }

  recognise(client: number, bytes: F, start: number, end: number, nowMs: number): Entry<F> | undefined {
    const log = this.#roomOf[client];
    if (log === undefined || this.#state[client] !== FOLLOWING) return undefined;
    const entry = this.#standings.next(client, log);
    const kept = entry?.bytes;
    if (entry === undefined || kept === undefined || kept.length !== end - start) return undefined;
    if (entry.isSpent || entry.isOvertaken) return undefined;
    // A recording that is judged again hands in what is kept.
    if (kept !== bytes && !this.#frames.isSame(kept, entry.view, bytes, start)) return undefined;
    this.#recognised += 1;
    const { decoded } = entry;
    this.#cursor[client] = entry.index + 1;
    this.#account(entry, nowMs);
    for (let more = log.at(entry.index + 1); more?.isContinued === true; more = log.at(more.index + 1)) {
      this.#cursor[client] = more.index + 1;
      this.#account(more, nowMs);
    }
    if (entry.isSpent) {
      // The last receiver's session is yet to be told what the frame says: it is let go with the next write's.
      this.#letGo(entry);
      entry.decoded = decoded;
    }
    return entry;
  }

  delivered(client: number, delivery: Delivered, decoded: unknown, bytes: F | undefined, nowMs: number): Entry<F> | undefined {
    const log = this.#roomOf[client];
    const marker = delivery.marker;
    if (log === undefined || marker === undefined) return undefined;
    const known = log.find(marker.author, marker.n);
    if (!marker.intact)
      this.#findings.damaged(
        client,
        log,
        "a payload that fits its sum",
        `a=${marker.author} n=${marker.n} with another payload`,
        delivery,
        bytes,
        nowMs,
      );
    if (known === undefined) {
      const pending = log.pendingOf(marker.author, marker.n) ?? this.#foreign(log, marker, nowMs);
      if (marker.run !== this.#options.run || pending === undefined) {
        this.#unexpected(client, log, delivery, bytes, nowMs);
        return undefined;
      }
      return this.#append(client, log, pending, delivery, decoded, bytes, nowMs);
    }
    if (known.content === undefined) {
      known.content = delivery.content;
      known.decoded = decoded;
      known.isContinued = this.#continues(client, log, known.index, bytes);
      this.#keep(known, bytes);
    } else if (known.content !== delivery.content)
      this.#findings.damaged(client, log, known.content, delivery.content, delivery, bytes, nowMs);
    this.#receive(client, log, known, bytes, nowMs, true);
    return known;
  }

  snapshot(client: number, marker: Marker | undefined, nowMs: number): void {
    const log = this.#roomOf[client];
    if (log === undefined || marker === undefined || marker.run !== this.#options.run || this.#state[client] !== FOLLOWING) return;
    this.#snapshots += 1;
    const has = log.find(marker.author, marker.n);
    const last = log.at((this.#cursor[client] ?? 0) - 1);
    if (has === undefined || last === undefined || has.index >= last.index || this.#options.orderModel === "perAuthor") return;
    this.#findings.stale(client, log, last, has, nowMs);
  }

  finalState(client: number, marker: Marker | undefined): void {
    const log = this.#roomOf[client];
    // Without one order there is no last write: whole states are compared by another checker.
    if (log !== undefined && this.#options.orderModel !== "perAuthor")
      this.#finals.push({ client: this.#number[client] ?? 0, room: log.room, got: marker, log });
  }

  restarted(): void {
    for (const log of this.#rooms.values()) log.forgottenTo = log.end;
  }

  isQuiet(beforeMs: number = Infinity): boolean {
    for (const log of this.#rooms.values()) {
      for (const pending of log.pending()) if (!pending.mayBeLost && pending.invokedMs < beforeMs) return false;
      for (const slot of log.members) {
        // What was in flight when a member came may have reached it as state: it need not come again.
        for (let entry = this.#standings.next(slot, log); entry !== undefined; entry = log.at(entry.index + 1))
          if (entry.invokedMs < beforeMs && this.#standings.mustReceive(slot, entry, this.#state[slot] === FOLLOWING)) return false;
        for (const index of this.#gaps.holes(slot)) if ((log.at(index)?.invokedMs ?? beforeMs) < beforeMs) return false;
      }
    }
    return true;
  }

  get figures(): LedgerFigures {
    return {
      delivered: this.#delivered,
      expected: this.#delivered + this.#lost,
      invoked: this.#invoked,
      recognised: this.#recognised,
      deliveryMs: this.#deliveryMs,
      convergenceMs: this.#convergenceMs,
      spreadMs: this.#spreadMs,
    };
  }

  finish(nowMs: number): readonly CheckerOutcome[] {
    this.#options.across?.finished();
    for (const log of this.#rooms.values()) {
      for (const slot of log.members) {
        this.#settleHoles(slot, log);
        for (let index = Math.max(this.#cursor[slot] ?? 0, log.base); index < log.end; index += 1) {
          const entry = log.at(index);
          if (entry !== undefined && this.#standings.mustReceive(slot, entry, this.#state[slot] === FOLLOWING))
            this.#lose(slot, log, entry);
        }
      }
      for (const pending of log.pending()) if (!pending.mayBeLost) this.#loseForAll(log, pending, nowMs);
    }
    const properties: Property[] = ["delivery", "order", "isolation", "refusals", "guarantees"];
    const finals = this.#finals.map((state) => {
      const last = state.log.entries.at(-1);
      return { ...state, last: last === undefined || last.index < state.log.forgottenTo ? undefined : last };
    });
    return [...properties.map((property) => this.#outcome(property)), judgeFinalStates(finals, nowMs)];
  }

  /** A write of a member in another process, which tells nothing of it here; undefined when it is none, or was here. */
  #foreign(log: RoomLog<F>, { author, n }: Marker, nowMs: number): LogEntry<F> | undefined {
    if (this.#options.across?.isMember(author, log.room) !== true || !log.isFresh(author, n)) return undefined;
    return this.#spare.take(author, n, NaN, nowMs - FOREIGN_AGE_MS_MAX, false);
  }

  /** The room that a client was in last; undefined when it never was in one. */
  #homeLog(client: number): RoomLog<F> | undefined {
    const room = (this.#joinedMs[client] ?? 0) > 0 ? this.#homeOf.get(this.#number[client] ?? 0) : undefined;
    return room === undefined ? undefined : this.#rooms.get(room);
  }

  #log(room: string): RoomLog<F> {
    const log = this.#rooms.get(room) ?? new RoomLog<F>(room, this.#spare);
    this.#rooms.set(room, log);
    return log;
  }

  #append(
    client: number,
    log: RoomLog<F>,
    entry: LogEntry<F>,
    delivery: Delivered | undefined,
    decoded: unknown,
    bytes: F | undefined,
    nowMs: number,
  ): LogEntry<F> {
    const authorIn = this.#slotOf.get(entry.author);
    const isAuthorLeftOut = !this.#options.echo && !this.#ownByConfirmation && authorIn !== undefined && log.members.has(authorIn);
    const needed = log.members.size - (isAuthorLeftOut ? 1 : 0);
    entry.index = log.end;
    entry.firstMs = nowMs;
    entry.content = delivery?.content;
    entry.decoded = decoded;
    entry.needed = needed;
    entry.isContinued = this.#continues(client, log, log.end, bytes);
    this.#keep(entry, bytes);
    if (this.#options.across !== undefined) this.#tellAcross(this.#options.across, client, log, entry);
    entry.isOvertaken = this.#options.orderModel === "perAuthor" && entry.n < log.lastOf(entry.author);
    log.append(entry);
    this.#receive(client, log, entry, bytes, nowMs, delivery !== undefined);
    this.#cutOff += log.trim((slot) => Math.min(this.#gaps.floor(slot, log, nowMs), this.#cursor[slot] ?? 0));
    return entry;
  }

  /** Keeps the frame of an entry, but for one that came in the same frame as the entry before. */
  #keep(entry: LogEntry<F>, bytes: F | undefined): void {
    const kept = bytes === undefined || entry.isContinued ? undefined : this.#frames.keep(bytes);
    entry.bytes = kept?.bytes;
    entry.view = kept?.view;
  }

  #tellAcross(
    across: LedgerAcross,
    client: number,
    log: RoomLog<F>,
    { author, n, plannedMs, invokedMs, firstMs, content }: LogEntry<F>,
  ): void {
    const times = Number.isNaN(plannedMs) ? { plannedMs: undefined, invokedMs: undefined } : { plannedMs, invokedMs };
    // Whoever has entered long before has missed nothing of what was sent since, also where it receives its first write.
    const isSettled = (slot: number): boolean => this.#state[slot] === FOLLOWING || (this.#joinedMs[slot] ?? 0) + ENTERING_MS_MAX < firstMs;
    const isLoose = !isSettled(client);
    let isUnbroken = !isLoose;
    if (!isUnbroken) for (const slot of log.members) if (isSettled(slot)) isUnbroken = true;
    across.appended(log.room, { author, n, ...times, firstMs, content, isLoose, isUnbroken });
  }

  /** `isDelivery`: false for the confirmation of the client's own write, which has no latency of a delivery. */
  #receive(client: number, log: RoomLog<F>, entry: LogEntry<F>, bytes: F | undefined, nowMs: number, isDelivery: boolean): void {
    const cursor = this.#cursor[client] ?? 0;
    if (this.#state[client] === WAITING) {
      this.#state[client] = FOLLOWING;
      this.#openHoles(client, log, cursor, entry.index, false);
      this.#cursor[client] = entry.index + 1;
      this.#standings.first[client] = entry.index;
    } else if (entry.index >= cursor) {
      this.#openHoles(client, log, cursor, entry.index, true);
      this.#cursor[client] = entry.index + 1;
    } else if (!this.#fillHole(client, log, entry, bytes, nowMs)) {
      this.#findings.doubled(client, log, entry, nowMs);
      return;
    }
    const after = isDelivery && entry.isOvertaken && entry.index >= cursor ? this.#standings.overtaking(client, log, entry) : undefined;
    if (after !== undefined) this.#findings.disordered(client, log, entry, after, bytes, nowMs);
    if (isDelivery) return this.#account(entry, nowMs);
    entry.received += 1;
    if (entry.received === entry.needed) this.#converged(entry, nowMs);
  }

  /** Whether the write at `index` is of the same frame as the entry before it; remembers it for the next one. */
  #continues(client: number, log: RoomLog<F>, index: number, bytes: F | undefined): boolean {
    const before = this.#inHand;
    if (bytes === undefined) {
      this.#inHand = undefined;
      return false;
    }
    if (before !== undefined && before.bytes === bytes && before.client === client && before.log === log && before.index === index - 1) {
      before.index = index;
      return true;
    }
    this.#inHand = { bytes, client, log, index };
    return false;
  }

  #openHoles(client: number, log: RoomLog<F>, from: number, to: number, isFollowing: boolean): void {
    for (let index = Math.max(from, log.base); index < to; index += 1) {
      const entry = log.at(index);
      if (entry === undefined) continue;
      if (!this.#standings.mustReceive(client, entry, isFollowing)) this.#gaps.passOver(client, index);
      else if (!this.#gaps.open(client, index)) this.#lose(client, log, entry);
    }
  }

  /**
   * Fills a hole; where the order model binds the pair, and other members have it in the log's order, that is disorder.
   * Gives false when there was none.
   */
  #fillHole(client: number, log: RoomLog<F>, entry: LogEntry<F>, bytes: F | undefined, nowMs: number): boolean {
    const isHole = this.#gaps.fill(client, entry.index);
    // What stands before a newcomer's first write may stand there by mistake.
    if (!isHole && entry.index >= (this.#standings.first[client] ?? 0)) return false;
    const after = this.#standings.receivedAfter(client, log, entry);
    if (after === undefined) return isHole;
    if (this.#standings.rearrange(client, log, entry.index)) {
      this.#inHand = undefined;
      return true;
    }
    if (isHole) this.#findings.disordered(client, log, entry, after, bytes, nowMs);
    return isHole;
  }

  #account(entry: LogEntry<F>, nowMs: number): void {
    const latencyMs = nowMs - entry.plannedMs;
    this.#delivered += 1;
    // The clock of another process is not ours: of its writes no latency is known here.
    const isTimed = !Number.isNaN(latencyMs);
    if (isTimed) this.#deliveryMs.record(latencyMs);
    this.#options.onDelivery?.(isTimed ? latencyMs : undefined);
    entry.received += 1;
    if (entry.received === entry.needed) this.#converged(entry, nowMs);
  }

  #converged(entry: LogEntry<F>, nowMs: number): void {
    if (!Number.isNaN(entry.plannedMs)) this.#convergenceMs.record(nowMs - entry.plannedMs);
    this.#spreadMs.record(nowMs - entry.firstMs);
    this.#letGo(entry);
    entry.isSpent = true;
  }

  /** What was decoded of the write before goes; that of this one may still be looked at. */
  #letGo(entry: LogEntry<F>): void {
    if (this.#spent !== entry && this.#spent?.isSpent === true) this.#spent.decoded = undefined;
    this.#spent = entry;
  }

  #settleHoles(client: number, log: RoomLog<F>): void {
    for (const index of this.#gaps.close(client)) {
      const entry = log.at(index);
      if (entry !== undefined) this.#lose(client, log, entry);
    }
  }

  #lose(client: number, log: RoomLog<F>, entry: LogEntry<F>): void {
    this.#lost += 1;
    this.#findings.lost(client, log, entry);
  }

  #loseForAll(log: RoomLog<F>, pending: PendingWrite, nowMs: number): void {
    for (const slot of log.members) {
      if (pending.invokedMs <= (this.#joinedMs[slot] ?? 0)) continue;
      this.#lost += 1;
      this.#findings.lostByAll(slot, log, pending, nowMs);
    }
  }

  /** A marked broadcast that fits no write of this room. */
  #unexpected(client: number, log: RoomLog<F>, delivery: Delivered, bytes: F | undefined, nowMs: number): void {
    const marker = delivery.marker;
    if (marker === undefined) return;
    const isAgain = marker.run === this.#options.run && marker.n <= log.lastOf(marker.author);
    if (this.#refused.has(writeKey(marker.author, marker.n))) this.#findings.unexpected("refused", client, log, delivery, bytes, nowMs);
    // Its join was confirmed before the others got this, and is known here only now: all had it and it was let go.
    else if (isAgain && this.#state[client] === WAITING) return;
    else if (isAgain) this.#findings.unexpected("again", client, log, delivery, bytes, nowMs);
    else this.#findings.unexpected("foreign", client, log, delivery, bytes, nowMs, this.#homeOf.get(marker.author));
  }

  #outcome(property: Property): CheckerOutcome {
    return {
      property,
      judged: property === "refusals" ? this.#refused.size : property === "guarantees" ? this.#snapshots : this.#delivered + this.#lost,
      ...this.#findings.of(property),
      ...(this.#cutOff > 0 ? { inconclusiveBecause: `${this.#cutOff} entries left the window before a slow member had them` } : {}),
    };
  }
}
