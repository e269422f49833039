import type { Json } from "../../../../core/op.ts";
import type { Act } from "../../acts.ts";
import { type CoId, type Message, type MessageEvent, type Placed, type SyncMessage, textIn } from "../../messages.ts";
import type { View } from "../../view.ts";
import { type Account, type Library, loadLibrary, type Node, type Peer } from "../library.ts";
import { Link } from "../link.ts";
import { Replica } from "../replica.ts";
import { Unheld } from "../replica-parts.ts";
import { CACHE_MAX, MessageCache } from "./cache.ts";
import type { ClientFault } from "./faults.ts";
import { HubSide } from "./hub-side.ts";
import { Leg } from "./leg.ts";
import { Metrics } from "./metrics.ts";
import { isUnknown, Queue } from "./queue.ts";
import { Store, type SyncItem } from "./store.ts";

/** What `connect` is given. */
export interface ClientTarget {
  readonly url: string;
  readonly hub?: string;
  readonly account: Account;
  readonly space: CoId;
}

export type Tell = (event: Readonly<Record<string, unknown>> & { readonly event: string }) => void;

type Action = Readonly<Record<string, Json>>;

/** J-11: flushed so long after the last, and at most so long after the first. */
const FLUSH_MS = 100;
const FLUSH_MS_MAX = 500;
/** A confirmation that is this late: what it is for is sent again. */
const RESEND_MS = 3_000;
/** J-8: not more than this is sent again at once. */
const UNCONFIRMED_MAX = 50;

interface Owned {
  readonly verified: { readonly header: { readonly ruleset: { readonly group?: CoId } } } | null;
}

/** An offline-first chat client by J-7…J-15: replica, disk, queue, cache and two legs. */
export class RoomyClient {
  readonly #store: Store;
  readonly #fault: ClientFault;
  readonly #tell: Tell;
  readonly #queue: Queue;
  readonly #cache: MessageCache;
  readonly #metrics: Metrics;
  #failed: { readonly item: SyncItem; readonly reason: string }[] = [];
  #target: ClientTarget | undefined;
  #library: Library | undefined;
  #node: Node | undefined;
  #replica: Replica | undefined;
  #firstView: View | undefined;
  #link: Link | undefined;
  #sync: Leg | undefined;
  #hub: Leg | undefined;
  #hubSide: HubSide | undefined;
  #firstMs = 0;
  #flush: NodeJS.Timeout | undefined;
  #resend: NodeJS.Timeout | undefined;
  #isNetworkOn = true;
  #hasWarned = false;
  #unread = 0;

  constructor(folder: string, fault: ClientFault, tell: Tell) {
    this.#store = new Store(folder, fault);
    this.#fault = fault;
    this.#tell = tell;
    this.#queue = new Queue(this.#store, fault);
    this.#cache = new MessageCache(fault);
    this.#metrics = new Metrics(tell, () => this.#queue.size, fault);
  }

  async connect(target: ClientTarget): Promise<void> {
    this.#target = target;
    this.#store.write("target", target);
    const library = await loadLibrary();
    this.#library = library;
    const { account, space } = target;
    this.#hubSide = new HubSide(account.accountID, space, this.#metrics, {
      send: (frame) => void this.#hub?.send(frame),
      prove: (nonce) => {
        const { crypto } = library;
        return crypto.sign(crypto.getAgentSignerSecret(account.accountSecret), { account: account.accountID, nonce });
      },
      isHeld: (id) => this.#fault !== "hint-beside-message" && this.#replica?.threads.message(id) !== undefined,
      changed: () => this.#changed(),
    });
    this.#sync = new Leg("sync", target.url, this.#fault, {
      event: this.#tell,
      opened: () => void this.#opened(),
      frame: (text) => this.#link?.frame(text),
      lost: (isWanted) => this.#lost(isWanted),
    });
    if (target.hub !== undefined)
      this.#hub = new Leg("hub", target.hub, this.#fault, {
        event: this.#tell,
        opened: () => undefined,
        frame: (text) => this.#hubSide?.heard(text),
        lost: (isWanted) => {
          if (!isWanted) this.#metrics.failed();
        },
      });
    clearInterval(this.#resend);
    this.#resend = setInterval(() => this.#sendAgain(), RESEND_MS);
    this.#metrics.start();
    this.setOffline(!this.#isNetworkOn);
    this.#sync.start();
    this.#hub?.start();
  }

  /** After a crash: the same user on the same disk. */
  async restart(how: { readonly offline?: boolean }): Promise<void> {
    this.#isNetworkOn = how.offline !== true;
    const target = this.#store.read<ClientTarget>("target");
    if (target === undefined) return;
    await this.connect(target);
    if (!this.#isNetworkOn) await this.#enter([this.#store.peer(await loadLibrary())]);
  }

  disconnect(): void {
    this.#sync?.stop();
    this.#hub?.stop();
  }

  setOffline(isOffline: boolean): void {
    this.#isNetworkOn = !isOffline;
    this.#sync?.setNetwork(!isOffline);
    this.#hub?.setNetwork(!isOffline);
  }

  /** One act of the user. Taken in at once: made locally, queued, confirmed later. */
  async do(action: Action): Promise<Json> {
    const replica = this.#replica;
    if (replica === undefined) throw new Error("the space is not loaded yet");
    const kind = textIn(action["do"]);
    switch (kind) {
      case "typing":
      case "status":
        this.#hubSide?.shout(kind, action);
        return null;
      case "read":
        return { message: (await this.#read(textIn(action["messageId"]))) as unknown as Json };
      case "show":
        replica.threads.show(textIn(action["threadId"]), { first: Number(action["first"]), last: Number(action["last"]) });
        this.#unread = 0;
        return null;
      case "enqueue":
        return this.#enqueue(action["item"] as unknown as SyncItem);
      case "drain":
        return this.#sendAgain();
      default:
        return this.#write(replica, kind, action);
    }
  }

  state(): Json {
    const view = this.#replica?.view();
    const spaces = this.#fault === "old-space" ? (this.#firstView ??= view) : view;
    const state = {
      connection: { sync: this.#sync?.state ?? "offline", hub: this.#hub?.state ?? "offline" },
      account: { id: this.#target?.account.accountID ?? "", name: "", joinedSpaces: [] },
      spaces:
        spaces === undefined
          ? {}
          : { [this.#target?.space ?? ""]: { name: spaces.name, channels: spaces.channels, members: spaces.members } },
      threads: Object.fromEntries(Object.entries(view?.threads ?? {}).map(([thread, messages]) => [thread, this.#shown(thread, messages)])),
      queue: this.#queue.all.map((each) => each.item),
      failed: this.#failed,
      typing: this.#hubSide?.typing ?? {},
      presence: this.#hubSide?.presence ?? {},
      cacheSize: this.#cache.size,
      messageCount: Object.values(view?.orders ?? {}).reduce((sum, { length }) => sum + length, 0),
      unreadCount: this.#unread,
    };
    return state as unknown as Json;
  }

  // What the user does

  async #write(replica: Replica, kind: string, action: Action): Promise<Json> {
    const { act, type } = actOf(kind, action);
    const item: SyncItem = { type, data: action, timestamp: Date.now() };
    if (this.#fault === "closed-socket-counts" && this.#sync?.state !== "online") {
      // Handed to a socket that is closed, and counted as done.
      this.#sync?.send(JSON.stringify(item));
      return null;
    }
    const { id, needs } = await this.#perform(replica, act);
    const session = this.#node?.currentSessionID ?? "";
    this.#queue.push({
      item,
      needs: [...needs].map(([value, length]) => ({ id: value, session, length })),
      ...(id === undefined ? {} : { message: id }),
    });
    if (id !== undefined) this.#keep(id);
    if (this.#fault === "lost-is-success" && type === "message" && id !== undefined) this.#metrics.delivery(id, 1, true);
    this.#tell({ event: "render", what: replica.mainThread, local: true });
    if (type === "message" && id !== undefined)
      this.#hubSide?.hint({
        id,
        content: textIn(action["content"]),
        author: replica.account,
        threadId: replica.mainThread,
        createdAt: new Date(item.timestamp).toISOString(),
      });
    return { messageId: id ?? null };
  }

  /** What is done to a message that is not here waits until it is (J-12). */
  async #perform(replica: Replica, act: Act): Promise<ReturnType<Replica["act"]>> {
    const perform = (): ReturnType<Replica["act"]> => replica.act(act, (payload) => ({ content: payload }), Date.now());
    try {
      return perform();
    } catch (error) {
      if (!(error instanceof Unheld) || !("message" in act) || act.message === undefined) throw error;
      await replica.threads.loadMessage(act.message);
      return perform();
    }
  }

  /** A message from the cache, or loaded again. */
  async #read(id: CoId): Promise<Message | null> {
    const message = this.#cache.get(id) ?? (await this.#replica?.threads.loadMessage(id));
    if (message !== undefined) this.#cache.set(message);
    return message ?? null;
  }

  #keep(id: CoId): void {
    const message = this.#replica?.threads.message(id);
    if (message !== undefined) this.#cache.set(message);
  }

  async #enqueue(item: SyncItem): Promise<Json> {
    if (item.type === "retry") return this.#sendAgain();
    if (!isUnknown(item)) return this.do(item.data as Action);
    if (this.#fault === "drops-unknown") return null;
    this.#queue.push({ item, needs: [] });
    this.#failed = [...this.#failed, { item, reason: "unknown type" }];
    return null;
  }

  // The sync leg

  async #opened(): Promise<void> {
    const library = this.#library;
    if (library === undefined) return;
    this.#hasWarned = false;
    this.#metrics.opened();
    const link = new Link(library, "server", {
      send: (frame) => void this.#sync?.send(frame),
      message: (message) => this.#heard(message),
      problem: () => {
        this.#metrics.failed();
        this.#tell({ event: "notice", level: "error", text: "the server sent what is no message" });
      },
    });
    this.#link = link;
    if (this.#node === undefined) await this.#enter([this.#store.peer(library), link.peer]);
    else this.#node.syncManager.addPeer(link.peer);
  }

  async #enter(peers: readonly Peer[]): Promise<void> {
    const target = this.#target;
    if (target === undefined || this.#library === undefined || this.#node !== undefined) return;
    const { LocalNode, crypto } = this.#library;
    const sessionID = crypto.newRandomSessionID(target.account.accountID);
    const node = await LocalNode.withLoadedAccount({ ...target.account, sessionID, crypto, peers });
    this.#node = node;
    await node.load(target.space);
    const group = (node.getCoValue(target.space) as unknown as Owned).verified?.header.ruleset.group ?? "";
    const ears = { event: (id: CoId, placed: Placed<MessageEvent>) => this.#changedBy(id, placed), problem: () => undefined };
    const wholeMax = this.#fault === "loads-all" ? Number.POSITIVE_INFINITY : CACHE_MAX;
    const replica = new Replica(node, target.account.accountID, ears, wholeMax);
    await replica.open({ group, space: target.space, plainMap: "", plainList: "" });
    this.#replica = replica;
    this.#changed();
  }

  #changedBy(id: CoId, { account, value }: Placed<MessageEvent>): void {
    this.#hubSide?.settle(id);
    this.#keep(id);
    if (value.kind === "create" && account !== this.#target?.account.accountID) this.#unread += 1;
    this.#changed();
  }

  #lost(isWanted: boolean): void {
    this.#link?.end();
    this.#link = undefined;
    if (isWanted) return;
    this.#metrics.lost();
    if (!this.#hasWarned) this.#tell({ event: "notice", level: "warning", text: "the connection is lost; what you write is kept" });
    this.#hasWarned = this.#fault !== "warns-each-time";
  }

  #heard(message: SyncMessage): void {
    if (message.action !== "known" || this.#fault === "queue-lives-on") return;
    for (const { item, message: id } of this.#queue.confirm(message.id, message.sessions))
      if (item.type === "message" && id !== undefined) this.#metrics.delivery(id, Date.now() - item.timestamp, true);
  }

  /** What is not confirmed is sent once more; a transaction that the server has is passed over there. */
  #sendAgain(): null {
    if (this.#sync?.state !== "online" || this.#link === undefined || this.#fault === "sends-once") return null;
    const nowMs = Date.now();
    for (const { item, needs } of this.#queue.all.slice(0, UNCONFIRMED_MAX)) {
      if (nowMs - item.timestamp < RESEND_MS) continue;
      for (const { id, session } of needs.filter((need) => !this.#queue.isCovered(need)))
        for (const content of this.#store.beyond(id, { [session]: this.#queue.covered(id, session) }))
          this.#sync.send(JSON.stringify(content));
    }
    return null;
  }

  // What the user sees

  /** J-11: gathered for 100 ms after the last, at most 500 ms after the first. */
  #changed(): void {
    const nowMs = performance.now();
    if (this.#flush === undefined) this.#firstMs = nowMs;
    if (this.#fault === "renders-each") this.#render();
    clearTimeout(this.#flush);
    this.#flush = setTimeout(
      () => {
        this.#flush = undefined;
        this.#render();
      },
      Math.max(0, Math.min(FLUSH_MS, this.#firstMs + FLUSH_MS_MAX - nowMs)),
    );
  }

  #render(): void {
    this.#tell({ event: "render", what: this.#replica?.threads.main ?? "", local: false });
  }

  #shown(thread: CoId, messages: readonly Message[]): Json {
    const pending = new Set(this.#queue.all.flatMap(({ message }) => (message === undefined ? [] : [message])));
    const shown = messages.map((message) => ({
      ...message,
      content: this.#fault === "unsymmetric-merge" ? message.content.split("\n").reverse().join("\n") : message.content,
      temporary: false,
      pending: pending.has(message.id),
      hint: false,
    }));
    const twice = this.#fault === "shows-twice" ? shown.filter((each) => each.pending) : [];
    const hints = (this.#hubSide?.hints(thread) ?? [])
      .filter(({ id }) => this.#fault === "hint-beside-message" || !messages.some((each) => each.id === id))
      .map((each) => ({
        ...each,
        createdAt: Date.parse(each.createdAt),
        reactions: {},
        hiddenIn: [],
        temporary: false,
        pending: true,
        hint: true,
      }));
    return [...shown, ...twice, ...hints];
  }
}

function actOf(kind: string, action: Action): { readonly act: Act; readonly type: string } {
  const message = textIn(action["messageId"]);
  const thread = action["threadId"];
  switch (kind) {
    case "send":
      return {
        act: { do: "send", content: textIn(action["content"]), ...(typeof thread === "string" ? { thread } : {}) },
        type: "message",
      };
    case "edit":
      return { act: { do: "edit", message, content: textIn(action["content"]) }, type: "edit" };
    case "delete":
      return { act: { do: "delete", message }, type: "delete" };
    case "react":
      return { act: { do: "react", message, emoji: textIn(action["emoji"]), on: action["on"] === true }, type: "reaction" };
    default:
      throw new Error(`unknown action ${kind}`);
  }
}
