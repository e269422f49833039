import type { Broadcast } from "../messages.ts";
import type { RelayFault } from "./fault.ts";
import { Watch } from "./watch.ts";

/** Ids kept of what clients have asked for. */
const LOADED_MAX = 5_000;

/** What a harness can have its server do. */
export interface Controlled {
  /** Cuts every connection of both legs. */
  cut(): void;
  /** Ends the relay and starts it anew, with nothing in it. */
  restart(): Promise<void>;
  tell(message: Broadcast): void;
  connections(): number;
}

/** A harness that plays the server (CONTROL=1): refuse, cut, restart, tell, and what was seen meanwhile. */
export class Control {
  readonly #attempts: number[] = [];
  readonly #loaded = new Set<string>();
  /** The next new feed but so many is refused so often: it is neither kept nor answered. */
  readonly #refusal = { after: -1, times: 0, id: "" };
  #mostOpen = 0;
  /** Sockets of the relay that were there at the last reset. */
  #before = 0;
  #newest = 0;
  isRefusing = false;

  /** What stands between a relay's sockets and its node. */
  readonly fault: RelayFault = {
    received: (message, socket, pass) => {
      this.#newest = Math.max(this.#newest, socket.number);
      if (message.action === "load" && socket.number > this.#before && this.#loaded.size < LOADED_MAX) this.#loaded.add(message.id);
      if (message.action === "content" && Watch.headerType(message) === "costream" && this.#refusal.id === "") {
        if (this.#refusal.after === 0) this.#refusal.id = message.id;
        if (this.#refusal.after >= 0) this.#refusal.after -= 1;
      }
      if (message.action === "content" && message.id === this.#refusal.id && this.#refusal.times > 0) this.#refusal.times -= 1;
      else pass(message);
    },
  };

  attempted(): void {
    this.#attempts.push(performance.now());
  }

  opened(connections: number): void {
    this.#mostOpen = Math.max(this.#mostOpen, connections);
  }

  /** Carries out an order; gives what was seen since the last reset, as text. */
  async obey(text: string, server: Controlled): Promise<string> {
    const order = JSON.parse(text) as {
      readonly refuse?: boolean;
      readonly cut?: boolean;
      readonly restart?: boolean;
      readonly reset?: boolean;
      readonly tell?: Broadcast;
      readonly refuseFeed?: { readonly after: number; readonly times: number };
    };
    if (order.refuse !== undefined) this.isRefusing = order.refuse;
    if (order.reset === true) {
      this.#attempts.length = 0;
      this.#loaded.clear();
      this.#before = this.#newest;
      this.#mostOpen = server.connections();
    }
    if (order.cut === true) server.cut();
    if (order.restart === true) await server.restart();
    if (order.refuseFeed !== undefined) Object.assign(this.#refusal, order.refuseFeed, { id: "" });
    if (order.tell !== undefined) server.tell(order.tell);
    return JSON.stringify({ attempts: this.#attempts, mostOpen: this.#mostOpen, loaded: [...this.#loaded] });
  }
}
