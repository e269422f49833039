import { connect, createServer, type Server, type Socket } from "node:net";
import type { Prng } from "../../core/prng.ts";
import { CLEAR, type Condition } from "./condition.ts";
import type { Upstream } from "./messages.ts";
import { Pipe } from "./pipe.ts";

const HOST = "127.0.0.1";
/** A crowd that comes back at once must not be refused by the proxy. */
const BACKLOG = 4096;

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly pipes: readonly [Pipe, Pipe];
}

/** One port before one server: those clients of it that share a fate. */
export class Lane {
  readonly #upstream: Upstream;
  readonly #prng: Prng;
  readonly #listener: Server;
  readonly #pairs: Set<Pair> = new Set();
  #condition: Condition = CLEAR;

  constructor(upstream: Upstream, prng: Prng) {
    this.#upstream = upstream;
    this.#prng = prng;
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) => this.#accept(client));
  }

  /** The port, on 127.0.0.1. */
  async open(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen({ port: 0, host: HOST, backlog: BACKLOG }, resolve);
    });
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("a lane has no port");
    return address.port;
  }

  /** Other rules hold from now on; gives how many connections they end. */
  set(condition: Condition): number {
    this.#condition = condition;
    const { ending } = condition;
    if (ending === undefined) for (const { pipes } of this.#pairs) for (const pipe of pipes) pipe.set(condition);
    else {
      const ended = this.#pairs.size;
      for (const pair of this.#pairs) this.#end(pair, ending);
      return ended;
    }
    return 0;
  }

  #accept(client: Socket): void {
    const { ending } = this.#condition;
    if (ending !== undefined) {
      client.on("error", () => {});
      if (ending === "reset") client.resetAndDestroy();
      else client.destroy();
      return;
    }
    const server = connect({ ...this.#upstream, noDelay: true, allowHalfOpen: true });
    const pipes = [new Pipe(client, server, this.#condition, this.#prng), new Pipe(server, client, this.#condition, this.#prng)] as const;
    const pair: Pair = { client, server, pipes };
    this.#pairs.add(pair);
    for (const [side, other] of [
      [client, server],
      [server, client],
    ] as const) {
      let hasFailed = false;
      side.on("error", () => {
        hasFailed = true;
      });
      side.once("close", () => this.#closed(pair, other, hasFailed));
    }
  }

  /** One side is gone: by an error for both, and after a good end once the other has ended too. */
  #closed(pair: Pair, other: Socket, hasFailed: boolean): void {
    const isLast = other.destroyed;
    if (isLast) {
      this.#pairs.delete(pair);
      for (const pipe of pair.pipes) pipe.stop();
      return;
    }
    if (!hasFailed) return;
    setTimeout(() => other.resetAndDestroy(), this.#condition.slowCloseMs);
  }

  #end(pair: Pair, how: "cut" | "reset"): void {
    this.#pairs.delete(pair);
    for (const pipe of pair.pipes) pipe.stop();
    for (const side of [pair.client, pair.server]) {
      if (how === "reset") side.resetAndDestroy();
      else side.destroy();
    }
  }
}
