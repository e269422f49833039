import { accountOf, type CoId, type SessionId, type SyncMessage, textIn } from "../messages.ts";
import type { RelaySocket } from "./fault.ts";

type Content = Extract<SyncMessage, { readonly action: "content" }>;

interface Watched {
  type: string | undefined;
  /** Transactions by session. */
  readonly lengths: Map<SessionId, number>;
  /** Numbers of the sockets that loaded or sent it. */
  readonly followers: Set<number>;
}

/** What a relay that reads nothing can still tell of the values that pass through it: faults choose by that. */
export class Watch {
  readonly #values = new Map<CoId, Watched>();

  static headerType(content: Content): string | undefined {
    const { header } = content;
    return typeof header === "object" && header !== null && "type" in header ? textIn(header["type"]) : undefined;
  }

  /** Characters of each transaction's encrypted changes; 0 for open ones. */
  static lengths(content: Content): readonly number[] {
    return Object.values(content.new).flatMap((part) =>
      part.newTransactions.map((transaction) => {
        const changes =
          typeof transaction === "object" && transaction !== null && "encryptedChanges" in transaction
            ? transaction["encryptedChanges"]
            : undefined;
        return typeof changes === "string" ? changes.length : 0;
      }),
    );
  }

  received(message: SyncMessage, socket: RelaySocket): void {
    if (message.action === "load") this.#of(message.id).followers.add(socket.number);
    if (message.action !== "content") return;
    const watched = this.#of(message.id);
    watched.followers.add(socket.number);
    watched.type ??= Watch.headerType(message);
    for (const [session, part] of Object.entries(message.new)) {
      const held = watched.lengths.get(session) ?? 0;
      watched.lengths.set(session, Math.max(held, part.after + part.newTransactions.length));
    }
  }

  /** Whether no later socket follows the value. */
  isNewest(id: CoId, socket: RelaySocket): boolean {
    return Math.max(...this.#of(id).followers) === socket.number;
  }

  typeOf(id: CoId): string | undefined {
    return this.#of(id).type;
  }

  sessions(id: CoId): number {
    return this.#of(id).lengths.size;
  }

  total(id: CoId): number {
    let sum = 0;
    for (const length of this.#of(id).lengths.values()) sum += length;
    return sum;
  }

  /** Transactions of the session that has most. */
  largest(id: CoId): number {
    return Math.max(0, ...this.#of(id).lengths.values());
  }

  /** Whether a content of a feed comes from another session of an account that has one in it already. */
  isSecondDevice(content: Content): boolean {
    if (this.typeOf(content.id) !== "costream") return false;
    const held = [...this.#of(content.id).lengths.keys()];
    return Object.keys(content.new).some((session) => {
      const first = held.find((each) => accountOf(each) === accountOf(session));
      return first !== undefined && first !== session;
    });
  }

  #of(id: CoId): Watched {
    let watched = this.#values.get(id);
    if (watched === undefined) this.#values.set(id, (watched = { type: undefined, lengths: new Map(), followers: new Set() }));
    return watched;
  }
}
