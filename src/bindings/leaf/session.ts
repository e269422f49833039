import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session, SessionOptions } from "../../core/session.ts";
import type { CborMap } from "./dag-cbor.ts";
import { type ChatEvent, encodeEvent, markEvent, type StoredEvent } from "./events.ts";
import { Link, type LinkEvent } from "./link.ts";
import { queryToCbor, readResult, type Result, rowsOf, rowText, text, textField } from "./messages.ts";
import { type LogRow, logRows } from "./log-rows.ts";
import { readNews } from "./notification-memo.ts";
import { eventOf, MAIN_ROOM } from "./operations.ts";
import { viewsAt } from "./fold.ts";

/** Waits between two attempts to come back: 1, 2, 4 … 30 s, each shortened by up to half at random. */
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;

/** Calls without an answer that are remembered. A server that answers none must not fill the memory. */
const CALLS_MAX = 4_096;

/** A notification may overtake the answer that names its subscription; no more of them are kept than this. */
const EARLY_MAX = 16;

/** Events that a session folds views from; beyond it a read is no longer held against them. */
const FOLDED_MAX = 20_000;

/** Answers waited for until their events have come. */
const WAITING_READS_MAX = 16;

/** Close codes after which there is no use in coming back. */
const FINAL_CODES: ReadonlySet<number> = new Set([4401, 4403, 4404]);

interface Write {
  readonly kind: "write";
  /** Sent before, on a connection that was lost: it may be stored. */
  readonly isRepeat: boolean;
  readonly op: number;
  readonly event: ChatEvent;
}

type Call = Write | { readonly kind: "subscribe" } | { readonly kind: "read"; readonly op: number; readonly askedMs: number };

interface WaitingRead {
  readonly upTo: number;
  readonly texts: readonly string[];
}

/**
 * One client of one stream: signs in, subscribes to `log`, appends chat events, reads the view `room`. Rows of the past
 * (with `history`, and after a lost connection) are held against their positions here and told of as the join; rows
 * from then on are deliveries. Acts of its own have ids below 0.
 *
 * | state | event | next |
 * |---|---|---|
 * | idle | start | linking |
 * | linking | authenticated: subscribes | catching up · refused: over |
 * | catching up | Ok, and no more of the past | joined · Err: over |
 * | joined | closed | waiting or over |
 * | waiting | wake | linking |
 * | any | leave | leaving, then over |
 */
class LeafSession implements Session {
  readonly #options: SessionOptions;
  #link: Link;
  #state: "idle" | "linking" | "catching up" | "joined" | "waiting" | "leaving" | "refused" | "over" = "idle";
  #subscription: string | undefined;
  #early: { readonly payload: unknown; readonly nowMs: number }[] = [];
  /** The position that comes next; undefined before the first row of a live subscription. */
  #next: number | undefined;
  #isPast = false;
  /** Rows of the past since the subscription began; those of a subscription that breaks off come again and are counted then. */
  #past = 0;
  readonly #calls: Map<number, Call> = new Map();
  /** Writes that no answer has come to, by op: sent again after a lost connection. */
  readonly #unconfirmed: Map<number, Write> = new Map();
  readonly #events: StoredEvent[] = [];
  #waitingReads: WaitingRead[] = [];
  #lastPost: string | undefined;
  #attempts = 0;
  #returnMs = Infinity;
  #alarmMs = NaN;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#link = new Link(options.basePath);
    if (options.history === true) this.#next = 1;
  }

  start(nowMs: number, out: Outbox): void {
    if (this.#state === "idle") this.#begin(nowMs, out);
  }

  #begin(nowMs: number, out: Outbox): void {
    this.#state = "linking";
    this.#link = new Link(this.#options.basePath);
    this.#link.begin(nowMs, out);
    this.#alarm(out);
  }

  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (this.#state !== "linking") return;
    const failure = this.#link.reply(tag, answer, nowMs, out);
    if (failure === undefined) this.#alarm(out);
    else {
      out.observe({ kind: "rejected", code: failure.status === undefined ? tag : `http-${failure.status}`, text: failure.failure });
      const isFinal = failure.status !== undefined && failure.status >= 400 && failure.status < 500;
      this.#comeBack(!isFinal, nowMs, out);
    }
  }

  opened(nowMs: number, out: Outbox): void {
    this.#link.opened(nowMs);
    this.#alarm(out);
  }

  frame(frame: Frame, nowMs: number, out: Outbox): void {
    const told = this.#link.frame(frame, nowMs, out);
    if (told !== undefined) this.#take(told, nowMs, out);
    this.#alarm(out);
  }

  expected(_decoded: unknown, _nowMs: number, _out: Outbox): void {
    // Notifications name their subscription: no two clients get the same bytes.
  }

  #take(told: LinkEvent, nowMs: number, out: Outbox): void {
    switch (told.kind) {
      case "authenticated":
        this.#authenticated(told.did, out);
        return;
      case "refused":
        this.#state = "refused";
        out.observe({ kind: "rejected", code: "login", text: told.text });
        out.close(1000, "");
        return;
      case "ack":
        this.#answer(told.id, told.payload, nowMs, out);
        return;
      case "notification":
        this.#notification(told.payload, nowMs, out);
        return;
      case "ended":
        out.close(1000, "");
        return;
      case "problem":
        out.observe({ kind: "problem", reason: "malformed", text: told.text });
    }
  }

  #authenticated(did: string | undefined, out: Outbox): void {
    const { user } = this.#link;
    if (did !== undefined && did !== user && user !== "")
      out.observe({ kind: "problem", reason: "foreign", text: `signed in as ${did}, not as ${user}` });
    out.observe({ kind: "connected", user: did ?? user });
    this.#attempts = 0;
    if (this.#options.room === "") {
      this.#joined(out);
      return;
    }
    this.#state = "catching up";
    this.#subscription = undefined;
    this.#early = [];
    this.#isPast = this.#next !== undefined;
    this.#past = 0;
    const query = queryToCbor({ name: "log", params: {}, ...(this.#next === undefined ? {} : { start: this.#next }) });
    this.#call("stream/subscribe_events", { streamDid: this.#options.room, query }, { kind: "subscribe" }, out);
  }

  #joined(out: Outbox): void {
    this.#state = "joined";
    out.observe({ kind: "lifecycle", event: "joined", user: this.#link.user, ...(this.#past === 0 ? {} : { past: this.#past }) });
    for (const write of this.#unconfirmed.values()) this.#append({ ...write, isRepeat: true }, out);
    if (this.#options.readOnJoin) this.#read(-1, out, 0);
  }

  #call(name: string, arg: CborMap, call: Call, out: Outbox): void {
    const id = this.#link.call(name, arg, out);
    this.#calls.set(id, call);
    if (this.#calls.size > CALLS_MAX) for (const oldest of this.#calls.keys()) if (this.#calls.size > CALLS_MAX) this.#calls.delete(oldest);
  }

  #answer(id: number, payload: unknown, nowMs: number, out: Outbox): void {
    const read = readResult(payload);
    if (!read.ok) {
      out.observe({ kind: "problem", reason: "malformed", text: read.problem });
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    const result = read.value;
    // An answer to a call that was sent past this session.
    if (call === undefined)
      out.observe(result.ok ? { kind: "accepted", op: id } : { kind: "rejected", op: id, code: "Err", text: result.error });
    else if (call.kind === "write") this.#written(call, result, out);
    else if (call.kind === "read") this.#readAnswer(call, result, nowMs, out);
    else this.#subscribed(result, out);
  }

  #subscribed(result: Result, out: Outbox): void {
    const id = result.ok ? textField(result.value, "subscriptionId") : undefined;
    if (id === undefined) {
      this.#state = "refused";
      out.observe({ kind: "rejected", code: "subscribe", text: result.ok ? "no subscription" : result.error });
      out.close(1000, "");
      return;
    }
    this.#subscription = id;
    if (!this.#isPast) this.#joined(out);
    for (const { payload, nowMs } of this.#early.splice(0)) this.#notification(payload, nowMs, out);
  }

  #written(write: Write, result: Result, out: Outbox): void {
    const { op, event } = write;
    this.#unconfirmed.delete(op);
    // A repeat of what is stored already is refused with its id: that confirms it (L-5).
    const isStored = result.ok || (write.isRepeat && event.eid !== undefined && result.error.includes(`duplicate ${event.eid}`));
    if (isStored) {
      if (event.kind === "post") this.#lastPost = event.eid;
      out.observe({ kind: "accepted", op });
    } else out.observe({ kind: "rejected", op, code: "Err", text: result.ok ? "" : result.error });
  }

  #notification(payload: unknown, nowMs: number, out: Outbox): void {
    const read = readNews(payload);
    if (!read.ok) {
      out.observe({ kind: "problem", reason: "malformed", text: read.problem });
      return;
    }
    const { subscriptionId, response } = read.value;
    if (this.#subscription === undefined) {
      if (this.#early.length < EARLY_MAX) this.#early.push({ payload, nowMs });
      return;
    }
    if (subscriptionId !== this.#subscription) {
      out.observe({
        kind: "problem",
        reason: "foreign",
        text: `news of the subscription ${subscriptionId.slice(0, 40)}, which is not this client's`,
      });
      return;
    }
    if (!response.ok) {
      out.observe({ kind: "problem", reason: "absent", text: `the subscription says: ${response.error.slice(0, 200)}` });
      return;
    }
    for (const row of logRows(response.rows)) this.#row(row, out);
    if (this.#isPast && !response.hasMore) {
      this.#isPast = false;
      if (this.#state === "catching up") this.#joined(out);
    }
    this.#compareWaiting(out);
  }

  #row(row: LogRow | undefined, out: Outbox): void {
    if (row === undefined) {
      out.observe({ kind: "problem", reason: "malformed", text: "a row of log without idx, user and payload" });
      return;
    }
    const { stored, marker, content } = row;
    const position = stored.idx;
    if (this.#isPast) this.#ofThePast(position, out);
    this.#next = position + 1;
    if (this.#options.history === true && this.#events.length < FOLDED_MAX) this.#events.push(stored);
    if (this.#isPast) {
      if (this.#options.recall === true && marker !== undefined) out.observe({ kind: "recalled", marker, position });
      return;
    }
    const marked = marker === undefined ? {} : { marker };
    out.delivered({ kind: "delivered", author: stored.user, ...marked, position, content }, undefined, false);
  }

  /** What was missed or written before comes without gap and once (LEAF-ORD-04, LEAF-RES-01). */
  #ofThePast(position: number, out: Outbox): void {
    const next = this.#next ?? position;
    this.#past += 1;
    if (position === next) return;
    const reason = position > next ? "lost" : "doubled";
    out.observe({ kind: "problem", reason, text: `position ${position} where ${next} comes next` });
  }

  invoke(op: Op, nowMs: number, out: Outbox): void {
    switch (op.kind) {
      case "leave":
        this.#leave(op, out);
        return;
      case "write": {
        if (this.#state !== "joined") return;
        const event = eventOf(op.value, this.#lastPost);
        const write: Write = {
          kind: "write",
          isRepeat: false,
          op: op.id,
          event: op.marker === undefined ? event : markEvent(event, op.marker),
        };
        if (event.kind !== "post") this.#lastPost = undefined;
        const marked = op.marker === undefined ? {} : { marker: op.marker };
        out.observe({ kind: "invoked", op: op.id, act: "write", plannedMs: op.plannedMs, ...marked });
        if (this.#options.reconnect && this.#unconfirmed.size < CALLS_MAX) this.#unconfirmed.set(op.id, write);
        this.#append(write, out);
        return;
      }
      case "read":
        if (this.#state !== "joined") return;
        out.observe({ kind: "invoked", op: op.id, act: "read", plannedMs: op.plannedMs });
        this.#read(op.id, out, nowMs);
        return;
      case "keepalive":
      case "presence":
        throw new RangeError(`leaf has no message for ${op.kind}`);
    }
  }

  #append(write: Write, out: Outbox): void {
    const arg = { streamDid: this.#options.room, events: [encodeEvent(write.event)] };
    this.#call("stream/event_batch", arg, write, out);
  }

  #read(op: number, out: Outbox, askedMs: number): void {
    const query = queryToCbor({ name: "room", params: { room: text(MAIN_ROOM) } });
    this.#call("stream/query", { streamDid: this.#options.room, query }, { kind: "read", op, askedMs }, out);
  }

  #readAnswer(call: Extract<Call, { kind: "read" }>, result: Result, _nowMs: number, out: Outbox): void {
    if (!result.ok) {
      out.observe({ kind: "rejected", op: call.op, code: "Err", text: result.error });
      return;
    }
    const rows = rowsOf(result.value);
    const upTo = rows?.[0]?.["upTo"];
    if (rows === undefined || upTo?.kind !== "integer") {
      out.observe({ kind: "problem", reason: "malformed", text: "the view room in another form" });
      return;
    }
    const position = Number(upTo.value);
    const texts = rows.map(rowText);
    out.observe({ kind: "snapshot", op: call.op, askedMs: call.askedMs, content: texts.join("\n"), position });
    if (this.#options.history !== true || this.#events.length >= FOLDED_MAX) return;
    if (this.#waitingReads.length < WAITING_READS_MAX) this.#waitingReads.push({ upTo: position, texts });
    this.#compareWaiting(out);
  }

  /** The server's view and the fold of the events up to the same position are equal (LEAF-CONV-02). */
  #compareWaiting(out: Outbox): void {
    if (this.#waitingReads.length === 0) return;
    const reached = (this.#next ?? 1) - 1;
    const ripe = this.#waitingReads.filter((read) => read.upTo <= reached);
    if (ripe.length === 0) return;
    this.#waitingReads = this.#waitingReads.filter((read) => read.upTo > reached);
    for (const { upTo, texts } of ripe) {
      const own = viewsAt(this.#events, upTo).roomTexts(MAIN_ROOM);
      const at = own.length === texts.length ? own.findIndex((line, index) => line !== texts[index]) : Math.min(own.length, texts.length);
      if (at === -1) continue;
      const seen = `${texts[at] ?? "nothing"}, where the events give ${own[at] ?? "nothing"}`;
      out.observe({ kind: "problem", reason: "diverged", text: `the view room at position ${upTo}, row ${at + 1}: ${seen}` });
    }
  }

  #leave(op: Op, out: Outbox): void {
    if (this.#state === "over" || this.#state === "idle") return;
    out.observe({ kind: "invoked", op: op.id, act: "leave", plannedMs: op.plannedMs });
    this.#state = "leaving";
    this.#link.leave(out);
    this.#alarm(out);
  }

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    const was = this.#state;
    if (was === "over" || was === "idle" || was === "waiting") return;
    this.#link.closed();
    this.#calls.clear();
    this.#waitingReads = [];
    out.observe({ kind: "disconnected", code, reason, wanted: was === "leaving" });
    if (was === "linking") out.observe({ kind: "rejected", code: `close-${code}`, text: reason });
    this.#comeBack(was !== "leaving" && was !== "refused" && !FINAL_CODES.has(code), nowMs, out);
  }

  #comeBack(may: boolean, nowMs: number, out: Outbox): void {
    if (!may || !this.#options.reconnect) {
      this.#state = "over";
      out.wakeAt(Infinity);
      return;
    }
    const fullMs = Math.min(BACKOFF_MS_MIN * 2 ** this.#attempts, BACKOFF_MS_MAX);
    this.#attempts = Math.min(this.#attempts + 1, 30);
    this.#returnMs = nowMs + fullMs * (1 - this.#options.prng.next() / 2);
    this.#state = "waiting";
    out.wakeAt(this.#returnMs);
  }

  wake(nowMs: number, out: Outbox): void {
    if (this.#state === "waiting") {
      if (nowMs >= this.#returnMs) this.#begin(nowMs, out);
      else out.wakeAt(this.#returnMs);
      return;
    }
    if (this.#state === "over" || this.#state === "idle") return;
    if (nowMs >= this.#link.deadlineMs) {
      out.observe({ kind: "problem", reason: "silent", text: "the server did not go on in time" });
      this.#link.closed();
      out.close(1000, "");
    }
    this.#alarm(out);
  }

  /** Set anew only when it has moved: pings come often, and alarms are not free. */
  #alarm(out: Outbox): void {
    const { deadlineMs } = this.#link;
    if (this.#state === "waiting" || this.#state === "over" || deadlineMs === this.#alarmMs) return;
    this.#alarmMs = deadlineMs;
    out.wakeAt(deadlineMs);
  }
}

/** A client of a stream with the reference module. An empty room: signed in, and no more. */
export function createSession(options: SessionOptions): Session {
  return new LeafSession(options);
}
