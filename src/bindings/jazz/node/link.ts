import { decodeSync, encodeSync } from "../codec.ts";
import type { SyncMessage } from "../messages.ts";
import type { Channel, Library, Peer } from "./library.ts";

/** What the other side of a link is told. */
export interface LinkEars {
  readonly send: (frame: string) => void;
  readonly message: (message: SyncMessage) => void;
  readonly problem: (text: string) => void;
}

let links = 0;

/** A node's peer without a socket: frames go in and out, so that faults, time and absence are ours. */
export class Link {
  readonly peer: Peer;
  readonly #incoming: Channel;
  readonly #ears: LinkEars;
  readonly #filter: (message: SyncMessage, pass: (message: SyncMessage) => void) => void;
  #waiting: SyncMessage[] = [];
  #isOver = false;

  /** `filter` stands before the wire: it passes each message of the node on, or another, or none. */
  constructor(
    library: Library,
    role: Peer["role"],
    ears: LinkEars,
    filter: (message: SyncMessage, pass: (message: SyncMessage) => void) => void = (message, pass) => pass(message),
  ) {
    this.#ears = ears;
    this.#filter = filter;
    this.#incoming = new library.Channel();
    const closers: (() => void)[] = [];
    links += 1;
    this.peer = {
      // Who comes back to the same server keeps what it knows of it, as the published client does: that names it by its address.
      id: role === "server" ? "server" : `link-${links}`,
      role,
      incoming: this.#incoming,
      outgoing: {
        push: (message) => this.#push(message),
        close: () => {
          for (const close of closers.splice(0)) close();
        },
        onClose: (close) => closers.push(close),
      },
      persistent: role === "server",
    };
  }

  /** A text frame of the other side. */
  frame(text: string): void {
    for (const line of decodeSync(text)) {
      if (line.kind === "malformed") this.#ears.problem(`${line.why}: ${line.text.slice(0, 200)}`);
      if (line.kind !== "message") continue;
      this.#ears.message(line.message);
      if (!this.#isOver) this.#incoming.push(line.message);
    }
  }

  /** The socket has gone. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#waiting = [];
    this.#incoming.push("Disconnected");
  }

  /** Messages of one turn go out together: the library makes several in a row. */
  #push(message: unknown): void {
    if (this.#isOver || message === "Disconnected") return;
    this.#filter(message as SyncMessage, (passed) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push(passed);
    });
  }

  #flush(): void {
    const messages = this.#waiting;
    this.#waiting = [];
    if (this.#isOver) return;
    for (const frame of encodeSync(messages)) this.#ears.send(frame);
  }
}
