import type { Act } from "../acts.ts";
import { foldMessage, foldTimeline, liveVersions } from "../fold.ts";
import type { Json } from "../../../core/op.ts";
import {
  accountOf,
  type CoId,
  type Message,
  type MessageEvent,
  parseEvent,
  parseItem,
  type Placed,
  type SessionId,
  textIn,
  type TimelineItem,
} from "../messages.ts";
import type { View } from "../view.ts";
import { type Followed, type Needs, only, type ReplicaEars, type SpaceIds, Unheld } from "./replica-parts.ts";
import type { Core, Group, Node, RawFeed, RawList, RawMap } from "./library.ts";

/** One account's copy of one space: reads, follows and writes it by the data model (section 3, M). */
export class Replica {
  readonly node: Node;
  readonly account: CoId;
  readonly #ears: ReplicaEars;
  readonly #threads = new Map<CoId, Followed>();
  readonly #messages = new Map<CoId, Followed>();
  readonly #stops: (() => void)[] = [];
  #ids: SpaceIds | undefined;
  #mainThread: CoId | undefined;
  #isFresh = true;

  constructor(node: Node, account: CoId, ears: ReplicaEars) {
    this.node = node;
    this.account = account;
    this.#ears = ears;
  }

  get mainThread(): CoId {
    if (this.#mainThread === undefined) throw new Error("no space is open");
    return this.#mainThread;
  }

  /** Makes a space with one channel that everybody may write to. */
  create(name: string): SpaceIds {
    const group = this.node.createGroup();
    group.addMember("everyone", "writer");
    const { channel } = this.#channel(group, "general");
    const channels = group.createList([channel], null, "private");
    const members = group.createList([this.account], null, "private");
    const space = group.createMap({ name, channels: channels.id, members: members.id }, null, "private");
    const plainMap = group.createMap({}, null, "private");
    const plainList = group.createList([], null, "private");
    return { group: group.id, space: space.id, plainMap: plainMap.id, plainList: plainList.id };
  }

  /** Loads a space and everything in it, and follows it. Gives false when a part could not be loaded. */
  async open(ids: SpaceIds): Promise<boolean> {
    this.#ids = ids;
    const space = await this.#load<RawMap>(ids.space);
    const [channels] = await Promise.all([
      this.#load<RawList>(textIn(space?.get("channels"))),
      this.#load(textIn(space?.get("members"))),
      this.#load(ids.plainMap),
      this.#load(ids.plainList),
    ]);
    const first = channels?.asArray()[0];
    const channel = typeof first === "string" ? await this.#load<RawMap>(first) : undefined;
    const thread = channel?.get("mainThread");
    if (typeof thread !== "string") return false;
    this.#mainThread = thread;
    if (channels !== undefined) this.#stops.push(channels.core.subscribe(() => void this.#loadChannels(), true));
    const hasOpened = await this.follow(thread);
    await this.#settled();
    this.#isFresh = false;
    return hasOpened;
  }

  /** Follows a thread and its messages; one without a timeline of its own is read through its channel (ORD-06). */
  async follow(thread: CoId): Promise<boolean> {
    if (this.#threads.has(thread)) return true;
    const timeline = await this.#timelineOf(thread);
    if (timeline === undefined) return false;
    const counts = new Map<SessionId, number>();
    const take = (): void => {
      for (const item of this.#itemsOf(timeline, counts)) if (item.item !== undefined) this.#followMessage(item.item.value);
    };
    const core = this.node.getCoValue(timeline);
    this.#threads.set(thread, { counts, stop: () => {} });
    this.#threads.set(thread, { counts, stop: core.subscribe(take, true) });
    return true;
  }

  stop(): void {
    for (const { stop } of [...this.#threads.values(), ...this.#messages.values()]) stop();
    for (const stop of this.#stops) stop();
  }

  /** Does one act of the data model; gives what it made, and the transactions to be confirmed. */
  act(
    act: Act,
    mark: (payload: string) => { readonly content: string; readonly mark?: string },
    nowMs: number,
  ): { readonly id?: CoId; readonly needs: Needs } {
    const needs: Needs = new Map();
    switch (act.do) {
      case "send": {
        const createdAt = act.createdAt ?? nowMs;
        const thread = act.thread ?? this.mainThread;
        const { content } = mark(act.content);
        const message = this.#createFeed({ kind: "create", author: this.account, threadId: thread, content, createdAt }, needs);
        this.#push(this.#timelineNow(thread), { value: message, madeAt: createdAt }, needs);
        return { id: message, needs };
      }
      case "edit": {
        const id = this.#chosen(act);
        const events = this.events(id);
        const own = events.filter(({ account, value }) => account === this.account && value.kind === "edit").length;
        const { content } = mark(act.content);
        const version = `${this.account}/${own + 1}`;
        this.#event(id, { kind: "edit", version, parents: liveVersions(events), content, at: act.at ?? nowMs }, needs);
        return { id, needs };
      }
      case "delete": {
        const id = this.#chosen(act);
        this.#event(id, { kind: "delete", at: act.at ?? nowMs, ...only(mark("delete").mark) }, needs);
        return { id, needs };
      }
      case "react": {
        const id = this.#chosen(act);
        const { emoji, on } = act;
        this.#event(id, { kind: "reaction", emoji, on, at: act.at ?? nowMs, ...only(mark(`${emoji} ${on}`).mark) }, needs);
        return { id, needs };
      }
      case "hide": {
        const id = this.#chosen(act);
        this.#event(id, { kind: "hide", threadId: act.thread, at: nowMs, ...only(mark(act.thread).mark) }, needs);
        return { id, needs };
      }
      case "feed":
        return { id: this.#createFeed(act.event, needs), needs };
      case "event":
        this.#push(act.message, act.event, needs);
        return { id: act.message, needs };
      case "post":
        this.#push(this.#timelineNow(act.thread ?? this.mainThread), { value: act.value, madeAt: act.madeAt }, needs);
        return { needs };
      case "channel": {
        const group = act.closed === true ? this.node.createGroup() : this.#group();
        const { channel, thread } = this.#channel(group, act.name);
        this.#listOf("channels").append(channel, undefined, "private");
        void this.follow(thread);
        return { id: thread, needs };
      }
      case "thread": {
        const timeline = this.#group().createStream([], "private");
        return { id: this.#group().createMap(act.timeline ? { timeline: timeline.id } : {}, null, "private").id, needs };
      }
      case "role":
        this.#group().addMember(act.account === "everyone" ? act.account : this.#content(act.account), act.role);
        this.#need(this.#group().id, needs);
        return { needs };
      case "assign":
        this.#content<RawMap>(this.#known().plainMap)?.set(act.key, act.value, "private");
        this.#need(this.#known().plainMap, needs);
        return { needs };
      case "append":
        this.#content<RawList>(this.#known().plainList)?.append(act.value, undefined, "private");
        this.#need(this.#known().plainList, needs);
        return { needs };
      case "follow":
        void this.follow(act.thread);
        return { needs };
      case "load":
        void this.#load(act.id);
        return { needs };
      case "private": {
        const group = this.node.createGroup();
        const members = group.createList([this.account], null, "private");
        const space = group.createMap({ name: act.content, members: members.id }, null, "private");
        this.#need(space.id, needs);
        return { id: space.id, needs };
      }
      case "guest":
      case "prove":
      case "offline":
      case "online":
      case "release":
      case "forge":
        return { needs };
    }
  }

  view(): View {
    const ids = this.#known();
    const space = this.#content<RawMap>(ids.space);
    const channels = this.#content<RawList>(textIn(space?.get("channels")))?.asArray() ?? [];
    const threads = [...this.#threads.keys()].sort();
    return {
      name: space?.get("name") ?? null,
      members: [...new Set(this.#content<RawList>(textIn(space?.get("members")))?.asArray())],
      channels: channels.map((id) => this.#channelView(textIn(id))),
      threads: Object.fromEntries(threads.map((thread) => [thread, this.messages(thread)])),
      orders: Object.fromEntries(threads.map((thread) => [thread, this.order(thread)])),
      map: this.#content<RawMap>(ids.plainMap)?.toJSON() ?? {},
      list: this.#content<RawList>(ids.plainList)?.asArray() ?? [],
    };
  }

  /** Messages of a thread as they are shown, in order; those not here yet are left out. */
  messages(thread: CoId): readonly Message[] {
    return this.order(thread).flatMap((id) => foldMessage(id, this.events(id)) ?? []);
  }

  /** Ids that a thread lists, in order, whether their feeds are here or not. */
  order(thread: CoId): readonly CoId[] {
    const timeline = this.#timelineKnown(thread);
    return timeline === undefined
      ? []
      : foldTimeline(
          this.#itemsOf(timeline, undefined).flatMap(({ item, place }) => (item === undefined ? [] : [{ ...place, value: item }])),
        );
  }

  /** Items of a thread's timeline, as they stand in the logs. */
  timeline(thread: CoId): readonly Placed<TimelineItem>[] {
    const timeline = this.#timelineKnown(thread);
    return timeline === undefined
      ? []
      : this.#itemsOf(timeline, undefined).flatMap(({ item, place }) => (item === undefined ? [] : [{ ...place, value: item }]));
  }

  /** Events of a message's feed that this replica holds and may read. */
  events(id: CoId): readonly Placed<MessageEvent>[] {
    return this.#placed(id, undefined).flatMap(({ place, value }) => {
      const event = parseEvent(value);
      return event === undefined ? [] : [{ ...place, value: event }];
    });
  }

  // The data model

  #channel(group: Group, name: string): { readonly channel: CoId; readonly thread: CoId } {
    const timeline = group.createStream([], "private");
    const thread = group.createMap({ timeline: timeline.id }, null, "private");
    return { channel: group.createMap({ name, mainThread: thread.id }, null, "private").id, thread: thread.id };
  }

  #createFeed(event: MessageEvent, needs: Needs): CoId {
    const feed = this.#group().createStream([event], "private");
    this.#followMessage(feed.id);
    this.#need(feed.id, needs);
    return feed.id;
  }

  #event(id: CoId, event: MessageEvent, needs: Needs): void {
    this.#push(id, event, needs);
  }

  #push(id: CoId | undefined, item: unknown, needs: Needs): void {
    const feed = id === undefined ? undefined : this.#content<RawFeed>(id);
    if (id === undefined || feed === undefined) throw new Unheld(String(id));
    feed.push(item as Json, "private");
    this.#need(id, needs);
  }

  #need(id: CoId, needs: Needs): void {
    needs.set(id, this.node.getCoValue(id).knownState().sessions[this.node.currentSessionID] ?? 0);
  }

  #chosen(act: { readonly message?: CoId; readonly pick?: number }): CoId {
    if (act.message !== undefined) return act.message;
    const order = this.order(this.mainThread).filter((id) => this.node.getCoValue(id).isAvailable());
    const id = order[Math.min(order.length - 1, Math.floor((act.pick ?? 0) * order.length))];
    if (id === undefined) throw new Unheld("any message");
    return id;
  }

  // Reading and following

  #followMessage(id: CoId): void {
    if (this.#messages.has(id)) return;
    const counts = new Map<SessionId, number>();
    const isHistory = this.#isFresh;
    let isFirst = true;
    const take = (core: Core): void => {
      if (!core.isAvailable()) return;
      const isOld = isHistory && isFirst;
      isFirst = false;
      for (const { place, value } of this.#placed(id, counts)) {
        const event = parseEvent(value);
        if (event === undefined) this.#ears.problem(`an entry of ${id} has another shape`);
        else if (!isOld && place.session !== this.node.currentSessionID) this.#ears.event(id, { ...place, value: event });
      }
    };
    const core = this.node.getCoValue(id);
    this.#messages.set(id, { counts, stop: () => {} });
    this.#messages.set(id, { counts, stop: core.subscribe(take, true) });
    if (!core.isAvailable()) void this.node.load(id).catch(() => undefined);
  }

  /** History is here, or is not to be had within the time that a load takes. */
  async #settled(): Promise<void> {
    const endMs = performance.now() + SETTLE_MS_MAX;
    const isHere = (): boolean => [...this.#messages.keys()].every((id) => this.node.getCoValue(id).isAvailable());
    while (!isHere() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async #loadChannels(): Promise<void> {
    for (const id of this.#listOf("channels").asArray()) {
      const channel = await this.#load<RawMap>(textIn(id));
      const thread = channel?.get("mainThread");
      if (typeof thread === "string") await this.follow(thread);
    }
  }

  #channelView(id: CoId): View["channels"][number] {
    const channel = this.#content<RawMap>(id);
    const thread = channel?.get("mainThread");
    return channel === undefined || typeof thread !== "string" ? null : { id, name: channel.get("name") ?? null, thread };
  }

  async #timelineOf(thread: CoId): Promise<CoId | undefined> {
    const map = await this.#load<RawMap>(thread);
    const own = map?.get("timeline");
    if (typeof own === "string") return (await this.#load(own)) === undefined ? undefined : own;
    if (map === undefined || thread === this.#mainThread) return undefined;
    return this.#timelineOf(this.mainThread);
  }

  #timelineKnown(thread: CoId): CoId | undefined {
    const own = this.#content<RawMap>(thread)?.get("timeline");
    if (typeof own === "string") return own;
    return thread === this.#mainThread || this.#mainThread === undefined ? undefined : this.#timelineKnown(this.#mainThread);
  }

  #timelineNow(thread: CoId): CoId {
    const timeline = this.#timelineKnown(thread);
    if (timeline === undefined) throw new Unheld(thread);
    return timeline;
  }

  #itemsOf(
    timeline: CoId,
    counts: Map<SessionId, number> | undefined,
  ): { item: TimelineItem | undefined; place: Omit<Placed<unknown>, "value"> }[] {
    return this.#placed(timeline, counts).map(({ place, value }) => {
      const item = parseItem(value);
      if (item === undefined && counts !== undefined) this.#ears.problem(`an entry of timeline ${timeline} has another shape`);
      return { item, place };
    });
  }

  /** Entries of a feed; with `counts` only those that were not counted yet. */
  #placed(id: CoId, counts: Map<SessionId, number> | undefined): { place: Omit<Placed<unknown>, "value">; value: Json }[] {
    const feed = this.#content<RawFeed>(id);
    if (feed?.items === undefined) return [];
    return Object.entries(feed.items).flatMap(([session, items]) => {
      const from = counts?.get(session) ?? 0;
      counts?.set(session, Math.max(from, items.length));
      return items
        .slice(from)
        .map((item, index) => ({ place: { account: accountOf(session), session, index: from + index }, value: item.value }));
    });
  }

  #known(): SpaceIds {
    if (this.#ids === undefined) throw new Error("no space is open");
    return this.#ids;
  }

  #group(): Group {
    const group = this.#content<Group>(this.#known().group);
    if (group === undefined) throw new Unheld(this.#known().group);
    return group;
  }

  #listOf(field: "channels" | "members"): RawList {
    const list = this.#content<RawList>(textIn(this.#content<RawMap>(this.#known().space)?.get(field)));
    if (list === undefined) throw new Unheld(field);
    return list;
  }

  #content<T>(id: CoId): T | undefined {
    if (!id.startsWith("co_z")) return undefined;
    const core = this.node.getCoValue(id);
    return core.isAvailable() ? (core.getCurrentContent() as T) : undefined;
  }

  async #load<T>(id: CoId): Promise<T | undefined> {
    if (!id.startsWith("co_z")) return undefined;
    const value = await this.node.load(id);
    return value === "unavailable" ? undefined : this.#content<T>(id);
  }
}

/** A load takes about 3 s with its one retry. */
const SETTLE_MS_MAX = 4_000;
