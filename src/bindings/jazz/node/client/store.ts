import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../../../core/op.ts";
import type { CoId, SessionId, SyncMessage } from "../../messages.ts";
import type { Library, Peer } from "../library.ts";
import type { ClientFault } from "./faults.ts";

type Content = Extract<SyncMessage, { readonly action: "content" }>;

/** What a user has asked for and the server has not confirmed (J-8). */
export interface SyncItem {
  readonly type: string;
  readonly data: Json;
  readonly timestamp: number;
}

/** The client's disk: every content as it came or was made, the queue, and who the user is. */
export class Store {
  readonly #folder: string;
  readonly #fault: ClientFault;
  readonly #contents = new Map<CoId, Content[]>();

  constructor(folder: string, fault: ClientFault) {
    this.#folder = folder;
    this.#fault = fault;
    mkdirSync(folder, { recursive: true });
    for (const content of this.lines<Content>("contents")) this.#take(content);
  }

  /** What was appended to a journal, in order. */
  *lines<T>(name: string): Iterable<T> {
    const journal = this.#path(`${name}.jsonl`);
    if (!existsSync(journal)) return;
    for (const line of readFileSync(journal, "utf8").split("\n")) {
      // A crash may have cut the last line: what it held was not confirmed.
      try {
        if (line !== "") yield JSON.parse(line) as T;
      } catch {
        continue;
      }
    }
  }

  append(name: string, value: unknown): void {
    appendFileSync(this.#path(`${name}.jsonl`), `${JSON.stringify(value)}\n`);
  }

  read<T>(name: string): T | undefined {
    const path = this.#path(`${name}.json`);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
  }

  write(name: string, value: unknown): void {
    writeFileSync(this.#path(`${name}.json`), JSON.stringify(value));
  }

  /** The store as a peer that a node loads from and writes to, like a server that is always there. */
  peer(library: Library): Peer {
    const incoming = new library.Channel();
    const answer = (message: SyncMessage): void => queueMicrotask(() => incoming.push(message));
    return {
      id: "store",
      role: "server",
      incoming,
      outgoing: {
        push: (message) => {
          if (typeof message === "object") this.#serve(message as SyncMessage, answer);
        },
        close: () => undefined,
        onClose: () => undefined,
      },
      persistent: true,
    };
  }

  /** Contents of a value that go beyond what somebody holds. */
  beyond(id: CoId, held: Readonly<Record<SessionId, number>>): readonly Content[] {
    return (this.#contents.get(id) ?? []).filter((content) =>
      Object.entries(content.new).some(([session, part]) => part.after + part.newTransactions.length > (held[session] ?? 0)),
    );
  }

  #serve(message: SyncMessage, answer: (message: SyncMessage) => void): void {
    if (message.action === "load") {
      const contents = message.header ? this.beyond(message.id, message.sessions) : (this.#contents.get(message.id) ?? []);
      if (contents.length === 0) answer({ action: "known", ...this.#known(message.id) });
      for (const content of contents) answer(content);
    } else if (message.action === "content") {
      this.#take(message);
      if (this.#fault !== "keeps-nothing") this.append("contents", message);
      answer({ action: "known", ...this.#known(message.id) });
    }
  }

  #take(content: Content): void {
    const held = this.#contents.get(content.id);
    if (held === undefined) this.#contents.set(content.id, [content]);
    else held.push(content);
  }

  #known(id: CoId): { id: CoId; header: boolean; sessions: Record<SessionId, number> } {
    const contents = this.#contents.get(id) ?? [];
    const sessions: Record<SessionId, number> = {};
    for (const content of contents)
      for (const [session, part] of Object.entries(content.new))
        sessions[session] = Math.max(sessions[session] ?? 0, part.after + part.newTransactions.length);
    return { id, header: contents.length > 0, sessions };
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
