import type { Act } from "../acts.ts";
import { liveVersions } from "../fold.ts";
import type { Json } from "../../../core/op.ts";
import { type CoId, type MessageEvent, textIn } from "../messages.ts";
import type { View } from "../view.ts";
import type { Group, Node, RawFeed, RawList, RawMap } from "./library.ts";
import { contentOf, loadFrom, type Needs, only, type ReplicaEars, type SpaceIds, Unheld } from "./replica-parts.ts";
import { Threads } from "./threads.ts";

/** One account's copy of one space: reads, follows and writes it by the data model (section 3, M). */
export class Replica {
  readonly node: Node;
  readonly account: CoId;
  readonly threads: Threads;
  readonly #stops: (() => void)[] = [];
  #ids: SpaceIds | undefined;

  /** `wholeMax`: threads with more messages are loaded by visible range only; default: all are loaded whole. */
  constructor(node: Node, account: CoId, ears: ReplicaEars, wholeMax: number = Number.POSITIVE_INFINITY) {
    this.node = node;
    this.account = account;
    this.threads = new Threads(node, ears, wholeMax);
  }

  get mainThread(): CoId {
    const { main } = this.threads;
    if (main === undefined) throw new Error("no space is open");
    return main;
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
    this.threads.main = thread;
    if (channels !== undefined) this.#stops.push(channels.core.subscribe(() => void this.#loadChannels(), true));
    const hasOpened = await this.threads.follow(thread);
    await this.threads.settle();
    return hasOpened;
  }

  stop(): void {
    this.threads.stop();
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
        const events = this.threads.events(id);
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
      case "posts": {
        const timeline = this.#timelineNow(this.mainThread);
        // Whoever writes a list that is too long to load does not load it.
        this.threads.limit(0);
        this.node.getCoValue(timeline).makeTransaction(
          act.values.map((value, index) => ({ value, madeAt: act.madeAt + index })),
          "private",
        );
        this.#need(timeline, needs);
        return { needs };
      }
      case "channel": {
        const group = act.closed === true ? this.node.createGroup() : this.#group();
        const { channel, thread } = this.#channel(group, act.name);
        this.#listOf("channels").append(channel, undefined, "private");
        void this.threads.follow(thread);
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
        void this.threads.follow(act.thread);
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
    const threads = this.threads.followed;
    return {
      name: space?.get("name") ?? null,
      members: [...new Set(this.#content<RawList>(textIn(space?.get("members")))?.asArray())],
      channels: channels.map((id) => this.#channelView(textIn(id))),
      threads: Object.fromEntries(threads.map((thread) => [thread, this.threads.messages(thread)])),
      orders: Object.fromEntries(threads.map((thread) => [thread, this.threads.order(thread)])),
      map: this.#content<RawMap>(ids.plainMap)?.toJSON() ?? {},
      list: this.#content<RawList>(ids.plainList)?.asArray() ?? [],
    };
  }

  // The data model

  #channel(group: Group, name: string): { readonly channel: CoId; readonly thread: CoId } {
    const timeline = group.createStream([], "private");
    const thread = group.createMap({ timeline: timeline.id }, null, "private");
    return { channel: group.createMap({ name, mainThread: thread.id }, null, "private").id, thread: thread.id };
  }

  #createFeed(event: MessageEvent, needs: Needs): CoId {
    const feed = this.#group().createStream([event], "private");
    this.threads.followMessage(feed.id);
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
    const order = this.threads.order(this.mainThread).filter((id) => this.node.getCoValue(id).isAvailable());
    const id = order[Math.min(order.length - 1, Math.floor((act.pick ?? 0) * order.length))];
    if (id === undefined) throw new Unheld("any message");
    return id;
  }

  async #loadChannels(): Promise<void> {
    for (const id of this.#listOf("channels").asArray()) {
      const channel = await this.#load<RawMap>(textIn(id));
      const thread = channel?.get("mainThread");
      if (typeof thread === "string") await this.threads.follow(thread);
    }
  }

  #channelView(id: CoId): View["channels"][number] {
    const channel = this.#content<RawMap>(id);
    const thread = channel?.get("mainThread");
    return channel === undefined || typeof thread !== "string" ? null : { id, name: channel.get("name") ?? null, thread };
  }

  #timelineNow(thread: CoId): CoId {
    const timeline = this.threads.timelineKnown(thread);
    if (timeline === undefined) throw new Unheld(thread);
    return timeline;
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
    return contentOf<T>(this.node, id);
  }

  #load<T>(id: CoId): Promise<T | undefined> {
    return loadFrom<T>(this.node, id);
  }
}
