import type { Json } from "../../../../core/op.ts";
import type { Act } from "../../acts.ts";
import { decodeHubOut } from "../../codec.ts";
import { type CoId, type HubMessage, type Message, type SessionId, type Status, type SyncMessage, textIn } from "../../messages.ts";
import { type Account, type Library, loadLibrary, type Node } from "../library.ts";
import { Link } from "../link.ts";
import { Replica } from "../replica.ts";
import type { ClientFault } from "./faults.ts";
import { Leg } from "./leg.ts";
import { type QueuedItem, Store, type SyncItem } from "./store.ts";

/** What `connect` is given. */
export interface ClientTarget {
  readonly url: string;
  readonly hub?: string;
  readonly account: Account;
  readonly space: CoId;
}

export type Tell = (event: Readonly<Record<string, unknown>> & { readonly event: string }) => void;

/** J-11: flushed so long after the last, and at most so long after the first. */
const FLUSH_MS = 100;
const FLUSH_MS_MAX = 500;
/** A confirmation that is this late: what it is for is sent again. */
const RESEND_MS = 3_000;
const TYPING_MS_MAX = 10_000;

interface Owned {
  readonly verified: { readonly header: { readonly ruleset: { readonly group?: CoId } } } | null;
}

/** An offline-first chat client by J-7…J-15: replica, disk, queue and two legs. */
export class RoomyClient {
  readonly #store: Store;
  readonly #fault: ClientFault;
  readonly #tell: Tell;
  readonly #covered = new Map<string, number>();
  readonly #hints = new Map<CoId, HubMessage>();
  readonly #typing = new Map<string, NodeJS.Timeout>();
  readonly #presence = new Map<CoId, Status>();
  #queue: QueuedItem[];
  #failed: { readonly item: SyncItem; readonly reason: string }[] = [];
  #target: ClientTarget | undefined;
  #library: Library | undefined;
  #node: Node | undefined;
  #replica: Replica | undefined;
  #link: Link | undefined;
  #sync: Leg | undefined;
  #hub: Leg | undefined;
  #firstMs = 0;
  #flush: NodeJS.Timeout | undefined;
  #resend: NodeJS.Timeout | undefined;
  #isNetworkOn = true;
  #hasWarned = false;

  constructor(folder: string, fault: ClientFault, tell: Tell) {
    this.#store = new Store(folder);
    this.#fault = fault;
    this.#tell = tell;
    this.#queue = fault === "forgets-queue" ? [] : (this.#store.read<QueuedItem[]>("queue") ?? []);
  }

  async connect(target: ClientTarget): Promise<void> {
    this.#target = target;
    this.#store.write("target", target);
    this.#library = await loadLibrary();
    const ears = { event: this.#tell, lost: () => undefined };
    this.#sync = new Leg("sync", target.url, this.#fault, {
      ...ears,
      opened: () => void this.#opened(),
      frame: (text) => this.#link?.frame(text),
      lost: () => this.#lost(),
    });
    if (target.hub !== undefined)
      this.#hub = new Leg("hub", target.hub, this.#fault, {
        ...ears,
        opened: () => undefined,
        frame: (text) => this.#heardHub(text),
        lost: () => undefined,
      });
    clearInterval(this.#resend);
    this.#resend = setInterval(() => this.#sendAgain(), RESEND_MS);
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
  do(action: Readonly<Record<string, Json>>): Json {
    const replica = this.#replica;
    if (replica === undefined) throw new Error("the space is not loaded yet");
    const kind = textIn(action["do"]);
    if (kind === "typing" || kind === "status") return this.#shout(kind, action);
    if (kind === "read") return { message: (this.#shownById(textIn(action["messageId"])) ?? null) as unknown as Json };
    if (kind === "enqueue") return this.#enqueue(action["item"] as unknown as SyncItem);
    if (kind === "drain") return this.#sendAgain();
    if (kind === "show") return null;
    const { act, type } = actOf(kind, action);
    const item: SyncItem = { type, data: action, timestamp: Date.now() };
    if (this.#fault === "closed-socket-counts" && this.#sync?.state !== "online") {
      // Handed to a socket that is closed, and counted as done.
      this.#sync?.send(JSON.stringify(item));
      return null;
    }
    const { id, needs } = replica.act(act, (payload) => ({ content: payload }), Date.now());
    const session = this.#node?.currentSessionID ?? "";
    this.#queue.push({ item, needs: [...needs].map(([value, length]) => ({ id: value, session, length })) });
    this.#store.write("queue", this.#queue);
    this.#tell({ event: "render", what: replica.mainThread, local: true });
    if (type === "message" && this.#target !== undefined) {
      const { account } = this.#target;
      const data = {
        id,
        content: action["content"],
        author: account.accountID,
        threadId: replica.mainThread,
        createdAt: new Date(item.timestamp).toISOString(),
      };
      this.#hub?.send(JSON.stringify({ type: "message", data }));
    }
    return { messageId: id ?? null };
  }

  state(): Json {
    const view = this.#replica?.view();
    const threads = Object.fromEntries(
      Object.entries(view?.threads ?? {}).map(([thread, messages]) => [thread, this.#shown(thread, messages)]),
    );
    const state = {
      connection: { sync: this.#sync?.state ?? "offline", hub: this.#hub?.state ?? "offline" },
      account: { id: this.#target?.account.accountID ?? "", name: "", joinedSpaces: [] },
      spaces:
        view === undefined ? {} : { [this.#target?.space ?? ""]: { name: view.name, channels: view.channels, members: view.members } },
      threads,
      queue: this.#queue.map((each) => each.item),
      failed: this.#failed,
      typing: this.#typingShown(),
      presence: Object.fromEntries(this.#presence),
      cacheSize: Object.values(view?.threads ?? {}).flat().length,
    };
    return state as unknown as Json;
  }

  // The sync leg

  async #opened(): Promise<void> {
    const library = this.#library;
    if (library === undefined) return;
    this.#hasWarned = false;
    const link = new Link(library, "server", {
      send: (frame) => void this.#sync?.send(frame),
      message: (message) => this.#heard(message),
      problem: () => this.#tell({ event: "notice", level: "error", text: "the server sent what is no message" }),
    });
    this.#link = link;
    if (this.#node === undefined) await this.#enter([this.#store.peer(library), link.peer]);
    else this.#node.syncManager.addPeer(link.peer);
  }

  async #enter(peers: readonly import("../library.ts").Peer[]): Promise<void> {
    const target = this.#target;
    if (target === undefined || this.#library === undefined || this.#node !== undefined) return;
    const { LocalNode, crypto } = this.#library;
    const sessionID = crypto.newRandomSessionID(target.account.accountID);
    const node = await LocalNode.withLoadedAccount({ ...target.account, sessionID, crypto, peers });
    this.#node = node;
    await node.load(target.space);
    const group = (node.getCoValue(target.space) as unknown as Owned).verified?.header.ruleset.group ?? "";
    const replica = new Replica(node, target.account.accountID, {
      event: (id) => {
        this.#hints.delete(id);
        this.#changed();
      },
      problem: () => undefined,
    });
    await replica.open({ group, space: target.space, plainMap: "", plainList: "" });
    this.#replica = replica;
    this.#changed();
  }

  #lost(): void {
    this.#link?.end();
    this.#link = undefined;
    if (!this.#hasWarned) this.#tell({ event: "notice", level: "warning", text: "the connection is lost; what you write is kept" });
    this.#hasWarned = true;
  }

  #heard(message: SyncMessage): void {
    if (message.action !== "known") return;
    for (const [session, length] of Object.entries(message.sessions)) {
      const key = `${message.id} ${session}`;
      this.#covered.set(key, Math.max(this.#covered.get(key) ?? 0, length));
    }
    const before = this.#queue.length;
    this.#queue = this.#queue.filter(
      ({ item, needs }) => needs.length === 0 || !needs.every((need) => this.#isCovered(need)) || isUnknown(item),
    );
    if (this.#queue.length !== before) this.#store.write("queue", this.#queue);
  }

  #isCovered({ id, session, length }: { readonly id: CoId; readonly session: SessionId; readonly length: number }): boolean {
    return (this.#covered.get(`${id} ${session}`) ?? 0) >= length;
  }

  /** What is not confirmed is sent once more; a transaction that the server has is passed over there. */
  #sendAgain(): null {
    if (this.#sync?.state !== "online" || this.#link === undefined) return null;
    const nowMs = Date.now();
    for (const { item, needs } of this.#queue.slice(0, UNCONFIRMED_MAX)) {
      if (nowMs - item.timestamp < RESEND_MS) continue;
      for (const { id, session } of needs.filter((need) => !this.#isCovered(need)))
        for (const content of this.#store.beyond(id, { [session]: this.#covered.get(`${id} ${session}`) ?? 0 }))
          this.#sync.send(JSON.stringify(content));
    }
    return null;
  }

  #enqueue(item: SyncItem): null {
    if (item.type === "retry") this.#sendAgain();
    else if (isUnknown(item)) {
      this.#queue.push({ item, needs: [] });
      this.#failed = [...this.#failed, { item, reason: "unknown type" }];
      this.#store.write("queue", this.#queue);
    } else this.do(item.data as Readonly<Record<string, Json>>);
    return null;
  }

  // The hub leg

  #shout(kind: string, action: Readonly<Record<string, Json>>): null {
    const userId = this.#target?.account.accountID ?? "";
    const message =
      kind === "typing"
        ? { type: "typing", userId, isTyping: action["isTyping"], threadId: action["threadId"] }
        : { type: "presence", userId, status: action["status"] };
    this.#hub?.send(JSON.stringify(message));
    return null;
  }

  #heardHub(text: string): void {
    const decoded = decodeHubOut(text);
    if ("code" in decoded || this.#target === undefined) return;
    const { message } = decoded;
    const { account, space } = this.#target;
    if (message.type === "challenge" && this.#library !== undefined) {
      const { crypto } = this.#library;
      const proof = crypto.sign(crypto.getAgentSignerSecret(account.accountSecret), { account: account.accountID, nonce: message.nonce });
      this.#hub?.send(JSON.stringify({ type: "hello", account: account.accountID, space, proof }));
    } else if (message.type === "ready") for (const [user, status] of Object.entries(message.presence)) this.#presence.set(user, status);
    else if (message.type === "presence") this.#presence.set(message.userId, message.status);
    else if (message.type === "typing") this.#setTyping(message.userId, message.threadId ?? "", message.isTyping);
    else if (message.type === "message") {
      this.#setTyping(message.data.author, message.data.threadId, false);
      if (this.#shownById(message.data.id) === undefined) this.#hints.set(message.data.id, message.data);
    }
    this.#changed();
  }

  #setTyping(user: string, thread: string, isTyping: boolean): void {
    const key = `${thread} ${user}`;
    clearTimeout(this.#typing.get(key));
    this.#typing.delete(key);
    if (isTyping)
      this.#typing.set(
        key,
        setTimeout(() => this.#typing.delete(key), TYPING_MS_MAX),
      );
  }

  #typingShown(): Readonly<Record<string, readonly string[]>> {
    const shown: Record<string, string[]> = {};
    for (const key of this.#typing.keys()) {
      const [thread = "", user = ""] = key.split(" ");
      (shown[thread] ??= []).push(user);
    }
    return shown;
  }

  // What the user sees

  /** J-11: gathered for 100 ms after the last, at most 500 ms after the first. */
  #changed(): void {
    const nowMs = performance.now();
    if (this.#flush === undefined) this.#firstMs = nowMs;
    clearTimeout(this.#flush);
    const waitMs = Math.max(0, Math.min(FLUSH_MS, this.#firstMs + FLUSH_MS_MAX - nowMs));
    this.#flush = setTimeout(() => {
      this.#flush = undefined;
      this.#tell({ event: "render", what: this.#replica?.mainThread ?? "", local: false });
    }, waitMs);
  }

  #shown(thread: CoId, messages: readonly Message[]): Json {
    const pending = new Set(this.#queue.flatMap(({ needs }) => needs.map(({ id }) => id)));
    const shown = messages.map((message) => ({
      ...message,
      content: this.#fault === "unsymmetric-merge" ? message.content.split("\n").reverse().join("\n") : message.content,
      temporary: false,
      pending: pending.has(message.id),
      hint: false,
    }));
    const hints = [...this.#hints.values()].filter((each) => each.threadId === thread && !messages.some(({ id }) => id === each.id));
    const shownHints = hints.map(({ id, content, author, threadId, createdAt }) => ({
      id,
      content,
      author,
      threadId,
      createdAt: Date.parse(createdAt),
      reactions: {},
      hiddenIn: [],
      temporary: false,
      pending: true,
      hint: true,
    }));
    return [...shown, ...shownHints];
  }

  #shownById(id: CoId): Message | undefined {
    return Object.values(this.#replica?.view().threads ?? {})
      .flat()
      .find((each) => each.id === id);
  }
}

/** J-8: not more than this is under way at once. */
const UNCONFIRMED_MAX = 50;

const TYPES: ReadonlySet<string> = new Set(["message", "reaction", "edit", "delete", "retry"]);

function isUnknown(item: SyncItem): boolean {
  return !TYPES.has(item.type);
}

function actOf(kind: string, action: Readonly<Record<string, Json>>): { readonly act: Act; readonly type: string } {
  const message = textIn(action["messageId"]);
  switch (kind) {
    case "send":
      return {
        act: {
          do: "send",
          content: textIn(action["content"]),
          ...(typeof action["threadId"] === "string" ? { thread: action["threadId"] } : {}),
        },
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
