import type { Marker } from "../../core/marker.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session, SessionOptions } from "../../core/session.ts";
import { clientFrame, markersIn, readServerFrame, sameBytes } from "./codec.ts";
import { type Documents, opaqueDocuments, type Replica } from "./documents.ts";
import type { ServerMessage } from "./messages.ts";

export const TOKEN_METHOD: string = "chat.roomy.v0.sync.token";
export const REVOKE_METHOD: string = "chat.roomy.v0.sync.revoke";
export const TOKEN_PATH: string = `/xrpc/${TOKEN_METHOD}`;

/** The word that is offered before the token, and the one that the answer must name. */
export const PROTOCOL: string = "authorization";

const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 15_000;
/** Writes that wait for their echo: a client that has so many is cut off, and drops the oldest from what it sends again. */
const UNCONFIRMED_MAX = 10_000;
/** Updates taken in together: importing costs less by the dozen, and most are never looked at. */
const WAITING_MAX = 256;
/**
 * An editor takes in what others have written before an edit of its own, but no more often than this: among 20 authors it
 * costs 0.4 ms an update of theirs one at a time, and 0.1 ms by the second.
 */
const TAKE_IN_MS = 1_000;

/** Close codes after which coming back is of no use: not authenticated, not permitted, bad message, other server. */
const FINAL_CODES: ReadonlySet<number> = new Set([1003, 1007, 1009, 4400, 4401, 4403, 4421]);
const CODES_STOPPING: ReadonlySet<number> = new Set([1001, 1012]);

type State =
  | { readonly kind: "idle" | "over" }
  | { readonly kind: "credential" }
  | { readonly kind: "token"; readonly user: string }
  | { readonly kind: "connecting"; readonly user: string }
  /** Subscribed; `hello` is the update whose echo says that the server has taken all that was sent before it. */
  | { readonly kind: "open"; readonly user: string; readonly hello: Uint8Array; readonly again: readonly Unconfirmed[] }
  | { readonly kind: "joined"; readonly user: string }
  | { readonly kind: "waiting"; readonly untilMs: number }
  | { readonly kind: "leaving" };

interface Unconfirmed {
  readonly update: Uint8Array;
  readonly marker: Marker | undefined;
}

/** A relayed update as sessions of one process share it. */
interface Relayed {
  readonly update: Uint8Array;
}

/**
 * One editor of one document. A token is fetched before each handshake; the document outlives connections. The wire has
 * no confirmation of a subscription: an update that shows nothing is sent behind it, and its echo is the confirmation,
 * also of what was sent again before it. A read shows this editor's own replica, which is what a user sees.
 */
class SyncSession implements Session {
  readonly #options: SessionOptions;
  readonly #documents: Documents;
  readonly #replica: Replica;
  readonly #unconfirmed: Unconfirmed[] = [];
  /** Received and not yet taken in. */
  readonly #waiting: Uint8Array[] = [];
  #state: State = { kind: "idle" };
  #attempts = 0;
  #ownOps = 0;
  #tookInMs = -Infinity;

  constructor(options: SessionOptions, documents: Documents) {
    this.#options = options;
    this.#documents = documents;
    this.#replica = documents.replica(1 + options.prng.below(2 ** 31) * 2 ** 16 + options.prng.below(2 ** 16));
  }

  start(_nowMs: number, out: Outbox): void {
    if (this.#state.kind === "idle") this.#begin(out);
  }

  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (tag === "credential" && this.#state.kind === "credential") this.#credential(answer, nowMs, out);
    else if (tag === "token" && this.#state.kind === "token") this.#token(this.#state.user, answer, nowMs, out);
    else if (tag === "connect" && this.#state.kind === "connecting" && "failure" in answer)
      this.#refused(answer.status ?? 0, answer.failure, nowMs, out);
  }

  opened(_nowMs: number, out: Outbox): void {
    if (this.#state.kind !== "connecting") return;
    const { user } = this.#state;
    const entityId = this.#options.room;
    out.observe({ kind: "connected", user });
    // What waits to be taken in is asked for again: after a restart thousands open at once, and taking in is long work.
    out.send(clientFrame({ type: "subscribe", entityId, versionVector: this.#replica.versionVector() }));
    // Whether these arrived before the connection broke cannot be known; to repeat them is harmless.
    const again = [...this.#unconfirmed];
    for (const { update } of again) out.send(clientFrame({ type: "sendUpdate", entityId, update }));
    const hello = this.#replica.touch();
    out.send(clientFrame({ type: "sendUpdate", entityId, update: hello }));
    this.#state = { kind: "open", user, hello, again };
  }

  frame(frame: Frame, nowMs: number, out: Outbox): void {
    const parsed = readServerFrame(frame);
    if (!parsed.ok) out.observe({ kind: "problem", reason: "malformed", text: parsed.problem });
    else if (parsed.value.entityId !== this.#options.room)
      out.observe({
        kind: "problem",
        reason: "foreign",
        text: `an update of ${parsed.value.entityId.slice(0, 80)}, which was not subscribed`,
      });
    else this.#update(parsed.value, nowMs, out);
  }

  expected(decoded: unknown, _nowMs: number, out: Outbox): void {
    const { update } = decoded as Relayed;
    this.#confirmed(update);
    this.#keep(update, out);
  }

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    const was = this.#state;
    if (was.kind === "idle" || was.kind === "over" || was.kind === "waiting") return;
    if (was.kind === "joined" && CODES_STOPPING.has(code)) out.observe({ kind: "lifecycle", event: "stopping" });
    if (was.kind !== "leaving" && FINAL_CODES.has(code)) out.observe({ kind: "rejected", code: `close-${code}`, text: reason });
    out.observe({ kind: "disconnected", code, reason, wanted: was.kind === "leaving" });
    if (was.kind !== "leaving" && !FINAL_CODES.has(code)) this.#comeBack(nowMs, out);
    else this.#end(out);
  }

  invoke(op: Op, nowMs: number, out: Outbox): void {
    switch (op.kind) {
      case "write": {
        const { marker } = op;
        out.observe({ kind: "invoked", op: op.id, act: "write", plannedMs: op.plannedMs, ...(marker === undefined ? {} : { marker }) });
        if (nowMs - this.#tookInMs >= TAKE_IN_MS) {
          this.#tookInMs = nowMs;
          this.#takeIn(out);
        }
        const update = this.#replica.edit(op.value, marker);
        this.#unconfirmed.push({ update, marker });
        if (this.#unconfirmed.length > UNCONFIRMED_MAX) this.#unconfirmed.shift();
        if (this.#state.kind === "open" || this.#state.kind === "joined")
          out.send(clientFrame({ type: "sendUpdate", entityId: this.#options.room, update }));
        return;
      }
      case "read":
        out.observe({ kind: "invoked", op: op.id, act: "read", plannedMs: op.plannedMs });
        this.#show(op.id, nowMs, out);
        return;
      case "leave":
        this.#leave(op, out);
        return;
      case "keepalive":
      case "presence":
        throw new RangeError(`sync has no message for the act "${op.kind}"`);
    }
  }

  wake(nowMs: number, out: Outbox): void {
    if (this.#state.kind !== "waiting") return;
    if (nowMs >= this.#state.untilMs) this.#begin(out);
    else out.wakeAt(this.#state.untilMs);
  }

  #begin(out: Outbox): void {
    this.#state = { kind: "credential" };
    out.wakeAt(Infinity);
    out.needCredential("credential");
  }

  #credential(answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (!("user" in answer)) {
      out.observe({ kind: "rejected", code: "credential", text: "failure" in answer ? answer.failure : "no credential" });
      this.#comeBack(nowMs, out);
      return;
    }
    this.#state = { kind: "token", user: answer.user };
    out.http("token", { method: "GET", path: this.#options.basePath + TOKEN_PATH, headers: answer.headers });
  }

  #token(user: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    const token = "body" in answer && answer.status === 200 ? tokenOf(answer.body) : undefined;
    if (token === undefined) {
      const status = "status" in answer ? (answer.status ?? 0) : 0;
      const text = "failure" in answer ? answer.failure : "body" in answer ? answer.body.slice(0, 200) : "no token";
      this.#refused(status, text, nowMs, out);
      return;
    }
    this.#state = { kind: "connecting", user };
    // The DID stands in the path as it is.
    out.connect(`${this.#options.basePath}/sync/as/${user}`, [PROTOCOL, token], {});
  }

  /** A 4xx refuses for good, but for "later" (408, 425, 429); anything else may pass. */
  #refused(status: number, text: string, nowMs: number, out: Outbox): void {
    if (status >= 300 && status < 500 && status !== 408 && status !== 425 && status !== 429) {
      out.observe({ kind: "rejected", code: `http-${status}`, text });
      this.#end(out);
      return;
    }
    out.observe({ kind: "disconnected", code: 1006, reason: `${status} ${text}`, wanted: false });
    this.#comeBack(nowMs, out);
  }

  #update(message: ServerMessage, nowMs: number, out: Outbox): void {
    const state = this.#state;
    // The bytes are the engine's, and valid during this call only.
    const update = message.update.slice();
    if (state.kind === "open") {
      if (sameBytes(update, state.hello)) this.#join(state, nowMs, out);
      else {
        this.#confirmed(update);
        this.#keep(update, out);
      }
      return;
    }
    if (state.kind !== "joined") return;
    this.#confirmed(update);
    this.#keep(update, out);
    const [marker] = markersIn(update);
    const content = this.#documents.digest(update);
    const relayed: Relayed = { update };
    out.delivered({ kind: "delivered", content, ...(marker === undefined ? {} : { marker }) }, relayed, true);
  }

  #join({ user, again }: Extract<State, { kind: "open" }>, nowMs: number, out: Outbox): void {
    this.#state = { kind: "joined", user };
    this.#attempts = 0;
    // What was sent again stood before the hello: the server has it, whether it was new or not.
    for (const each of again) this.#confirmed(each.update);
    out.observe({ kind: "lifecycle", event: "joined", user });
    if (this.#options.readOnJoin) {
      this.#ownOps -= 1;
      out.observe({ kind: "invoked", op: this.#ownOps, act: "read", plannedMs: nowMs });
      this.#show(this.#ownOps, nowMs, out);
    }
  }

  #confirmed(update: Uint8Array): void {
    const [first] = this.#unconfirmed;
    if (first === undefined) return;
    if (sameBytes(first.update, update)) this.#unconfirmed.shift();
    else {
      const at = this.#unconfirmed.findIndex((each) => sameBytes(each.update, update));
      if (at >= 0) this.#unconfirmed.splice(at, 1);
    }
  }

  #keep(update: Uint8Array, out: Outbox): void {
    this.#waiting.push(update);
    if (this.#waiting.length >= WAITING_MAX) this.#takeIn(out);
  }

  #takeIn(out: Outbox): void {
    if (this.#waiting.length === 0) return;
    for (const problem of this.#replica.take(this.#waiting.splice(0)))
      out.observe({ kind: "problem", reason: "damaged", text: `an update that cannot be read: ${problem}` });
  }

  #show(op: number, nowMs: number, out: Outbox): void {
    this.#takeIn(out);
    out.observe({ kind: "snapshot", op, askedMs: nowMs, content: this.#replica.shown() });
  }

  #leave(op: Op, out: Outbox): void {
    const { kind } = this.#state;
    if (kind === "over" || kind === "leaving") return;
    out.observe({ kind: "invoked", op: op.id, act: "leave", plannedMs: op.plannedMs });
    out.wakeAt(Infinity);
    const hasSocket = kind === "connecting" || kind === "open" || kind === "joined";
    this.#state = { kind: hasSocket ? "leaving" : "over" };
    if (hasSocket) out.close(1000, "");
  }

  #comeBack(nowMs: number, out: Outbox): void {
    if (!this.#options.reconnect) {
      this.#end(out);
      return;
    }
    const fullMs = Math.min(BACKOFF_MS_MIN * 2 ** this.#attempts, BACKOFF_MS_MAX);
    const untilMs = nowMs + fullMs * (1 - this.#options.prng.next() / 2);
    this.#attempts = Math.min(this.#attempts + 1, 30);
    this.#state = { kind: "waiting", untilMs };
    out.wakeAt(untilMs);
  }

  #end(out: Outbox): void {
    this.#state = { kind: "over" };
    out.wakeAt(Infinity);
  }
}

/** The token of an answer's body; undefined when there is none. */
export function tokenOf(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const token = typeof value === "object" && value !== null && "token" in value ? value.token : undefined;
    return typeof token === "string" && token !== "" ? token : undefined;
  } catch {
    return undefined;
  }
}

/** An editor of a document; `documents` is the model, opaque where none is plugged in. */
export function createSession(options: SessionOptions, documents: Documents = opaqueDocuments): Session {
  return new SyncSession(options, documents);
}
