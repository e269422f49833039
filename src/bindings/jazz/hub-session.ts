import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, Outbox, Session, SessionOptions } from "../../core/session.ts";
import { actOf, type HubAct } from "./acts.ts";
import { decodeHubOut } from "./codec.ts";
import type { CoId, HubIn, HubOut } from "./messages.ts";

/** Who enters the hub, and how it proves that. */
export interface HubIdentity {
  readonly account: CoId;
  readonly space: CoId;
  readonly prove: (nonce: string) => string;
}

/** Client of the hub leg; pure but for who it is, which it waits for. */
export class HubSession implements Session {
  readonly #options: SessionOptions;
  readonly #identity: (user: string) => Promise<HubIdentity>;
  #who: HubIdentity | undefined;
  #isWanted = false;

  constructor(options: SessionOptions, identity: (user: string) => Promise<HubIdentity>) {
    this.#options = options;
    this.#identity = identity;
  }

  start(_nowMs: number, out: Outbox): void {
    out.needCredential("credential");
  }

  reply(_tag: string, answer: HttpAnswer | Credential | Failure, _nowMs: number, out: Outbox): void {
    if ("failure" in answer) out.observe({ kind: "rejected", code: String(answer.status ?? 0), text: answer.failure });
    else if ("user" in answer)
      this.#identity(answer.user).then(
        (who) => {
          this.#who = who;
          // The hub's whole address is the client's base URL.
          out.connect("", [], {});
        },
        (error: unknown) => out.observe({ kind: "rejected", code: "identity", text: String(error) }),
      );
  }

  opened(_nowMs: number, out: Outbox): void {
    out.observe({ kind: "connected", user: this.#who?.account ?? "" });
  }

  frame(frame: Frame, _nowMs: number, out: Outbox): void {
    const message = hubOutOf(frame, out);
    if (message !== undefined) this.#heard(message, out);
  }

  expected(): void {}

  closed(code: number, reason: string, _nowMs: number, out: Outbox): void {
    out.observe({ kind: "disconnected", code, reason, wanted: this.#isWanted });
  }

  wake(): void {}

  invoke(op: Op, _nowMs: number, out: Outbox): void {
    out.observe({ kind: "invoked", op: op.id, act: op.kind, plannedMs: op.plannedMs });
    if (op.kind === "leave") {
      this.#isWanted = true;
      out.close(1000, "bye");
    } else if (op.kind === "write") out.send(JSON.stringify(frameOf(actOf<HubAct>(op.value), this.#who?.account ?? "")));
  }

  #heard(message: HubOut, out: Outbox): void {
    switch (message.type) {
      case "challenge": {
        const who = this.#who;
        // Rooms named `hub?:` enter by hand: their case says hello itself.
        if (who === undefined || this.#options.room.startsWith("hub?:")) return;
        return out.send(helloOf(who, message.nonce));
      }
      case "ready":
        return out.observe({ kind: "lifecycle", event: "joined", user: message.account });
      case "refused":
        return out.observe({ kind: "rejected", code: message.code, text: message.message });
      case "message":
        return out.delivered({ kind: "delivered", author: message.data.author, content: JSON.stringify(message) }, undefined, false);
      case "typing":
      case "presence":
        return out.observe({ kind: "presence", event: "moved", user: message.userId });
    }
  }
}

/** A frame of the hub's; what is none is told as a problem. */
export function hubOutOf(frame: Frame, out: Pick<Outbox, "observe">): HubOut | undefined {
  if (typeof frame !== "string") {
    out.observe({ kind: "problem", reason: "malformed", text: "a binary frame on the hub leg" });
    return undefined;
  }
  const decoded = decodeHubOut(frame);
  if (!("code" in decoded)) return decoded.message;
  out.observe({ kind: "problem", reason: "malformed", text: `${decoded.why}: ${frame.slice(0, 200)}` });
  return undefined;
}

/** The answer to a challenge. */
export function helloOf({ account, space, prove }: HubIdentity, nonce: string): string {
  return JSON.stringify({ type: "hello", account, space, proof: prove(nonce) } satisfies HubIn);
}

/** An act as its message, in the account's own name. */
export function frameOf(act: HubAct, account: CoId): HubIn {
  switch (act.do) {
    case "hint": {
      const { id, content, threadId, createdAt } = act;
      return { type: "message", data: { id, content, author: account, threadId, createdAt } };
    }
    case "typing":
      return { type: "typing", userId: account, isTyping: act.isTyping, ...(act.threadId === undefined ? {} : { threadId: act.threadId }) };
    case "status":
      return { type: "presence", userId: account, status: act.status };
  }
}
