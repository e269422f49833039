import type { Json } from "../../../../core/op.ts";
import { decodeHubOut } from "../../codec.ts";
import type { CoId, HubMessage, Status } from "../../messages.ts";
import type { Metrics } from "./metrics.ts";

/** J-9. */
const TYPING_MS_MAX = 10_000;

export interface HubEars {
  readonly send: (frame: string) => void;
  /** Signs a nonce for the hub. */
  readonly prove: (nonce: string) => string;
  /** Whether a message is here already, so that a hint of it says nothing new. */
  readonly isHeld: (id: CoId) => boolean;
  readonly changed: () => void;
}

/** What the hub tells: hints, who is typing, who is there. All of it is shown, none of it is kept. */
export class HubSide {
  readonly #account: CoId;
  readonly #space: CoId;
  readonly #ears: HubEars;
  readonly #metrics: Metrics;
  readonly #hints = new Map<CoId, HubMessage>();
  readonly #typing = new Map<string, NodeJS.Timeout>();
  readonly #presence = new Map<CoId, Status>();

  constructor(account: CoId, space: CoId, metrics: Metrics, ears: HubEars) {
    this.#account = account;
    this.#space = space;
    this.#metrics = metrics;
    this.#ears = ears;
  }

  /** Tells the others what this user does. */
  shout(kind: "typing" | "status", action: Readonly<Record<string, Json>>): void {
    const userId = this.#account;
    const message =
      kind === "typing"
        ? { type: "typing", userId, isTyping: action["isTyping"], threadId: action["threadId"] }
        : { type: "presence", userId, status: action["status"] };
    this.#ears.send(JSON.stringify(message));
  }

  hint(data: HubMessage): void {
    this.#ears.send(JSON.stringify({ type: "message", data }));
  }

  heard(text: string): void {
    const decoded = decodeHubOut(text);
    if ("code" in decoded) return;
    const { message } = decoded;
    if (message.type === "challenge") {
      const proof = this.#ears.prove(message.nonce);
      this.#ears.send(JSON.stringify({ type: "hello", account: this.#account, space: this.#space, proof }));
    } else if (message.type === "ready") for (const [user, status] of Object.entries(message.presence)) this.#presence.set(user, status);
    else if (message.type === "presence") {
      this.#presence.set(message.userId, message.status);
      this.#metrics.presence(message.userId, message.status);
    } else if (message.type === "typing") {
      this.#setTyping(message.userId, message.threadId ?? "", message.isTyping);
      this.#metrics.typing(message.userId, message.isTyping);
    } else if (message.type === "message") {
      this.#setTyping(message.data.author, message.data.threadId, false);
      if (!this.#ears.isHeld(message.data.id)) this.#hints.set(message.data.id, message.data);
    }
    this.#ears.changed();
  }

  /** The change itself has come. */
  settle(id: CoId): void {
    this.#hints.delete(id);
  }

  /** Hints of a thread whose messages are not here. */
  hints(thread: CoId): readonly HubMessage[] {
    return [...this.#hints.values()].filter((each) => each.threadId === thread);
  }

  /** Accounts that are typing, by thread. */
  get typing(): Readonly<Record<CoId, readonly CoId[]>> {
    const shown: Record<string, string[]> = {};
    for (const key of this.#typing.keys()) {
      const [thread = "", user = ""] = key.split(" ");
      (shown[thread] ??= []).push(user);
    }
    return shown;
  }

  get presence(): Readonly<Record<CoId, Status>> {
    return Object.fromEntries(this.#presence);
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
}
