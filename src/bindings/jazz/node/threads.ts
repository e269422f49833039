import { foldMessage, foldTimeline } from "../fold.ts";
import { type CoId, type Message, type MessageEvent, parseEvent, type Placed, type SessionId } from "../messages.ts";
import type { Core, Node, RawFeed, RawMap } from "./library.ts";
import {
  contentOf,
  type Followed,
  itemsIn,
  loadFrom,
  type Place,
  placedIn,
  type Range,
  type ReplicaEars,
  visibleOf,
} from "./replica-parts.ts";
import type { TimelineItem } from "../messages.ts";

/** A load takes about 3 s with its one retry. */
const SETTLE_MS_MAX = 4_000;
const TOGETHER_MS = 50;
/** A log of 200,000 entries on a slow machine. */
const DOWNLOAD_MS_MAX = 60_000;

/** The threads of a space that a replica follows, and their messages. */
export class Threads {
  readonly #node: Node;
  readonly #ears: ReplicaEars;
  /** Threads with more messages are loaded by visible range only (CAP-02). */
  #wholeMax: number;
  readonly #threads = new Map<CoId, Followed>();
  readonly #messages = new Map<CoId, Followed>();
  readonly #ranges = new Map<CoId, Range>();
  readonly #orders = new Map<CoId, { readonly version: string; readonly order: readonly CoId[] }>();
  readonly #soon = new Map<CoId, NodeJS.Timeout>();
  #isFresh = true;
  /** The main thread of the first channel: what a thread without a timeline of its own is read through. */
  main: CoId | undefined;

  constructor(node: Node, ears: ReplicaEars, wholeMax: number) {
    this.#node = node;
    this.#ears = ears;
    this.#wholeMax = wholeMax;
  }

  /** Threads that are followed, sorted. */
  get followed(): readonly CoId[] {
    return [...this.#threads.keys()].sort();
  }

  /** Follows a thread and its messages; one without a timeline of its own is read through its channel (ORD-06). */
  async follow(thread: CoId): Promise<boolean> {
    if (this.#threads.has(thread)) return true;
    const timeline = await this.#timelineOf(thread);
    if (timeline === undefined) return false;
    const core = this.#node.getCoValue(timeline);
    if (this.#wholeMax < Number.POSITIVE_INFINITY) await this.#downloaded(core);
    if (this.#threads.has(thread)) return true;
    const counts = new Map<SessionId, number>();
    const take = (): void => {
      const fresh = this.#itemsOf(timeline, counts);
      if (this.#isWhole(timeline)) for (const { item } of fresh) this.followMessage(item.value);
      else this.#loadSoon(thread);
    };
    this.#threads.set(thread, { counts, stop: () => {} });
    this.#threads.set(thread, { counts, stop: core.subscribe(take, true) });
    return true;
  }

  followMessage(id: CoId): void {
    if (this.#messages.has(id)) return;
    const counts = new Map<SessionId, number>();
    const isHistory = this.#isFresh;
    let isFirst = true;
    const take = (core: Core): void => {
      if (!core.isAvailable()) return;
      const isOld = isHistory && isFirst;
      isFirst = false;
      for (const { place, value } of placedIn(contentOf<RawFeed>(this.#node, id), counts)) {
        const event = parseEvent(value);
        if (event === undefined) this.#ears.problem(`an entry of ${id} has another shape`);
        else if (!isOld && place.session !== this.#node.currentSessionID) this.#ears.event(id, { ...place, value: event });
      }
    };
    const core = this.#node.getCoValue(id);
    this.#messages.set(id, { counts, stop: () => {} });
    this.#messages.set(id, { counts, stop: core.subscribe(take, true) });
    if (!core.isAvailable()) void this.#node.load(id).catch(() => undefined);
  }

  /** History is here, or is not to be had within the time that a load takes: what comes from now on is new. */
  async settle(): Promise<void> {
    const endMs = performance.now() + SETTLE_MS_MAX;
    const isHere = (): boolean => [...this.#messages.keys()].every((id) => this.#node.getCoValue(id).isAvailable());
    while (!isHere() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
    this.#isFresh = false;
  }

  /** From now on threads of more messages are loaded by visible range only; 0: none of their messages is loaded. */
  limit(wholeMax: number): void {
    this.#wholeMax = wholeMax;
  }

  /** Loads what a user sees of a thread, by places in its order. */
  show(thread: CoId, range: Range): void {
    this.#ranges.set(thread, range);
    this.#loadVisible(thread);
  }

  stop(): void {
    for (const timer of this.#soon.values()) clearTimeout(timer);
    for (const { stop } of [...this.#threads.values(), ...this.#messages.values()]) stop();
  }

  /** Messages of a thread as they are shown, in order; those not here yet are left out. */
  messages(thread: CoId): readonly Message[] {
    return this.order(thread).flatMap((id) => (this.#messages.has(id) ? (this.message(id) ?? []) : []));
  }

  /** A message as it is shown; undefined while its feed is not here. */
  message(id: CoId): Message | undefined {
    return foldMessage(id, this.events(id));
  }

  /** The same, loaded where it is not here. */
  async loadMessage(id: CoId): Promise<Message | undefined> {
    await loadFrom(this.#node, id);
    return this.message(id);
  }

  /** Ids that a thread lists, in order, whether their feeds are here or not. */
  order(thread: CoId): readonly CoId[] {
    const timeline = this.timelineKnown(thread);
    const feed = timeline === undefined ? undefined : contentOf<RawFeed>(this.#node, timeline);
    if (timeline === undefined || feed === undefined) return [];
    const version = `${feed.version} ${feed.totalValidTransactions}`;
    const held = this.#orders.get(timeline);
    if (held?.version === version) return held.order;
    const order = foldTimeline(this.#itemsOf(timeline, undefined).map(({ item, place }) => ({ ...place, value: item })));
    this.#orders.set(timeline, { version, order });
    return order;
  }

  /** Events of a message's feed that this replica holds and may read. */
  events(id: CoId): readonly Placed<MessageEvent>[] {
    return placedIn(contentOf<RawFeed>(this.#node, id), undefined).flatMap(({ place, value }) => {
      const event = parseEvent(value);
      return event === undefined ? [] : [{ ...place, value: event }];
    });
  }

  /** The timeline that a thread is read through, where it is here. */
  timelineKnown(thread: CoId): CoId | undefined {
    const own = contentOf<RawMap>(this.#node, thread)?.get("timeline");
    if (typeof own === "string") return own;
    return thread === this.main || this.main === undefined ? undefined : this.timelineKnown(this.main);
  }

  async #timelineOf(thread: CoId): Promise<CoId | undefined> {
    const map = await loadFrom<RawMap>(this.#node, thread);
    const own = map?.get("timeline");
    if (typeof own === "string") return (await loadFrom(this.#node, own)) === undefined ? undefined : own;
    if (map === undefined || this.main === undefined || thread === this.main) return undefined;
    return this.#timelineOf(this.main);
  }

  #itemsOf(timeline: CoId, counts: Map<SessionId, number> | undefined): { item: TimelineItem; place: Place }[] {
    const problem = counts === undefined ? undefined : this.#ears.problem;
    const feed = contentOf<RawFeed>(this.#node, timeline);
    return itemsIn(feed, counts, () => problem?.(`an entry of timeline ${timeline} has another shape`));
  }

  #isWhole(timeline: CoId): boolean {
    if (this.#wholeMax === Number.POSITIVE_INFINITY) return true;
    const items = Object.values(contentOf<RawFeed>(this.#node, timeline)?.items ?? {});
    return items.reduce((sum, { length }) => sum + length, 0) <= this.#wholeMax;
  }

  /** A long thread is sorted once for what comes together. */
  #loadSoon(thread: CoId): void {
    if (this.#soon.has(thread) || this.#wholeMax === 0) return;
    const timer = setTimeout(() => {
      this.#soon.delete(thread);
      this.#loadVisible(thread);
    }, TOGETHER_MS);
    this.#soon.set(thread, timer);
  }

  #loadVisible(thread: CoId): void {
    for (const id of visibleOf(this.order(thread), this.#ranges.get(thread))) this.followMessage(id);
  }

  /** A long log comes in parts: how long it is, is known once all of them are here. */
  async #downloaded(core: Core): Promise<void> {
    const endMs = performance.now() + DOWNLOAD_MS_MAX;
    while (!core.isCompletelyDownloaded() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
