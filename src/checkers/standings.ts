import type { Frame } from "../core/session.ts";
import { Gaps } from "./gaps.ts";
import type { LedgerOptions } from "./ledger-types.ts";
import { REARRANGED_MAX, rearranged, type Shown } from "./rearrange.ts";
import type { LogEntry, RoomLog } from "./room-log.ts";

/** A joined member that has received nothing yet: its cursor may still move back to a write that was in flight. */
export const WAITING = 1;
export const FOLLOWING = 2;

/** How each member stands to its room's log, by slot: what it has of it, and what it is owed. */
export class Standings<F extends Frame> {
  readonly #options: Pick<LedgerOptions<F>, "orderModel" | "echo" | "across">;
  readonly #ownByConfirmation: boolean;
  /** 0, WAITING or FOLLOWING. */
  readonly state: Uint8Array;
  readonly cursor: Float64Array;
  /** Where its first write stands. */
  readonly first: Float64Array;
  readonly joinedMs: Float64Array;
  /** The client that holds the slot. */
  readonly number: Int32Array;
  readonly gaps: Gaps;

  constructor(options: Pick<LedgerOptions<F>, "orderModel" | "echo" | "across" | "slots">, ownByConfirmation: boolean) {
    this.#options = options;
    this.#ownByConfirmation = ownByConfirmation;
    this.state = new Uint8Array(options.slots);
    this.cursor = new Float64Array(options.slots);
    this.first = new Float64Array(options.slots);
    this.joinedMs = new Float64Array(options.slots);
    this.number = new Int32Array(options.slots);
    this.gaps = new Gaps(options.slots, options.orderModel === "perAuthor");
  }

  /**
   * A member has received the entry at `from` after those behind it: brings the log into an order that all members have
   * shown, and gives false when there is none. What has been told to other processes stays as it is.
   */
  rearrange(client: number, log: RoomLog<F>, from: number): boolean {
    const to = this.cursor[client] ?? 0;
    if (this.#options.across !== undefined || this.#options.orderModel === "perAuthor" || to - from > REARRANGED_MAX) return false;
    const shown = new Map<number, Shown>();
    for (const slot of log.members) if (this.state[slot] === FOLLOWING) shown.set(slot, this.#shown(slot, from, to, slot === client));
    const order = rearranged(from, to, [...shown.values()]);
    if (order === undefined) return false;
    log.rearrange(from, order);
    const placeOf = new Map(order.map((index, offset) => [index, from + offset]));
    for (const slot of log.members) {
      const received = shown.get(slot)?.received.map((index) => placeOf.get(index) ?? index);
      this.#moved(
        slot,
        log,
        from,
        to,
        received?.sort((one, other) => one - other),
      );
    }
    return true;
  }

  /** `isLast`: the entry at `from` has just come. */
  #shown(slot: number, from: number, to: number, isLast: boolean): Shown {
    const [first, cursor] = [this.first[slot] ?? 0, this.cursor[slot] ?? 0];
    const received: number[] = [];
    const owed: number[] = [];
    for (let index = isLast ? from + 1 : from; index < to; index += 1) {
      if (index >= first && index < cursor && !this.gaps.has(slot, index)) received.push(index);
      // Of a newcomer that is not known: what it has not got may have been sent before its join.
      else if (first < from) owed.push(index);
    }
    if (isLast) received.push(from);
    return { received, owed };
  }

  /** A stretch of the log has another order: where a member stands in it by the places of what it has received. */
  #moved(slot: number, log: RoomLog<F>, from: number, to: number, places: readonly number[] | undefined): void {
    const cursor = this.cursor[slot] ?? 0;
    if (cursor <= from) return;
    if (places === undefined) {
      // It has received nothing yet, and is owed only what was sent after its join.
      if (cursor < to) this.cursor[slot] = from;
      return;
    }
    if ((this.first[slot] ?? 0) >= from && places[0] !== undefined) this.first[slot] = places[0];
    if (cursor <= to) this.cursor[slot] = (places.at(-1) ?? from - 1) + 1;
    const has = new Set(places);
    const holes: number[] = [];
    for (let index = from; index < Math.min(to, this.cursor[slot] ?? 0); index += 1) {
      const entry = log.at(index);
      if (entry !== undefined && !has.has(index) && this.mustReceive(slot, entry, index >= (this.first[slot] ?? 0))) holes.push(index);
    }
    this.gaps.replace(slot, from, to, holes);
  }

  /**
   * An entry that this client already has and that must not come before `entry`: one further on in the log, or where only
   * an author's own order holds, one that the author wrote later. A log cannot tell that order: who was the first to get
   * a write may have had the one before it as state.
   */
  receivedAfter(client: number, log: RoomLog<F>, entry: LogEntry<F>): LogEntry<F> | undefined {
    const isPerAuthor = this.#options.orderModel === "perAuthor";
    for (let index = entry.index + 1; index < (this.cursor[client] ?? 0); index += 1) {
      const later = log.at(index);
      if (later === undefined || this.gaps.has(client, index)) continue;
      if (!isPerAuthor || (later.author === entry.author && later.n > entry.n)) return later;
    }
    return undefined;
  }

  /** As `receivedAfter`, for a write that stands in the log behind what its author wrote later. */
  overtaking(client: number, log: RoomLog<F>, { author, n, index }: LogEntry<F>): LogEntry<F> | undefined {
    const holes = this.gaps.holes(client);
    return log
      .windowOf(author)
      .find(
        (later) => later.n > n && later.index < index && later.invokedMs > (this.joinedMs[client] ?? 0) && !holes.includes(later.index),
      );
  }

  /**
   * Whoever joined before the write was sent must receive it. A member that follows one order has, besides, to receive
   * everything after its first entry, also what was in flight when it joined.
   */
  mustReceive(client: number, entry: LogEntry<F>, isFollowing: boolean): boolean {
    if (!this.#options.echo && !this.#ownByConfirmation && entry.author === this.number[client]) return false;
    if (entry.invokedMs > (this.joinedMs[client] ?? 0)) return true;
    return isFollowing && this.#options.orderModel !== "perAuthor";
  }

  /** The entry that a member is to receive next; its own are passed over where authors hear nothing of them in order. */
  next(client: number, log: RoomLog<F>): LogEntry<F> | undefined {
    let entry = log.at(this.cursor[client] ?? 0);
    if (this.#options.echo || this.#ownByConfirmation) return entry;
    while (entry !== undefined && entry.author === this.number[client]) entry = log.at(entry.index + 1);
    return entry;
  }
}
