import type { Prng } from "../../core/prng.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session } from "../../core/session.ts";
import type { Detail } from "../../core/observation.ts";
import { actOf, type HubAct } from "./acts.ts";
import { frameOf, helloOf, type HubIdentity, hubOutOf } from "./hub-session.ts";
import type { Broadcast, HubIn, HubOut, Status } from "./messages.ts";

/** J-7: min(1000·2ⁿ, 30000) for the n-th try, five of them, ±20 % under load. */
const TRIES_MAX = 5;
const WAIT_MS = 1_000;
const WAIT_MS_MAX = 30_000;
const JITTER = 0.2;

export interface HubLegOptions {
  readonly identity: HubIdentity;
  readonly prng: Prng;
  /** Whether a lost connection is taken up again. */
  readonly reconnect: boolean;
  /** The hub has let it in for the first time, or will not: then why. */
  readonly entered: (failure?: string) => void;
}

/**
 * The hub's socket of a client that has both legs: what it sends and hears is told as signals. What cannot be sent now is
 * not sent: the hub keeps nothing.
 */
export class HubLeg implements Session {
  readonly #options: HubLegOptions;
  #out: Outbox | undefined;
  #isReady = false;
  #hasEntered = false;
  #isWanted = false;
  #tries = 0;
  #refusal = "";

  constructor(options: HubLegOptions) {
    this.#options = options;
  }

  start(_nowMs: number, out: Outbox): void {
    this.#out = out;
    out.connect("", [], {});
  }

  reply(_tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void {
    if ("failure" in answer) this.#again(answer.failure, nowMs, out);
  }

  opened(): void {}

  frame(frame: Frame, nowMs: number, out: Outbox): void {
    const message = hubOutOf(frame, out);
    if (message !== undefined) this.#heard(message, nowMs, out);
  }

  expected(): void {}

  closed(code: number, reason: string, nowMs: number, out: Outbox): void {
    const wasReady = this.#isReady;
    this.#isReady = false;
    if (wasReady) this.#became(this.#isWanted ? "offline" : "gone", nowMs, out);
    if (this.#isWanted) return;
    const why = `the hub's socket closed with ${code} ${this.#refusal === "" ? reason : this.#refusal}`.trim();
    if (wasReady && !this.#options.reconnect) out.observe({ kind: "problem", reason: "closed", text: why });
    else this.#again(why, nowMs, out);
  }

  wake(_nowMs: number, out: Outbox): void {
    if (!this.#isWanted) out.connect("", [], {});
  }

  invoke(op: Op, _nowMs: number, out: Outbox): void {
    if (op.kind === "leave") {
      this.#isWanted = true;
      out.wakeAt(Infinity);
      out.close(1000, "bye");
    } else if (op.kind === "presence" && this.#isReady) this.#say(frameOf(actOf<HubAct>(op.value), this.#account), op.plannedMs, out);
  }

  /** The network is back: the tries begin anew, and at once (J-7). */
  retry(nowMs: number): void {
    if (this.#tries === 0) return;
    this.#tries = 0;
    this.#out?.wakeAt(nowMs);
  }

  get #account(): string {
    return this.#options.identity.account;
  }

  #say(message: HubIn, plannedMs: number, out: Outbox): void {
    out.send(JSON.stringify(message));
    if (message.type !== "hello") out.observe({ ...signalOf(message), plannedMs });
  }

  #heard(message: HubOut, nowMs: number, out: Outbox): void {
    switch (message.type) {
      case "challenge":
        return out.send(helloOf(this.#options.identity, message.nonce));
      case "ready":
        return this.#ready(message.presence, nowMs, out);
      case "refused":
        this.#refusal = `${message.code}: ${message.message}`;
        if (this.#isReady) out.observe({ kind: "rejected", code: message.code, text: message.message });
        return;
      case "message":
      case "typing":
      case "presence":
        return out.observe(signalOf(message));
    }
  }

  #ready(presence: Readonly<Record<string, Status>>, nowMs: number, out: Outbox): void {
    for (const [user, value] of Object.entries(presence)) out.observe({ kind: "signal", of: "status", user, topic: "", value });
    this.#isReady = true;
    this.#tries = 0;
    this.#became("online", nowMs, out);
    if (!this.#hasEntered) this.#options.entered();
    this.#hasEntered = true;
  }

  #became(value: "online" | "offline" | "gone", plannedMs: number, out: Outbox): void {
    out.observe({ kind: "signal", of: "status", user: this.#account, topic: "", value, plannedMs });
  }

  #again(why: string, nowMs: number, out: Outbox): void {
    this.#tries += 1;
    if (!this.#hasEntered && (!this.#options.reconnect || this.#tries > TRIES_MAX)) return this.#options.entered(why);
    if (this.#tries > TRIES_MAX) return;
    const waitMs = Math.min(WAIT_MS * 2 ** this.#tries, WAIT_MS_MAX);
    out.wakeAt(nowMs + waitMs * (1 - JITTER + 2 * JITTER * this.#options.prng.next()));
  }
}

/** A broadcast of the hub in words that hold for every protocol. */
function signalOf(message: Broadcast): Extract<Detail, { readonly kind: "signal" }> {
  switch (message.type) {
    case "typing":
      return { kind: "signal", of: "typing", user: message.userId, topic: message.threadId ?? "", value: message.isTyping ? "on" : "off" };
    case "presence":
      return { kind: "signal", of: "status", user: message.userId, topic: "", value: message.status };
    case "message": {
      const { id, content, author, threadId, createdAt } = message.data;
      return { kind: "signal", of: "hint", user: author, topic: threadId, value: JSON.stringify([id, content, createdAt]) };
    }
  }
}
