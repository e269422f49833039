import { unreachable } from "../../core/errors.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session, SessionOptions } from "../../core/session.ts";
import { type Codec, codecOf, readServerFrame } from "./codec.ts";
import { editOf, type Editing } from "./editing.ts";
import { canonicalJson, isFields } from "./json.ts";
import { lastMarkerOf, markerOfPresence, markerOfStep, markPresence } from "./marker.ts";
import type { ClientMessage, DocSnapshot, ErrorMessage, Presence, ServerMessage, UserPresence } from "./messages.ts";
import { Replication, type SharedSteps } from "./replication.ts";

/** Waits between two attempts to come back: 1, 2, 4 … 30 s, each 20 % more or less (S-6). */
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
const JITTER = 0.2;

/** Questions without an answer that are remembered. */
const READS_MAX = 256;
/** Members whose presence is followed: more in one room is an attack on the reader. */
const MEMBERS_MAX = 10_000;

/** Close codes after which coming back makes no sense: bad message, not permitted, no such room. */
const FINAL_CODES: ReadonlySet<number> = new Set([1003, 1007, 1008, 4400, 4401, 4403, 4404]);
const CODES_STOPPING: ReadonlySet<number> = new Set([1001, 1012]);

/** What a session is handed beside its options. */
export interface SessionPorts {
  readonly editing: Editing;
  /** Milliseconds since 1970, for timestamps that only inform. */
  readonly epochMs: () => number;
}

/**
 * | state | event | next |
 * |---|---|---|
 * | idle | start | credential |
 * | credential | reply | connecting; a failure: waiting or over |
 * | connecting | opened · refused | open · waiting or over |
 * | open | doc-snapshot · error · closed | joined · refused · waiting |
 * | joined | closed | waiting or over |
 * | waiting | wake | credential |
 * | any | leave | leaving, then over |
 */
type State =
  | { readonly kind: "idle" | "credential" | "leaving" | "over" }
  | { readonly kind: "connecting" }
  | { readonly kind: "open"; readonly openedMs: number }
  | { readonly kind: "joined"; readonly openedMs: number; /** until the list of members has come */ snapshot: DocSnapshot | undefined }
  | { readonly kind: "waiting"; readonly untilMs: number };

/** One client's side of the protocol, without I/O, in either dialect. */
class StepsSession implements Session {
  readonly #options: SessionOptions;
  readonly #ports: SessionPorts;
  readonly #codec: Codec;
  readonly #replication: Replication;
  #state: State = { kind: "idle" };
  #user = "";
  #attempts = 0;
  #reads: { readonly op: number; readonly askedMs: number }[] = [];
  /** Own presence as last set; goes out with every join. */
  #presence: UserPresence | undefined;
  #isPresenceDue = false;
  /** How often it was set: the counter of its marker. Who shows it stands in the message. */
  #shown = 0;
  /** Counter of the latest marked presence of each other member. */
  readonly #presenceOf: Map<string, number> = new Map();
  #wokenMs = Infinity;

  constructor(options: SessionOptions, ports: SessionPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#codec = codecOf(options.dialect);
    this.#replication = new Replication(
      ports.editing,
      (message, out) => this.#send(message, out),
      () => options.prng.next(),
      options.readOnJoin,
    );
  }

  start(_nowMs: number, out: Outbox): void {
    if (this.#state.kind === "idle") this.#begin(out);
  }

  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (tag === "credential" && this.#state.kind === "credential") this.#credential(answer, nowMs, out);
    if (tag === "connect" && this.#state.kind === "connecting" && "failure" in answer) {
      const status = answer.status ?? 0;
      const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
      if (isFinal) out.observe({ kind: "rejected", code: `http-${status}`, text: answer.failure });
      else out.observe({ kind: "disconnected", code: 1006, reason: answer.failure, wanted: false });
      if (isFinal) this.#end(out);
      else this.#comeBack(nowMs, out);
    }
  }

  opened(nowMs: number, out: Outbox): void {
    if (this.#state.kind !== "connecting") return;
    this.#state = { kind: "open", openedMs: nowMs };
    this.#reads = [];
    this.#presenceOf.clear();
    out.observe({ kind: "connected", user: this.#user });
    this.#send({ type: "join", userId: this.#user, ...(this.#presence === undefined ? {} : { presence: this.#presence }) }, out);
    this.#isPresenceDue = false;
  }

  frame(frame: Frame, nowMs: number, out: Outbox): void {
    const parsed = readServerFrame(this.#codec, frame);
    if (!parsed.ok) out.observe({ kind: "problem", reason: "malformed", text: parsed.problem });
    else if (this.#state.kind === "open" || this.#state.kind === "joined") this.#message(parsed.value, nowMs, out);
    this.#arrange(out);
  }

  expected(decoded: unknown, nowMs: number, out: Outbox): void {
    this.#replication.receive(decoded as SharedSteps, nowMs, out);
    this.#arrange(out);
  }

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    const was = this.#state;
    if (was.kind === "over" || was.kind === "idle" || was.kind === "waiting") return;
    this.#replication.offline();
    this.#reads = [];
    if (was.kind === "open" && FINAL_CODES.has(code)) out.observe({ kind: "rejected", code: `close-${code}`, text: reason });
    if (was.kind === "joined") this.#tellSnapshot(was, undefined, out);
    if (was.kind === "joined" && CODES_STOPPING.has(code)) out.observe({ kind: "lifecycle", event: "stopping" });
    out.observe({ kind: "disconnected", code, reason, wanted: was.kind === "leaving" });
    if (was.kind === "leaving" || FINAL_CODES.has(code)) this.#end(out);
    else this.#comeBack(nowMs, out);
  }

  invoke(op: Op, nowMs: number, out: Outbox): void {
    switch (op.kind) {
      case "write":
        this.#observeInvoked(op, out);
        this.#replication.write(op, editOf(op.value) ?? { do: "type", at: 0.5, text: canonicalJson(op.value) }, nowMs, out);
        break;
      case "read":
        if (this.#state.kind !== "joined") return;
        this.#observeInvoked(op, out);
        if (this.#reads.length >= READS_MAX) this.#reads.shift();
        this.#reads.push({ op: op.id, askedMs: nowMs });
        this.#send({ type: "doc-request" }, out);
        break;
      case "presence":
        this.#shown += 1;
        this.#presence = markPresence(isFields(op.value) ? op.value : {}, {
          run: this.#options.run,
          author: 0,
          n: this.#shown,
          intact: true,
        });
        this.#isPresenceDue = true;
        if (this.#state.kind !== "joined") return;
        this.#observeInvoked(op, out);
        this.#sendPresence(out);
        break;
      case "leave":
        this.#leave(op, out);
        return;
      case "keepalive":
        return; // The server pings; there is nothing of the client's own.
      default:
        unreachable(op);
    }
    this.#arrange(out);
  }

  wake(nowMs: number, out: Outbox): void {
    this.#wokenMs = Infinity;
    const state = this.#state;
    if (state.kind === "waiting") {
      if (nowMs >= state.untilMs) this.#begin(out);
      else out.wakeAt(state.untilMs);
      return;
    }
    if (state.kind !== "joined") return;
    this.#replication.wake(nowMs, out);
    this.#arrange(out);
  }

  #begin(out: Outbox): void {
    this.#state = { kind: "credential" };
    out.needCredential("credential");
  }

  #credential(answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if (!("user" in answer)) {
      out.observe({ kind: "rejected", code: "credential", text: "failure" in answer ? answer.failure : "no credential" });
      this.#comeBack(nowMs, out);
      return;
    }
    this.#user = answer.user;
    this.#state = { kind: "connecting" };
    out.connect(`${this.#options.basePath}${this.#codec.path(this.#options.room)}`, [], answer.headers);
  }

  #message(message: ServerMessage, nowMs: number, out: Outbox): void {
    const state = this.#state;
    if (state.kind === "joined" && !(message.type === "presence" && state.snapshot !== undefined))
      this.#tellSnapshot(state, undefined, out);
    switch (message.type) {
      case "steps":
        this.#steps(message, nowMs, out);
        return;
      case "ack":
        this.#replication.ack(message.version, nowMs, out);
        if (this.#isPresenceDue) this.#sendPresence(out);
        return;
      case "error":
        this.#error(message, nowMs, out);
        return;
      case "doc-snapshot":
        this.#snapshot(message, nowMs, out);
        return;
      case "history":
        this.#replication.history(message, nowMs, out);
        return;
      case "presence":
        this.#others(message, out);
        return;
      case "join":
        if (message.userId === this.#user) return;
        out.observe({ kind: "presence", event: "joined", user: message.userId });
        this.#presenceOf.delete(message.userId);
        if (message.presence !== undefined) this.#moved(message.userId, message.presence, out);
        return;
      case "leave":
        this.#presenceOf.delete(message.userId);
        out.observe({ kind: "presence", event: "left", user: message.userId });
        return;
      case "ping":
        this.#send({ type: "pong", ts: message.ts }, out);
        return;
      case "other-ack":
        return;
      default:
        unreachable(message);
    }
  }

  #steps(message: Extract<ServerMessage, { type: "steps" }>, nowMs: number, out: Outbox): void {
    const shared: SharedSteps = { message, batch: this.#ports.editing.parse(message.steps), last: lastMarkerOf(message.steps) };
    let isMarked = false;
    const before = message.version - message.steps.length;
    for (const [index, step] of message.steps.entries()) {
      const marker = markerOfStep(step);
      if (marker === undefined) continue;
      isMarked = true;
      out.delivered(
        { kind: "delivered", author: message.userId, marker, position: before + index + 1, content: canonicalJson(step) },
        shared,
        true,
      );
    }
    if (!isMarked) {
      const content = canonicalJson(message.steps);
      out.delivered({ kind: "delivered", author: message.userId, position: message.version, content }, shared, true);
    }
    this.#replication.receive(shared, nowMs, out);
  }

  #error(error: ErrorMessage, nowMs: number, out: Outbox): void {
    if (this.#state.kind === "joined" && this.#replication.refused(error, nowMs, out)) return;
    out.observe({ kind: "rejected", code: error.code, text: error.message });
  }

  #snapshot(snapshot: DocSnapshot, nowMs: number, out: Outbox): void {
    const state = this.#state;
    if (state.kind === "open") {
      if (!this.#replication.joined(this.#user, snapshot, nowMs, out)) {
        out.observe({ kind: "problem", reason: "malformed", text: "the document does not fit the schema" });
        return;
      }
      this.#state = { kind: "joined", openedMs: state.openedMs, snapshot };
      this.#attempts = 0;
      out.observe({ kind: "lifecycle", event: "joined", user: this.#user });
      if (this.#isPresenceDue) this.#sendPresence(out);
      return;
    }
    if (this.#replication.snapshot(snapshot, nowMs, out)) return;
    const read = this.#reads.shift();
    const content = this.#ports.editing.canonical(snapshot.doc);
    const last = this.#replication.version === snapshot.version ? this.#replication.last : undefined;
    const own = this.#replication.version === snapshot.version ? this.#replication.confirmed() : undefined;
    if (own !== undefined && own !== content) {
      const text = `at version ${snapshot.version} the server has ${content.slice(0, 300)}, and this member's steps give ${own.slice(0, 300)}`;
      out.observe({ kind: "problem", reason: "diverged", text });
    }
    out.observe({
      kind: "snapshot",
      ...(read === undefined ? {} : { op: read.op }),
      askedMs: read?.askedMs ?? nowMs,
      content,
      position: snapshot.version,
      ...(last === undefined ? {} : { marker: last }),
    });
  }

  /** The first list after a join names everybody in the dialect `documented`; in `upstream` those with a presence. */
  #others(message: Presence, out: Outbox): void {
    const state = this.#state;
    if (state.kind === "joined" && state.snapshot !== undefined) {
      const isList = this.#codec.dialect === "documented" && message.isAll !== true;
      this.#tellSnapshot(state, isList ? [this.#user, ...message.users.keys()] : undefined, out);
    }
    for (const [user, presence] of message.users) this.#moved(user, presence, out);
  }

  #tellSnapshot(state: Extract<State, { kind: "joined" }>, members: readonly string[] | undefined, out: Outbox): void {
    const { snapshot, openedMs } = state;
    if (snapshot === undefined) return;
    state.snapshot = undefined;
    out.observe({
      kind: "snapshot",
      askedMs: openedMs,
      content: this.#ports.editing.canonical(snapshot.doc),
      position: snapshot.version,
      ...(members === undefined ? {} : { members }),
    });
  }

  /** Marked presence is held against its own marker: of this run, whole, and never older than what came before. */
  #moved(user: string, presence: UserPresence, out: Outbox): void {
    out.observe({ kind: "presence", event: "moved", user });
    const marker = markerOfPresence(presence);
    if (marker === undefined) return;
    const last = this.#presenceOf.get(user) ?? 0;
    const text = `presence ${marker.n} of ${user}`;
    if (marker.run !== this.#options.run) out.observe({ kind: "problem", reason: "foreign", text: `${text}, of run ${marker.run}` });
    else if (!marker.intact) out.observe({ kind: "problem", reason: "damaged", text: `${text} with another payload` });
    else if (marker.n < last) out.observe({ kind: "problem", reason: "stale", text: `${text} after ${last}` });
    if (this.#presenceOf.size < MEMBERS_MAX) this.#presenceOf.set(user, Math.max(last, marker.n));
  }

  /** Nothing that could be refused goes out while a batch waits for its verdict (S-3); only the last value counts. */
  #sendPresence(out: Outbox): void {
    if (this.#replication.isWaiting || this.#presence === undefined) return;
    this.#isPresenceDue = false;
    this.#send({ type: "presence", users: new Map([[this.#user, this.#presence]]) }, out);
  }

  #leave(op: Op, out: Outbox): void {
    const { kind } = this.#state;
    if (kind === "joined") {
      this.#observeInvoked(op, out);
      this.#send({ type: "leave", userId: this.#user }, out);
    }
    if (kind === "open" || kind === "joined" || kind === "connecting") {
      this.#state = { kind: "leaving" };
      out.close(1000, "");
    } else if (kind !== "leaving") this.#end(out);
  }

  #observeInvoked(op: Op, out: Outbox): void {
    const marker = op.kind === "write" && op.marker !== undefined ? { marker: op.marker } : {};
    out.observe({ kind: "invoked", op: op.id, act: op.kind, plannedMs: op.plannedMs, ...marker });
  }

  #send(message: ClientMessage, out: Outbox): void {
    const to = { room: this.#options.room, user: this.#user, epochMs: this.#ports.epochMs() };
    out.send(this.#codec.writeClient(message, to));
  }

  /** One alarm for all: set when its time has changed. */
  #arrange(out: Outbox): void {
    if (this.#state.kind !== "joined") return;
    const dueMs = this.#replication.dueMs;
    if (dueMs === this.#wokenMs) return;
    this.#wokenMs = dueMs;
    out.wakeAt(dueMs);
  }

  #comeBack(nowMs: number, out: Outbox): void {
    if (!this.#options.reconnect) {
      this.#end(out);
      return;
    }
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#attempts) * (1 - JITTER + 2 * JITTER * this.#options.prng.next());
    this.#attempts = Math.min(this.#attempts + 1, 16);
    this.#state = { kind: "waiting", untilMs: nowMs + waitMs };
    this.#wokenMs = Infinity;
    out.wakeAt(nowMs + waitMs);
  }

  #end(out: Outbox): void {
    this.#state = { kind: "over" };
    out.wakeAt(Infinity);
  }
}

/** A client of a room. Nothing goes out before `start`. */
export function createSession(options: SessionOptions, ports: SessionPorts): Session {
  return new StepsSession(options, ports);
}
