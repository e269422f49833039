import type { CoId, SessionId } from "../../messages.ts";
import type { ClientFault } from "./faults.ts";
import type { Store, SyncItem } from "./store.ts";

/** What must be held by the server: so many transactions of a session in a value. */
export interface Need {
  readonly id: CoId;
  readonly session: SessionId;
  readonly length: number;
}

/** An item with the transactions that carry it out. */
export interface QueuedItem {
  readonly item: SyncItem;
  readonly needs: readonly Need[];
  /** The message that it makes or changes. */
  readonly message?: CoId;
}

type Line = { readonly put: number; readonly queued: QueuedItem } | { readonly done: number };

const TYPES: ReadonlySet<string> = new Set(["message", "reaction", "edit", "delete", "retry"]);

/** An item of a type that this client does not carry out. */
export function isUnknown(item: SyncItem): boolean {
  return !TYPES.has(item.type);
}

/** What the user has asked for and the server does not hold yet (J-8), on disk: every change is one line at the end of a file. */
export class Queue {
  readonly #store: Store;
  readonly #items = new Map<number, QueuedItem>();
  /** Transactions that the server has confirmed, by value and session. */
  readonly #covered = new Map<string, number>();
  #next = 0;

  constructor(store: Store, fault: ClientFault) {
    this.#store = store;
    if (fault === "forgets-queue") return;
    for (const line of store.lines<Line>("queue")) {
      if ("done" in line) this.#items.delete(line.done);
      else {
        this.#items.set(line.put, line.queued);
        this.#next = line.put + 1;
      }
    }
  }

  get size(): number {
    return this.#items.size;
  }

  get all(): readonly QueuedItem[] {
    return [...this.#items.values()];
  }

  push(queued: QueuedItem): void {
    this.#items.set(this.#next, queued);
    this.#store.append("queue", { put: this.#next, queued } satisfies Line);
    this.#next += 1;
  }

  /** How much of a session's transactions in a value the server holds. */
  covered(id: CoId, session: SessionId): number {
    return this.#covered.get(`${id} ${session}`) ?? 0;
  }

  isCovered({ id, session, length }: Need): boolean {
    return this.covered(id, session) >= length;
  }

  /** The server holds so much of a value; gives the items that are done by that. */
  confirm(id: CoId, sessions: Readonly<Record<SessionId, number>>): readonly QueuedItem[] {
    for (const [session, length] of Object.entries(sessions))
      this.#covered.set(`${id} ${session}`, Math.max(this.covered(id, session), length));
    const done: QueuedItem[] = [];
    for (const [number, queued] of this.#items) {
      const { item, needs } = queued;
      if (needs.length === 0 || isUnknown(item) || !needs.every((need) => this.isCovered(need))) continue;
      this.#items.delete(number);
      this.#store.append("queue", { done: number } satisfies Line);
      done.push(queued);
    }
    return done;
  }
}
