import type { Marker } from "../../core/marker.ts";
import type { Op } from "../../core/op.ts";
import type { Outbox } from "../../core/session.ts";
import type { Batch, Edit, Editing, Replica } from "./editing.ts";
import { canonicalJson } from "./json.ts";
import { lastMarkerOf, markersIn, markerOfStep, markText } from "./marker.ts";
import type { ClientMessage, DocSnapshot, ErrorMessage, History, StepJson, Steps } from "./messages.ts";

/** Time between two batches of one client: what is typed meanwhile goes together, as editors do it. */
const FLUSH_MS = 75;
/** Steps of one message: far below 1 MiB, and no receiver is held up by it. */
const BATCH_STEPS_MAX = 256;
/** Acts that may wait for confirmation, also while away; further ones are refused here. */
const WRITES_MAX = 20_000;
/**
 * Own steps that lie on top of the document at once: each foreign batch maps all of them anew. Further acts wait, and are
 * done once these are confirmed; without the bound a room that is slower than its writers costs ever more.
 */
const OWN_STEPS_MAX = 64;
/** A question that nobody answers is not waited for longer: the document is asked for instead. */
const ANSWER_MS = 3_000;

/** Steps looked back over for the last marked write, where a document came without them. */
const LOOK_BACK_STEPS = 64;

/** Codes that refuse a batch for good; version_mismatch asks for another try, and any other word leaves it in doubt (S-3). */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "apply_failed",
  "bad_message",
  "bad_version",
  "identity_mismatch",
  "not_joined",
  "too_large",
  "wrong_server",
]);

/** A steps message as every receiver shares it. */
export interface SharedSteps {
  readonly message: Steps & { readonly version: number };
  readonly batch: Batch | undefined;
  /** The last marked write among them. */
  readonly last: Marker | undefined;
}

interface Write {
  readonly op: Op & { readonly kind: "write" };
  readonly edit: Edit;
}

/** A batch that was sent and is not answered. Positions are those it was sent with. */
interface InFlight {
  readonly version: number;
  readonly steps: readonly StepJson[];
  readonly tags: readonly number[];
}

/** What the server was asked in order to catch up; `sinceMs` bounds the wait. */
type Question = { readonly kind: "history" | "document"; readonly sinceMs: number };

/**
 * One member's part in the document: its replica, acts not yet confirmed, the one batch in flight (S-5), and how it
 * catches up. It sends only while joined; acts of the time between are kept and go out after the return.
 *
 * A refusal for an old version is answered after its snapshot: by then everything that came before has been received, or
 * is asked for. Others' steps that come before the verdict on an own batch do not start a new sending (order trap, 2.4).
 */
export class Replication {
  readonly #editing: Editing;
  readonly #send: (message: ClientMessage, out: Outbox) => void;
  readonly #jitter: () => number;
  #user = "";
  #replica: Replica | undefined;
  readonly #writes: Map<number, Write> = new Map();
  /** Acts that wait for their turn, in order. */
  #waiting: number[] = [];
  #inFlight: InFlight | undefined;
  #question: Question | undefined;
  /** The refusal is there, the document that follows it is not. */
  #refusedMs: number | undefined;
  /** Something was confirmed that this side did not send: the document is asked for before the next act. */
  #isBehind = false;
  #isOnline = false;
  #mayFlushMs = 0;
  /** The last marked write that the document holds, as far as this side knows. */
  #last: Marker | undefined;
  /** Whether the history is asked for it where a document comes as a whole. */
  readonly #learns: boolean;
  #isLearning = false;

  constructor(editing: Editing, send: (message: ClientMessage, out: Outbox) => void, jitter: () => number, learns: boolean) {
    this.#editing = editing;
    this.#learns = learns;
    this.#send = send;
    this.#jitter = jitter;
  }

  get version(): number {
    return this.#replica?.version ?? 0;
  }

  /** The last marked write up to the own version. */
  get last(): Marker | undefined {
    return this.#last;
  }

  /** When it wants to be woken. */
  get dueMs(): number {
    if (!this.#isOnline) return Infinity;
    if (this.#question !== undefined) return this.#question.sinceMs + ANSWER_MS;
    if (this.#refusedMs !== undefined) return this.#refusedMs + ANSWER_MS;
    return this.#inFlight === undefined && (this.#replica?.unconfirmed ?? 0) > 0 ? this.#mayFlushMs : Infinity;
  }

  /** Whether a batch waits for its verdict: nothing else that could be refused is sent meanwhile (S-3). */
  get isWaiting(): boolean {
    return this.#inFlight !== undefined;
  }

  /** The own document, confirmed as a whole; undefined while something of it is not. */
  confirmed(): string | undefined {
    const replica = this.#replica;
    if (replica === undefined || !this.#editing.hasDocuments || this.#isBehind || replica.unconfirmed > 0) return undefined;
    return this.#editing.canonical(replica.doc());
  }

  write(op: Op & { readonly kind: "write" }, edit: Edit, nowMs: number, out: Outbox): void {
    if (this.#writes.size >= WRITES_MAX) {
      out.observe({ kind: "rejected", op: op.id, code: "too-many", text: `over ${WRITES_MAX} acts wait for confirmation` });
      return;
    }
    this.#writes.set(op.id, { op, edit });
    this.#waiting.push(op.id);
    this.#typeWaiting();
    this.flush(nowMs, out);
  }

  /** The join's document is there. False when the schema does not allow it. */
  joined(user: string, snapshot: DocSnapshot, nowMs: number, out: Outbox): boolean {
    this.#user = user;
    this.#isOnline = true;
    const replica = this.#replica;
    if (replica === undefined) {
      if (!this.#adopt(snapshot, out)) return false;
    } else if (this.#inFlight !== undefined && snapshot.version === this.#inFlight.version) {
      // The version stands where the batch was made against: it was not taken.
      this.#inFlight = undefined;
    } else if (this.#inFlight !== undefined) {
      this.#ask("history", this.#inFlight.version, nowMs, out);
    } else if (snapshot.version !== replica.version) {
      if (snapshot.version < replica.version) this.#adopt(snapshot, out);
      else this.#ask("history", replica.version, nowMs, out);
    }
    this.flush(nowMs, out);
    return true;
  }

  offline(): void {
    this.#isOnline = false;
    this.#question = undefined;
    this.#refusedMs = undefined;
    this.#isLearning = false;
  }

  ack(version: number, nowMs: number, out: Outbox): void {
    const batch = this.#inFlight;
    const replica = this.#replica;
    if (batch === undefined || replica === undefined) {
      if (version > this.version) this.#isBehind = true;
      return;
    }
    this.#inFlight = undefined;
    const before = version - batch.steps.length;
    if (before === replica.version) replica.confirm(batch.steps.length);
    else {
      out.observe({
        kind: "problem",
        reason: before > replica.version ? "lost" : "disordered",
        text: `a batch of ${batch.steps.length} is confirmed at version ${version} while this member is at ${replica.version}`,
      });
      replica.confirm(batch.steps.length);
      this.#isBehind = true;
    }
    this.#accepted(batch, before, out);
    this.flush(nowMs, out);
  }

  /** Whether the error was the verdict on a batch. Otherwise it is the session's matter. */
  refused(error: ErrorMessage, nowMs: number, out: Outbox): boolean {
    const batch = this.#inFlight;
    if (batch === undefined || (error.re !== undefined && error.re !== "steps")) return false;
    if (error.code === "version_mismatch") {
      this.#inFlight = undefined;
      this.#refusedMs = nowMs;
    } else if (FINAL_CODES.has(error.code)) {
      this.#inFlight = undefined;
      for (const tag of new Set(batch.tags)) {
        if (this.#writes.delete(tag)) out.observe({ kind: "rejected", op: tag, code: error.code, text: error.message });
      }
      this.#ask("document", this.version, nowMs, out);
    } else this.#ask("history", batch.version, nowMs, out);
    return true;
  }

  /** Whether the document is this side's own matter, and no answer to a read. */
  snapshot(snapshot: DocSnapshot, nowMs: number, out: Outbox): boolean {
    const replica = this.#replica;
    if (this.#question !== undefined) {
      this.#question = undefined;
      this.#adopt(snapshot, out);
    } else if (this.#refusedMs !== undefined) {
      this.#refusedMs = undefined;
      if (replica !== undefined && snapshot.version > replica.version) this.#ask("history", replica.version, nowMs, out);
      else if (replica !== undefined && snapshot.version < replica.version) this.#adopt(snapshot, out);
    } else return false;
    this.flush(nowMs, out);
    return true;
  }

  /** Steps of others, as they come. */
  receive({ message, batch, last }: SharedSteps, nowMs: number, out: Outbox): void {
    const replica = this.#replica;
    if (replica === undefined || this.#isBehind || this.#question !== undefined) return;
    const before = message.version - message.steps.length;
    // At or below the own version: known already (S-5).
    if (message.version <= replica.version) return;
    if (before !== replica.version) {
      if (!this.#isBehind) this.#ask("history", replica.version, nowMs, out);
      return;
    }
    if (batch === undefined || !replica.receive(batch)) {
      this.#isBehind = true;
      out.observe({
        kind: "problem",
        reason: "diverged",
        text: `the steps up to version ${message.version} do not fit this member's document`,
      });
      return;
    }
    this.#last = last ?? this.#last;
    this.#typeAgain(replica);
    this.flush(nowMs, out);
  }

  history(history: History, nowMs: number, out: Outbox): void {
    const replica = this.#replica;
    if (this.#question === undefined && this.#isLearning) {
      this.#isLearning = false;
      this.#last ??= lastMarkerOf(history.steps);
      return;
    }
    if (replica === undefined || this.#question?.kind !== "history") return;
    this.#question = undefined;
    const isWhole = history.fromVersion + history.steps.length === history.toVersion && history.fromVersion <= replica.version;
    if (!isWhole || !this.#catchUp(replica, history, out)) this.#ask("document", replica.version, nowMs, out);
    this.flush(nowMs, out);
  }

  /** Sends what is unconfirmed, when it is time and nothing is in flight. */
  flush(nowMs: number, out: Outbox): void {
    const replica = this.#replica;
    if (replica === undefined || !this.#isOnline || this.#inFlight !== undefined || this.#question !== undefined) return;
    if (this.#refusedMs !== undefined || replica.unconfirmed === 0) return;
    if (this.#isBehind) {
      this.#ask("document", replica.version, nowMs, out);
      return;
    }
    if (nowMs < this.#mayFlushMs) return;
    const sendable = replica.sendable(BATCH_STEPS_MAX);
    if (sendable === undefined) return;
    this.#inFlight = sendable;
    this.#mayFlushMs = nowMs + FLUSH_MS * (0.75 + this.#jitter() / 2);
    this.#send({ type: "steps", steps: sendable.steps, version: sendable.version, userId: this.#user }, out);
  }

  /** Time has passed: a question without an answer is put otherwise. */
  wake(nowMs: number, out: Outbox): void {
    if (this.#question !== undefined && nowMs >= this.#question.sinceMs + ANSWER_MS) this.#ask("document", this.version, nowMs, out);
    if (this.#refusedMs !== undefined && nowMs >= this.#refusedMs + ANSWER_MS) {
      this.#refusedMs = undefined;
      this.#ask("document", this.version, nowMs, out);
    }
    this.flush(nowMs, out);
  }

  #ask(kind: Question["kind"], sinceVersion: number, nowMs: number, out: Outbox): void {
    this.#question = { kind, sinceMs: nowMs };
    this.#send(kind === "history" ? { type: "history-request", sinceVersion } : { type: "doc-request" }, out);
  }

  /** Applies what came since; a batch in doubt is found there, or goes out again. False: it does not fit. */
  #catchUp(replica: Replica, history: History, out: Outbox): boolean {
    const batch = this.#inFlight;
    this.#inFlight = undefined;
    const at = batch === undefined ? -1 : batch.version - history.fromVersion;
    const isTaken = batch !== undefined && this.#isIn(history, batch, at);
    if (isTaken && replica.version === batch.version) {
      replica.confirm(batch.steps.length);
      for (const tag of this.#settled(batch)) this.#writes.delete(tag);
    } else if (isTaken) return false;
    const rest = this.#editing.parse(history.steps.slice(replica.version - history.fromVersion));
    if (rest === undefined || !replica.receive(rest)) {
      out.observe({
        kind: "problem",
        reason: "diverged",
        text: `the history up to version ${history.toVersion} does not fit this member's document`,
      });
      return false;
    }
    this.#last = lastMarkerOf(history.steps) ?? this.#last;
    this.#typeAgain(replica);
    return true;
  }

  /** Whether the batch stands in the history, at the version it was made against. */
  #isIn(history: History, batch: InFlight, at: number): boolean {
    if (at < 0 || at + batch.steps.length > history.steps.length) return false;
    if (history.userIds !== undefined && history.userIds[at] !== this.#user) return false;
    return batch.steps.every((step, index) => canonicalJson(step) === canonicalJson(history.steps[at + index] ?? null));
  }

  /** Takes a document as it is; own acts that it does not hold are done again in it. */
  #adopt(snapshot: DocSnapshot, out: Outbox): boolean {
    const before = this.#replica;
    const replica = this.#editing.open(snapshot.doc, snapshot.version);
    if (replica === undefined) return false;
    this.#replica = replica;
    if (before?.version !== snapshot.version) this.#last = undefined;
    if (this.#last === undefined && this.#learns && snapshot.version > 0) {
      this.#isLearning = true;
      this.#send({ type: "history-request", sinceVersion: Math.max(0, snapshot.version - LOOK_BACK_STEPS) }, out);
    }
    this.#isBehind = false;
    this.#inFlight = undefined;
    this.#question = undefined;
    this.#refusedMs = undefined;
    const held = before === undefined ? new Set<string>() : new Set(markersIn(snapshot.doc));
    for (const [tag, { op }] of this.#writes) {
      if (op.marker !== undefined && held.has(`${op.marker.run}/${op.marker.author}/${op.marker.n}`)) this.#writes.delete(tag);
    }
    this.#waiting = [...this.#writes.keys()];
    this.#typeWaiting();
    return true;
  }

  #type(tag: number): void {
    const write = this.#writes.get(tag);
    if (write === undefined) return;
    const { op, edit } = write;
    this.#replica?.edit(edit, textOf(edit, op.marker), tag);
  }

  /** Does what waits, as far as there is room for it. */
  #typeWaiting(): void {
    const replica = this.#replica;
    let done = 0;
    while (replica !== undefined && done < this.#waiting.length && replica.unconfirmed < OWN_STEPS_MAX) {
      this.#type(this.#waiting[done] ?? 0);
      done += 1;
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
  }

  /** Text that was typed where others have deleted goes with it; whoever typed it types it again. */
  #typeAgain(replica: Replica): void {
    if (this.#writes.size === 0) return;
    const kept = new Set([...replica.tags(), ...this.#waiting]);
    for (const tag of this.#writes.keys()) if (!kept.has(tag)) this.#type(tag);
    this.#typeWaiting();
  }

  #accepted(batch: InFlight, before: number, out: Outbox): void {
    this.#last = lastMarkerOf(batch.steps) ?? this.#last;
    for (const [tag, index] of this.#placed(batch)) {
      if (!this.#writes.delete(tag)) continue;
      out.observe({ kind: "accepted", op: tag, position: before + index + 1 });
    }
    if (this.#replica !== undefined) this.#typeAgain(this.#replica);
  }

  #settled(batch: InFlight): readonly number[] {
    return [...this.#placed(batch).keys()];
  }

  /** Where in a batch each act has its text: the step with its marker, and for acts without one the last step. */
  #placed(batch: InFlight): ReadonlyMap<number, number> {
    const places = new Map<number, number>();
    for (const [index, tag] of batch.tags.entries()) {
      const marker = this.#writes.get(tag)?.op.marker;
      const found = marker === undefined ? undefined : markerOfStep(batch.steps[index] ?? null);
      if (marker === undefined || (found?.n === marker.n && found.author === marker.author)) places.set(tag, index);
    }
    return places;
  }
}

function textOf(edit: Edit, marker: Marker | undefined): string {
  if (marker !== undefined) return markText(edit.text, marker);
  return edit.text === "" ? "·" : edit.text;
}
