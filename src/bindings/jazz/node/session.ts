import type { Op } from "../../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Leg, Outbox, Session, SessionOptions } from "../../../core/session.ts";
import { type Act, actOf, type HubAct, type Show, valueOf } from "../acts.ts";
import { encodeSync } from "../codec.ts";
import { HubLeg } from "../hub-leg.ts";
import { markerOf, markOf, marked } from "../marking.ts";
import type { CoId, MessageEvent, Placed, SyncMessage } from "../messages.ts";
import { forge } from "./forgery.ts";
import { type Account, loadLibrary, type Node } from "./library.ts";
import { Link } from "./link.ts";
import { type Needs, type SpaceIds, Unheld } from "./replica-parts.ts";
import { Replica } from "./replica.ts";
import { accounts, commonOf, openNode, ownAddress, spaces } from "./world.ts";

/** A joiner waits this long for the account or space that another session of the process is making. */
const SHARED_MS_MAX = 15_000;
/** How long a device that lost its network stays away, where it comes back by itself. */
const AWAY_MS = { min: 1_000, max: 9_000 } as const;

interface Pending {
  readonly op: number;
  readonly needs: Needs;
}

/**
 * A driven session: the library's own node with our transport. It keeps the outbox of its start and uses it whenever the
 * library has something to say, which may be between two calls of the engine.
 */
export class SyncSession implements Session {
  readonly #options: SessionOptions;
  #out: Outbox | undefined;
  #user = "";
  #link: Link | undefined;
  #node: Node | undefined;
  #account: Account | undefined;
  #replica: Replica | undefined;
  #isOpen = false;
  #isJoined = false;
  #isAway = false;
  #isWanted = false;
  /** Frames kept back by an act. */
  #held: string[] | undefined;
  readonly #address = ownAddress();
  readonly #pending: Pending[] = [];
  readonly #covered = new Map<CoId, number>();
  readonly #claims: (() => void)[] = [];
  #hub: { readonly session: HubLeg; readonly leg: Leg; readonly ids: SpaceIds } | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  start(_nowMs: number, out: Outbox): void {
    this.#out = out;
    loadLibrary().then(
      () => out.needCredential("credential"),
      (error: unknown) => out.observe({ kind: "rejected", code: "missing", text: error instanceof Error ? error.message : String(error) }),
    );
  }

  reply(_tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if ("failure" in answer) {
      out.observe({ kind: "rejected", code: String(answer.status ?? 0), text: answer.failure });
      if (this.#isAway) out.wakeAt(nowMs + AWAY_MS.min);
    } else if ("user" in answer) {
      this.#user = answer.user;
      this.#connect(out);
    }
  }

  opened(nowMs: number, out: Outbox): void {
    this.#isOpen = true;
    this.#isAway = false;
    this.#hub?.session.retry(nowMs);
    this.#enter(out).catch((error: unknown) => {
      for (const drop of this.#claims.splice(0)) drop();
      const text = error instanceof Error ? error.message : String(error);
      out.observe({ kind: "rejected", code: "join", text, ...(error instanceof NoSpace ? { gone: true } : {}) });
    });
  }

  frame(frame: Frame, _nowMs: number, out: Outbox): void {
    if (typeof frame !== "string") out.observe({ kind: "problem", reason: "malformed", text: `a binary frame of ${frame.length} bytes` });
    else this.#link?.frame(frame);
  }

  expected(): void {}

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    this.#isOpen = false;
    this.#link?.end();
    for (const drop of this.#claims.splice(0)) drop();
    if (this.#options.reconnect && this.#isJoined && !this.#isWanted) {
      this.#isAway = true;
      out.wakeAt(nowMs + AWAY_MS.min + this.#options.prng.next() * (AWAY_MS.max - AWAY_MS.min));
      return;
    }
    if (!this.#isWanted) this.#hub?.leg.stop();
    if (!this.#isAway) out.observe({ kind: "disconnected", code, reason, wanted: this.#isWanted });
    if (this.#isWanted) this.#end();
  }

  wake(_nowMs: number, out: Outbox): void {
    if (!this.#isOpen && !this.#isWanted) this.#connect(out);
  }

  invoke(op: Op, nowMs: number, out: Outbox): void {
    const act = op.kind === "write" ? actOf<Act>(op.value) : undefined;
    out.observe({
      kind: "invoked",
      op: op.id,
      act: op.kind,
      plannedMs: op.plannedMs,
      ...(op.kind === "write" && op.marker !== undefined ? { marker: op.marker } : {}),
    });
    if (op.kind === "leave") {
      this.#isWanted = true;
      this.#hub?.leg.invoke(op);
      if (this.#isOpen) out.close(1000, "bye");
      else this.#end();
    } else if (op.kind === "read") this.#read(op.id, nowMs, out);
    else if (op.kind === "write" && act !== undefined) this.#write(op, act, nowMs, out);
    else if (op.kind === "presence") this.#show(actOf<Show>(op.value), op);
  }

  #connect(out: Outbox): void {
    out.connect(`${this.#options.basePath}/`, [], { "x-forwarded-for": this.#address });
  }

  async #enter(out: Outbox): Promise<void> {
    const library = await loadLibrary();
    const link = new Link(library, "server", {
      send: (frame) => {
        if (this.#held === undefined) out.send(frame);
        else this.#held.push(frame);
      },
      message: (message) => this.#heard(message, out),
      problem: (text) => out.observe({ kind: "problem", reason: "malformed", text }),
    });
    this.#link = link;
    if (this.#node !== undefined) {
      // Back again: the library asks for what it missed and sends what the server lacks.
      this.#node.syncManager.addPeer(link.peer);
      return;
    }
    const common = commonOf(this.#options.room);
    const key = `${common}|${this.#user}`;
    const isFirst = accounts.claim(key);
    if (isFirst) this.#claims.push(() => accounts.drop(key));
    const known = isFirst ? undefined : await accounts.get(key, SHARED_MS_MAX);
    if (!isFirst && known === undefined) throw new Error("the account's first device did not come");
    const { node, account } = await openNode(known, this.#user, link.peer);
    this.#node = node;
    this.#account = account;
    out.observe({ kind: "connected", user: account.accountID });
    const replica = new Replica(node, account.accountID, {
      event: (message, placed) => this.#delivered(message, placed, out),
      problem: (text) => out.observe({ kind: "problem", reason: "malformed", text }),
    });
    this.#replica = replica;
    const ids = await this.#space(replica);
    const isThere = await replica.open(ids);
    await this.#confirmed(account.accountID);
    for (const id of Object.values(ids) as CoId[]) await this.#confirmed(id);
    if (!isThere) throw new NoSpace("the space could not be loaded");
    accounts.give(key, account);
    spaces.give(this.#options.room, ids);
    this.#claims.length = 0;
    if (this.#options.presence === true) await this.#enterHub(ids, account, out);
    this.#isJoined = true;
    out.observe({ kind: "lifecycle", event: "joined", user: account.accountID });
    if (this.#options.readOnJoin) this.#read(-1, performance.now(), out);
  }

  /** Opens the second leg; resolves once the hub has let it in. */
  async #enterHub(ids: SpaceIds, { accountID, accountSecret }: Account, out: Outbox): Promise<void> {
    const { crypto } = await loadLibrary();
    const { prng, reconnect, basePath } = this.#options;
    const signer = crypto.getAgentSignerSecret(accountSecret);
    const prove = (nonce: string): string => crypto.sign(signer, { account: accountID, nonce });
    const failure = await new Promise<string | undefined>((entered) => {
      const identity = { account: accountID, space: ids.space, prove };
      const session = new HubLeg({ identity, prng: prng.fork("hub"), reconnect, entered });
      const leg = out.leg?.("hub", `${basePath}/hub`, session);
      if (leg === undefined) entered("this engine has one connection a client");
      else this.#hub = { session, leg, ids };
    });
    if (failure !== undefined) throw new Error(failure);
  }

  #show(show: Show, op: Pick<Op, "id" | "plannedMs">): void {
    if (show.do === "status") this.#tell(show, op);
    else this.#tell({ do: "typing", isTyping: show.isTyping, threadId: this.#threadOf(show.aside === true) }, op);
  }

  /** The hub tells threads apart by id alone: any other id of the space stands for a thread beside the main one. */
  #threadOf(isAside: boolean): CoId {
    return (isAside ? this.#hub?.ids.plainList : this.#replica?.mainThread) ?? "";
  }

  #tell(act: HubAct, { id, plannedMs }: Pick<Op, "id" | "plannedMs">): void {
    this.#hub?.leg.invoke({ kind: "presence", id, plannedMs, value: valueOf(act) });
  }

  async #space(replica: Replica): Promise<SpaceIds> {
    const { room } = this.#options;
    if (spaces.claim(room)) {
      this.#claims.push(() => spaces.drop(room));
      return replica.create(room);
    }
    const ids = await spaces.get(room, SHARED_MS_MAX);
    if (ids === undefined) throw new Error("the space was not made");
    return ids;
  }

  /** Waits until the server holds what this session wrote to a value. */
  async #confirmed(id: CoId): Promise<void> {
    const own = (): number => this.#node?.getCoValue(id).knownState().sessions[this.#node.currentSessionID] ?? 0;
    while (this.#isOpen && (this.#covered.get(id) ?? 0) < own()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #heard(message: SyncMessage, out: Outbox): void {
    if (message.action !== "known" || this.#node === undefined) return;
    if (message.isCorrection === true) out.observe({ kind: "presence", event: "moved", user: `correction ${message.id}` });
    const held = message.sessions[this.#node.currentSessionID] ?? 0;
    if (held <= (this.#covered.get(message.id) ?? 0)) return;
    this.#covered.set(message.id, held);
    this.#settle(out);
  }

  #settle(out: Outbox): void {
    for (let index = 0; index < this.#pending.length; index += 1) {
      const pending = this.#pending[index];
      if (pending === undefined || [...pending.needs].some(([id, length]) => (this.#covered.get(id) ?? 0) < length)) continue;
      this.#pending.splice(index, 1);
      index -= 1;
      out.observe({ kind: "accepted", op: pending.op });
    }
  }

  #delivered(message: CoId, { account, value }: Placed<MessageEvent>, out: Outbox): void {
    const marker = value.kind === "create" || value.kind === "edit" ? markerOf(value.content) : markerOf(value.mark ?? "", besideOf(value));
    out.delivered(
      { kind: "delivered", author: account, ...(marker === undefined ? {} : { marker }), content: JSON.stringify([message, value]) },
      undefined,
      false,
    );
  }

  #read(op: number, nowMs: number, out: Outbox): void {
    if (this.#replica === undefined || !this.#isJoined) return;
    out.observe({ kind: "snapshot", op, askedMs: nowMs, content: JSON.stringify(this.#replica.view()) });
  }

  #write(op: Extract<Op, { kind: "write" }>, act: Act, nowMs: number, out: Outbox): void {
    const tell = (outcome: Readonly<Record<string, unknown>>): void => {
      if (act.tell === true) out.observe({ kind: "snapshot", op: op.id, askedMs: nowMs, content: JSON.stringify(outcome) });
    };
    if (this.#replica === undefined || this.#node === undefined || !this.#isJoined) return tell({ failure: "not joined" });
    if (act.do === "offline") {
      this.#isAway = true;
      out.close(1000, "offline");
    } else if (act.do === "online") this.#connect(out);
    else if (act.do === "release") this.#release(out);
    else if (act.do === "forge") {
      void forge(this.#node, act.kind).then(({ id, frames }) => {
        for (const frame of frames) out.send(frame);
        this.#pending.push({ op: op.id, needs: new Map([[id, 1]]) });
        tell({ id });
      });
      return;
    }
    if (act.do === "guest") {
      void this.#guest().then((guest) => tell({ ...guest, main: this.#replica?.mainThread }));
      return;
    }
    if (act.do === "prove") {
      void loadLibrary().then(({ crypto }) => {
        const { accountID, accountSecret } = this.#account ?? { accountID: "", accountSecret: "" };
        tell({ id: crypto.sign(crypto.getAgentSignerSecret(accountSecret), { account: accountID, nonce: act.nonce }) });
      });
      return;
    }
    if (act.do === "feed" && act.held === true) this.#held = [];
    const { marker } = op;
    try {
      const { id, needs } = this.#replica.act(
        act,
        (payload) => ({ content: marked(marker, payload), ...(marker === undefined ? {} : { mark: markOf(marker, payload) }) }),
        Date.now(),
      );
      if (needs.size > 0) this.#pending.push({ op: op.id, needs });
      if (act.do === "send" && id !== undefined) {
        const content = marked(marker, act.content);
        this.#tell({ do: "hint", id, content, threadId: this.#threadOf(false), createdAt: new Date().toISOString() }, op);
      }
      tell({ id: id ?? null, account: this.#account?.accountID, main: this.#replica.mainThread });
    } catch (error) {
      if (!(error instanceof Unheld)) throw error;
      out.observe({ kind: "rejected", op: op.id, code: "unheld", text: error.message });
      tell({ failure: error.message });
    }
  }

  /** An account made by a node of its own, whose contents go out by this socket. */
  async #guest(): Promise<Readonly<Record<string, string>>> {
    const { LocalNode, crypto } = await loadLibrary();
    const { node, accountID, accountSecret } = await LocalNode.withNewlyCreatedAccount({
      creationProps: { name: "guest" },
      crypto,
      peers: [],
    });
    const ids = await spaces.get(this.#options.room, SHARED_MS_MAX);
    const contents = [accountID, ...dependenciesOf(node, accountID)].flatMap((id) => node.getCoValue(id).newContentSince() ?? []);
    for (const frame of encodeSync(contents)) this.#out?.send(frame);
    void node.gracefulShutdown();
    return { space: ids?.space ?? "", account: accountID, secret: accountSecret };
  }

  #release(out: Outbox): void {
    const frames = this.#held ?? [];
    this.#held = undefined;
    for (const frame of frames) out.send(frame);
  }

  #end(): void {
    this.#replica?.stop();
    void this.#node?.gracefulShutdown();
  }
}

/** The server does not hold the space that is to be entered. */
class NoSpace extends Error {
  override readonly name = "NoSpace";
}

/** Values that an account was made with: its profile and the group of that. */
function dependenciesOf(node: Node, account: CoId): ReadonlySet<CoId> {
  const all = (node as unknown as { allCoValues(): Iterable<{ readonly id: CoId }> }).allCoValues();
  return new Set([...all].map(({ id }) => id).filter((id) => id !== account));
}

/** The payload that a mark stands beside, for events without content. */
function besideOf(value: Extract<MessageEvent, { readonly kind: "delete" | "reaction" | "hide" }>): string {
  if (value.kind === "reaction") return `${value.emoji} ${value.on}`;
  return value.kind === "hide" ? value.threadId : "delete";
}
