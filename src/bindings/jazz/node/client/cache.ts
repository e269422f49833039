import type { CoId, Message } from "../../messages.ts";
import type { ClientFault } from "./faults.ts";

/** J-13. */
export const CACHE_MAX = 1_000;

/** Messages held ready to be shown: at most 1,000, first in goes first, and setting a held one drops nothing. */
export class MessageCache {
  readonly #held = new Map<CoId, Message>();
  readonly #max: number;

  constructor(fault: ClientFault) {
    this.#max = fault === "cache-grows" ? Number.POSITIVE_INFINITY : CACHE_MAX;
  }

  get size(): number {
    return this.#held.size;
  }

  get(id: CoId): Message | undefined {
    return this.#held.get(id);
  }

  set(message: Message): void {
    const [oldest] = this.#held.keys();
    if (oldest !== undefined && !this.#held.has(message.id) && this.#held.size >= this.#max) this.#held.delete(oldest);
    this.#held.set(message.id, message);
  }
}
