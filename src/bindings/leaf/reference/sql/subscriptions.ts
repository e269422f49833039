import { PRISTINE_SQL, type SqlFaults, type WindowFacts } from "../faults.ts";
import type { NewsItem, Subscribing } from "./messages.ts";
import { encodeNotification } from "./rows.ts";
import type { Answer, Stream } from "./stream.ts";
import { readWindow } from "./window.ts";

interface Subscription extends Subscribing {
  readonly did: string;
  readonly limit: number;
  readonly isFromPast: boolean;
  next: number;
  sent: number;
  /** Something has happened that it has not been sent. */
  isDue: boolean;
  /** A window is on its way: the next one waits until it has gone out. */
  isAwaiting: boolean;
  isQueued: boolean;
  /** Tells the subscriber that it is one, or why not; until then no window has been run. */
  confirm: ((refusal: Error | undefined) => void) | undefined;
}

interface Ran {
  readonly answer: Answer;
  /** Last position of the stream when it was run. */
  readonly head: number;
}

/**
 * Sends subscribers their windows, one at a time each: whoever reads slowly is sent the next when the last has gone.
 * Those that are up to date come before those that catch up, so that a long history does no harm to who is live.
 */
export class Subscriptions {
  readonly #streamOf: (did: string) => Stream;
  readonly #faults: SqlFaults;
  readonly #all: Map<string, Subscription> = new Map();
  readonly #byStream: Map<string, Set<Subscription>> = new Map();
  readonly #live: Subscription[] = [];
  readonly #late: Subscription[] = [];
  /** When windows of those who catch up went out that have not been credited yet. */
  readonly #lateSince: Map<string, number> = new Map();
  #liveAtMs = -Infinity;
  /** Those who catch up rest until then. */
  #lateFromMs = -Infinity;

  constructor(streamOf: (did: string) => Stream, faults: SqlFaults) {
    this.#streamOf = streamOf;
    this.#faults = faults;
  }

  /** Whether somebody is subscribed to the stream. */
  has(did: string): boolean {
    return (this.#byStream.get(did)?.size ?? 0) > 0;
  }

  /**
   * The first window is run before the subscription is confirmed, in its turn: a refusal makes none. `confirm` is called
   * once. @throws Error for a query or parameters that do not fit.
   */
  add(did: string, asked: Subscribing, confirm: (refusal: Error | undefined) => void): void {
    const stream = this.#streamOf(did);
    const { start } = asked.request;
    const { limit } = readWindow(asked.request, this.#faults);
    const subscription: Subscription = {
      ...asked,
      did,
      limit: Number(limit),
      isFromPast: start !== undefined,
      next: start === undefined ? stream.head + 1 : this.#faults.begins(Math.max(1, Number(start))),
      sent: 0,
      isDue: !asked.isResumed,
      isAwaiting: false,
      isQueued: false,
      confirm: asked.isResumed ? undefined : confirm,
    };
    if (asked.isResumed) confirm(undefined);
    else stream.checkQuery(asked.request);
    this.#all.set(asked.subscription, subscription);
    const ofStream = this.#byStream.get(did) ?? new Set<Subscription>();
    this.#byStream.set(did, ofStream.add(subscription));
    this.#queue(subscription);
  }

  end(id: string): void {
    const subscription = this.#all.get(id);
    subscription?.confirm?.(new Error("The socket is gone"));
    this.#remove(subscription);
  }

  #remove(subscription: Subscription | undefined): void {
    if (subscription === undefined) return;
    this.#all.delete(subscription.subscription);
    this.#lateSince.delete(subscription.subscription);
    const ofStream = this.#byStream.get(subscription.did);
    ofStream?.delete(subscription);
    if (ofStream?.size === 0) this.#byStream.delete(subscription.did);
  }

  /** The last window of these has gone out. */
  credit(ids: readonly string[]): void {
    for (const id of ids) {
      const subscription = this.#all.get(id);
      if (subscription === undefined) continue;
      subscription.isAwaiting = false;
      this.#lateSince.delete(id);
      this.#queue(subscription);
    }
  }

  /** Something was appended to the stream, or its state or module changed. */
  news(did: string): void {
    for (const subscription of this.#byStream.get(did) ?? []) {
      if (!this.#faults.wakes(did, subscription.user)) continue;
      subscription.isDue = true;
      this.#queue(subscription);
    }
  }

  #queue(subscription: Subscription): void {
    if (!subscription.isDue || subscription.isAwaiting || subscription.isQueued) return;
    subscription.isQueued = true;
    (isBehind(subscription, this.#streamOf(subscription.did)) ? this.#late : this.#live).push(subscription);
  }

  get isIdle(): boolean {
    return this.#live.length === 0 && this.#late.length === 0;
  }

  /** Whether there is something to send now. What fills the way to the sockets would be in the way of answers and live news. */
  isReady(nowMs: number): boolean {
    if (this.#live.length > 0) return true;
    if (this.#late.length === 0) return false;
    if (nowMs < this.#lateFromMs && !this.#faults.isGreedy) return false;
    let onTheWay = 0;
    for (const sinceMs of this.#lateSince.values()) if (nowMs - sinceMs < LATE_SLOT_MS) onTheWay += 1;
    return this.#faults.isGreedy || onTheWay < LATE_ON_THE_WAY_MAX;
  }

  /** The windows of one turn: of those who are live as many as the time allows, then one of those who catch up. */
  turn(nowMs: () => number): readonly NewsItem[] {
    const items: NewsItem[] = [];
    const untilMs = nowMs() + TURN_MS;
    if (this.#live.length > 0) this.#liveAtMs = nowMs();
    for (let next = this.#live.shift(); next !== undefined; next = nowMs() < untilMs ? this.#live.shift() : undefined)
      this.#send(next, items);
    if (this.#live.length === 0 && this.isReady(nowMs())) {
      do {
        const late = this.#late.shift();
        if (late === undefined) break;
        const startMs = nowMs();
        this.#lateSince.set(late.subscription, startMs);
        this.#send(late, items);
        const endMs = nowMs();
        if (endMs - this.#liveAtMs < LIVE_MS) this.#lateFromMs = endMs + this.#restMs(endMs - startMs);
      } while (this.#faults.isGreedy);
    }
    return items;
  }

  /** The more of them wait, the shorter the rest: they are to come in, too. */
  #restMs(tookMs: number): number {
    return Math.min(LATE_REST_MS_MAX, LATE_REST * tookMs) * Math.min(1, LATE_MANY / (this.#late.length + 1));
  }

  #send(subscription: Subscription, items: NewsItem[]): void {
    subscription.isQueued = false;
    if (!this.#all.has(subscription.subscription)) return;
    subscription.isDue = false;
    subscription.isAwaiting = true;
    const { subscription: id, did, user, next: start, sent } = subscription;
    const push = (bytes: Uint8Array, isOver: boolean): void =>
      void items.push({ subscription: id, bytes, next: subscription.next, isOver });
    const confirm = subscription.confirm;
    subscription.confirm = undefined;
    let stream: Stream;
    try {
      stream = this.#streamOf(did);
      stream.checkQuery(subscription.request);
    } catch (error) {
      this.#remove(subscription);
      if (confirm === undefined) push(encodeNotification(id, { error: textOf(error) }), true);
      else confirm(asError(error));
      return;
    }
    try {
      // Long pieces hold up whoever is live.
      const limit =
        isBehind(subscription, stream) && !this.#faults.isGreedy ? Math.min(subscription.limit, LATE_PIECE) : subscription.limit;
      const { answer, head } = this.#run(stream, subscription, limit);
      confirm?.(undefined);
      const facts: WindowFacts = { id, user, start, limit, rows: answer.rows.length, head, sent, isFromPast: subscription.isFromPast };
      const next = Math.min(start + limit, head + 1);
      const isMore = next <= stream.head;
      const bytes = encodeNotification(id, {
        columns: answer.columns,
        rows: this.#faults.orders(facts, answer.rows),
        hasMore: this.#faults.hasMore(facts, isMore),
      });
      subscription.sent += 1;
      subscription.next = this.#faults.advance(facts, Math.max(next, start));
      subscription.isDue = isMore;
      for (let time = this.#faults.times(facts); time > 0; time -= 1) push(bytes, false);
      this.#leak(did, answer, items);
    } catch (error) {
      if (confirm !== undefined && textOf(error).startsWith("Unauthorized: ")) {
        this.#remove(subscription);
        confirm(asError(error));
        return;
      }
      confirm?.(undefined);
      push(encodeNotification(id, { error: textOf(error) }), false);
    }
  }

  #counts(): ReadonlyMap<string, number> {
    return new Map([...this.#byStream].map(([did, subscriptions]) => [did, subscriptions.size]));
  }

  #run(stream: Stream, { request, next, user }: Subscription, limit: number): Ran {
    return { answer: stream.query({ ...request, start: BigInt(next), limit: BigInt(limit) }, user), head: stream.head };
  }

  #leak(did: string, answer: ReturnType<Stream["query"]>, items: NewsItem[]): void {
    const other =
      answer.rows.length === 0 || this.#faults.leaksTo === PRISTINE_SQL.leaksTo ? undefined : this.#faults.leaksTo(did, this.#counts());
    if (other === undefined) return;
    for (const { subscription, next } of this.#byStream.get(other) ?? [])
      items.push({ subscription, next, isOver: false, bytes: encodeNotification(subscription, { ...answer, hasMore: false }) });
  }
}

/** Further behind than this is catching up. */
const LATE_ROWS = 64;

function isBehind({ next }: Subscription, stream: Stream): boolean {
  return stream.head - next >= LATE_ROWS;
}

/** Windows of those who catch up that may be between this process and their sockets: a quarter of a megabyte each. */
const LATE_ON_THE_WAY_MAX = 2;
/** One that reads slowly does not hold a place for longer. */
const LATE_SLOT_MS = 50;

/** While somebody was live within this, those who catch up leave the machine to others for so many times as long as they took it. */
const LIVE_MS = 250;
const LATE_REST = 3;
/** With more than so many waiting the rest gets shorter. */
const LATE_MANY = 50;
/** On a busy machine a piece takes long by the clock, and who is late must not come later for that. */
const LATE_REST_MS_MAX = 15;
/** They are sent so many positions at a time, a few milliseconds of work. */
const LATE_PIECE = 200;

/** A turn is no longer than this, so that calls are heard in between. */
const TURN_MS = 4;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
