import { unreachable } from "../../core/errors.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session, SessionOptions } from "../../core/session.ts";
import { canonicalText, encodeOp, encodeText, markerOf, readServerFrame } from "./codec.ts";
import type { PlaybackState, PlayOut, RoomFullState } from "./messages.ts";

/** Waits between two attempts to come back: 1, 2, 4 … 30 s, each shortened by up to half at random. */
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;

/**
 * A server that does not announce members confirms no join by itself. A session that reads on joining asks for the
 * state after this time, and takes the answer as the confirmation. Announced joins come in milliseconds.
 */
const UNCONFIRMED_MS = 2_000;

/** A refused join is a frame, a close or both, within 5 s; then this side closes. */
const REFUSED_LINGER_MS = 5_000;

/** Questions without an answer that are remembered. A server that answers none must not fill the memory. */
const READS_MAX = 256;

/** Close codes that say nothing against the room: going away, cut off, server fault, restart, try later. */
const PASSING_CODES: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013]);
/** Refused, no such room, room gone. */
const FINAL_CODES: ReadonlySet<number> = new Set([4403, 4404, 4410]);
const CODE_ROOM_GONE = 4410;
const CODES_STOPPING: ReadonlySet<number> = new Set([1001, 1012]);

/**
 * The states and what leads from one to the next:
 *
 * | state | event | next |
 * |---|---|---|
 * | idle | start | credential |
 * | credential | reply | connecting; a failure: waiting or over |
 * | connecting | opened · refused | open · over for a 4xx, else waiting |
 * | open | own join · ERROR, validation · closed | joined · refused · waiting or over |
 * | joined | closed | waiting; over when the room is gone |
 * | refused | closed | over |
 * | waiting | wake | credential |
 * | any | leave | leaving, then over |
 */
type State =
  | { readonly kind: "idle" | "credential" | "leaving" | "over" }
  | { readonly kind: "connecting"; readonly user: string }
  | { readonly kind: "open"; readonly user: string; readonly openedMs: number }
  | { readonly kind: "joined"; readonly user: string; readonly openedMs: number; beatAtMs: number }
  | { readonly kind: "refused"; readonly closeAtMs: number }
  | { readonly kind: "waiting"; readonly untilMs: number };

interface PendingRead {
  readonly op: number;
  readonly askedMs: number;
}

/** One client's side of the playback protocol, without I/O. Acts of its own have ids below 0. */
class PlaybackSession implements Session {
  readonly #options: SessionOptions;
  #state: State = { kind: "idle" };
  /** Questions in the order sent; answers come in the same. */
  #reads: PendingRead[] = [];
  #hasReadOnJoin = false;
  #attempts = 0;
  #ownOps = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  start(_nowMs: number, out: Outbox): void {
    if (this.#state.kind === "idle") this.#begin(out);
  }

  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (tag === "credential" && this.#state.kind === "credential") this.#credential(answer, nowMs, out);
    if (tag === "connect" && this.#state.kind === "connecting" && "failure" in answer) this.#upgradeRefused(answer, nowMs, out);
  }

  opened(nowMs: number, out: Outbox): void {
    if (this.#state.kind !== "connecting") return;
    const { user } = this.#state;
    this.#state = { kind: "open", user, openedMs: nowMs };
    this.#reads = [];
    this.#hasReadOnJoin = false;
    out.observe({ kind: "connected", user });
    if (this.#options.readOnJoin) out.wakeAt(nowMs + UNCONFIRMED_MS);
  }

  frame(frame: Frame, nowMs: number, out: Outbox): void {
    const parsed = readServerFrame(frame);
    if (parsed.ok) this.#message(parsed.value, nowMs, out);
    else out.observe({ kind: "problem", reason: "malformed", text: parsed.problem });
  }

  expected(_decoded: unknown, _nowMs: number, _out: Outbox): void {
    // The ledger has accounted for it, and no state of this side depends on what is played.
  }

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    const was = this.#state;
    if (was.kind === "over" || was.kind === "idle" || was.kind === "waiting") return;
    this.#reads = [];
    if (was.kind === "open" && !PASSING_CODES.has(code)) {
      out.observe({ kind: "rejected", code: `close-${code}`, text: reason });
    }
    if (was.kind === "joined" && code === CODE_ROOM_GONE) out.observe({ kind: "lifecycle", event: "gone" });
    if (was.kind === "joined" && CODES_STOPPING.has(code)) out.observe({ kind: "lifecycle", event: "stopping" });
    out.observe({ kind: "disconnected", code, reason, wanted: was.kind === "leaving" });
    const mayComeBack =
      was.kind === "joined" ? !FINAL_CODES.has(code) : was.kind !== "leaving" && was.kind !== "refused" && PASSING_CODES.has(code);
    if (mayComeBack) this.#comeBack(nowMs, out);
    else this.#end(out);
  }

  /** @throws RangeError for a presence op, which this protocol has no message for. */
  invoke(op: Op, nowMs: number, out: Outbox): void {
    if (op.kind === "leave") {
      this.#leave(op, out);
      return;
    }
    const frame = encodeOp(op);
    if (this.#state.kind !== "open" && this.#state.kind !== "joined") return;
    if (op.kind === "read") this.#remember({ op: op.id, askedMs: nowMs });
    const { id, plannedMs } = op;
    if (op.kind === "write" && op.marker !== undefined)
      out.observe({ kind: "invoked", op: id, act: "write", plannedMs, marker: op.marker });
    else out.observe({ kind: "invoked", op: id, act: op.kind, plannedMs });
    out.send(frame);
  }

  wake(nowMs: number, out: Outbox): void {
    const state = this.#state;
    switch (state.kind) {
      case "waiting":
        if (nowMs >= state.untilMs) this.#begin(out);
        else out.wakeAt(state.untilMs);
        return;
      case "open":
        if (this.#options.readOnJoin && !this.#hasReadOnJoin) this.#readOnJoin(state.openedMs, nowMs, out);
        return;
      case "joined":
        this.#beat(state, nowMs, out);
        return;
      case "refused":
        if (nowMs >= state.closeAtMs) out.close(1000, "");
        else out.wakeAt(state.closeAtMs);
        return;
      case "idle":
      case "credential":
      case "connecting":
      case "leaving":
      case "over":
        return;
      default:
        unreachable(state);
    }
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
    this.#state = { kind: "connecting", user: answer.user };
    out.connect(joinPath(this.#options.basePath, this.#options.room, answer.query), answer.protocols, answer.headers);
  }

  /** A 4xx refuses this join for good, but for "later" (408, 425, 429); anything else may pass. */
  #upgradeRefused(answer: Failure, nowMs: number, out: Outbox): void {
    const status = answer.status ?? 0;
    if (status >= 300 && status < 500 && status !== 408 && status !== 425 && status !== 429) {
      out.observe({ kind: "rejected", code: `http-${status}`, text: answer.failure });
      this.#end(out);
      return;
    }
    out.observe({ kind: "disconnected", code: 1006, reason: answer.failure, wanted: false });
    this.#comeBack(nowMs, out);
  }

  #message(message: PlayOut, nowMs: number, out: Outbox): void {
    switch (message.type) {
      case "PLAYBACK_UPDATED":
        this.#confirmed(nowMs, out);
        this.#updated(message.payload, message, out);
        return;
      case "SYNC_FULL_STATE":
        this.#fullState(message.payload, nowMs, out);
        return;
      case "USER_JOINED":
        this.#userJoined(message.payload.userId, message.payload.memberCount, nowMs, out);
        return;
      case "USER_LEFT":
        out.observe({ kind: "presence", event: "left", user: message.payload.userId, count: message.payload.memberCount });
        return;
      case "HOST_CHANGED":
        out.observe({ kind: "lifecycle", event: "host", user: message.payload.newHostId });
        return;
      case "ERROR":
        this.#refusal("error", message.payload, nowMs, out);
        return;
      case "validation":
        this.#refusal("validation", message.message, nowMs, out);
        return;
      default:
        unreachable(message);
    }
  }

  #updated(state: PlaybackState, decoded: PlayOut, out: Outbox): void {
    const marker = markerOf(state, true);
    const author = state.lastUpdatedBy;
    const content = canonicalText(state);
    if (marker === undefined) out.delivered({ kind: "delivered", author, content }, decoded, true);
    else out.delivered({ kind: "delivered", author, content, marker }, decoded, true);
  }

  #fullState(room: RoomFullState, nowMs: number, out: Outbox): void {
    const openedMs = this.#state.kind === "open" || this.#state.kind === "joined" ? this.#state.openedMs : nowMs;
    this.#confirmed(nowMs, out);
    const read = this.#reads.shift();
    const marker = room.playbackState === null ? undefined : markerOf(room.playbackState, false);
    out.observe({
      kind: "snapshot",
      ...(read === undefined ? {} : { op: read.op }),
      // A state that nobody asked for was made at some time since the socket opened.
      askedMs: read?.askedMs ?? openedMs,
      content: canonicalText(room.playbackState),
      ...(marker === undefined ? {} : { marker }),
      members: room.members,
    });
  }

  /** Naming this user it confirms the join; once joined it is a second socket of the same user, which is no news. */
  #userJoined(user: string, count: number, nowMs: number, out: Outbox): void {
    const state = this.#state;
    if ((state.kind === "open" || state.kind === "joined") && state.user === user) this.#confirmed(nowMs, out);
    else out.observe({ kind: "presence", event: "joined", user, count });
  }

  /** Only a member is told what happens in a room: the first such message confirms the join where none is announced. */
  #confirmed(nowMs: number, out: Outbox): void {
    const state = this.#state;
    if (state.kind !== "open") return;
    const { keepaliveMs, prng, readOnJoin } = this.#options;
    const beatAtMs = keepaliveMs === undefined ? Infinity : nowMs + prng.next() * keepaliveMs;
    this.#state = { kind: "joined", user: state.user, openedMs: state.openedMs, beatAtMs };
    this.#attempts = 0;
    out.observe({ kind: "lifecycle", event: "joined", user: state.user });
    out.wakeAt(beatAtMs);
    if (readOnJoin && !this.#hasReadOnJoin) this.#readOnJoin(state.openedMs, nowMs, out);
  }

  /**
   * Asked counts from the opening of the socket, not from now: a server may push the state at the join by itself, and
   * that answer would be taken for this one's.
   */
  #readOnJoin(openedMs: number, nowMs: number, out: Outbox): void {
    this.#hasReadOnJoin = true;
    const op = this.#ownOp();
    this.#remember({ op, askedMs: openedMs });
    out.observe({ kind: "invoked", op, act: "read", plannedMs: nowMs });
    out.send(encodeOp({ kind: "read", id: op, plannedMs: nowMs }));
  }

  #remember(read: PendingRead): void {
    if (this.#reads.length >= READS_MAX) this.#reads.shift();
    this.#reads.push(read);
  }

  /** Beats stand on a grid from the random first phase on; those missed by a late wake-up are left out, not made up. */
  #beat(state: Extract<State, { kind: "joined" }>, nowMs: number, out: Outbox): void {
    const keepaliveMs = this.#options.keepaliveMs;
    if (keepaliveMs === undefined) return;
    if (nowMs >= state.beatAtMs) {
      const op = this.#ownOp();
      out.observe({ kind: "invoked", op, act: "keepalive", plannedMs: state.beatAtMs });
      out.send(encodeOp({ kind: "keepalive", id: op, plannedMs: state.beatAtMs }));
      state.beatAtMs += keepaliveMs * (Math.floor((nowMs - state.beatAtMs) / keepaliveMs) + 1);
    }
    out.wakeAt(state.beatAtMs);
  }

  #refusal(code: string, text: string, nowMs: number, out: Outbox): void {
    out.observe({ kind: "rejected", code, text });
    if (this.#state.kind !== "open") return;
    this.#state = { kind: "refused", closeAtMs: nowMs + REFUSED_LINGER_MS };
    out.wakeAt(nowMs + REFUSED_LINGER_MS);
  }

  #leave(op: Op, out: Outbox): void {
    const { kind } = this.#state;
    if (kind === "over" || kind === "leaving") return;
    out.observe({ kind: "invoked", op: op.id, act: "leave", plannedMs: op.plannedMs });
    out.wakeAt(Infinity);
    const hasSocket = kind === "connecting" || kind === "open" || kind === "joined" || kind === "refused";
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

  #ownOp(): number {
    this.#ownOps -= 1;
    return this.#ownOps;
  }
}

/** The path of a room's socket with the credential in the query. Room and query are percent-encoded. */
export function joinPath(basePath: string, room: string, query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encodeText(name)}=${encodeText(value)}`);
  return `${basePath}/rooms/${encodeText(room)}/ws${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`;
}

/** A client of the playback protocol. */
export function createSession(options: SessionOptions): Session {
  return new PlaybackSession(options);
}
