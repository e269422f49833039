import { WebSocket } from "ws";
import type { ClientFault } from "./faults.ts";

export type Conn = "offline" | "connecting" | "online" | "waiting";

/** J-7: min(1000·2ⁿ, 30000) for n = 1…5. */
const TRIES = 5;
const WAIT_MS_MAX = 30_000;

export interface LegEars {
  readonly opened: () => void;
  readonly frame: (text: string) => void;
  /** A connection has ended, or an attempt has failed. */
  readonly lost: (isWanted: boolean) => void;
  readonly event: (event: Readonly<Record<string, string | number | boolean>> & { readonly event: string }) => void;
}

/** One leg's connection: comes back by the backoff of J-7, gives up after five tries, never has two sockets. */
export class Leg {
  readonly #name: string;
  readonly #url: string;
  readonly #ears: LegEars;
  readonly #fault: ClientFault;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tries = 0;
  #isWanted = false;
  #isNetworkOn = true;
  state: Conn = "offline";

  constructor(name: string, url: string, fault: ClientFault, ears: LegEars) {
    this.#name = name;
    this.#url = url;
    this.#fault = fault;
    this.#ears = ears;
  }

  /** The user, or the network's return, starts anew. */
  start(): void {
    this.#isWanted = true;
    this.#tries = 0;
    clearTimeout(this.#timer);
    if (this.state !== "online" && this.state !== "connecting") this.#attempt();
  }

  stop(): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    this.state = "offline";
    this.#socket?.close(1000, "bye");
  }

  setNetwork(isOn: boolean): void {
    this.#isNetworkOn = isOn;
    if (!isOn) this.#socket?.terminate();
    else if (this.#isWanted) this.start();
  }

  /** Gives whether the frame was handed to an open socket. */
  send(frame: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(frame);
    return true;
  }

  #attempt(): void {
    this.state = "connecting";
    this.#ears.event({ event: "attempt", n: this.#tries, leg: this.#name });
    if (!this.#isNetworkOn) return this.#failed(1006, false);
    const socket = new WebSocket(this.#url, { perMessageDeflate: false, handshakeTimeout: 5_000 });
    this.#socket = socket;
    let isOver = false;
    let isOpen = false;
    socket.on("open", () => {
      isOpen = true;
      if (this.#fault !== "counts-on") this.#tries = 0;
      this.state = "online";
      this.#ears.event({ event: "open", leg: this.#name });
      this.#ears.opened();
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (!isBinary) this.#ears.frame(data.toString("utf8"));
    });
    socket.on("error", () => {
      // The error handler of the seed comes back by itself, beside the backoff of the close.
      if (this.#fault === "two-sockets") setTimeout(() => this.#attempt(), 1_500);
    });
    socket.on("close", (code) => {
      if (isOver) return;
      isOver = true;
      if (isOpen || code !== 1006) this.#ears.event({ event: "close", leg: this.#name, code, wanted: !this.#isWanted });
      if (isOpen && this.#fault === "two-sockets") setTimeout(() => this.#attempt(), 1_500);
      this.#failed(code, isOpen);
    });
  }

  #failed(_code: number, wasOpen: boolean): void {
    this.#socket = undefined;
    this.#ears.lost(!this.#isWanted);
    if (!this.#isWanted && this.#fault !== "returns-unasked") {
      this.state = "offline";
      return;
    }
    if (wasOpen && this.#fault !== "counts-on") this.#tries = 0;
    this.#tries += 1;
    if (this.#tries > TRIES) {
      this.state = "offline";
      return;
    }
    this.state = "waiting";
    this.#timer = setTimeout(() => this.#attempt(), this.#waitMs());
  }

  #waitMs(): number {
    if (this.#fault === "flat-5s") return 5_000;
    const power = this.#fault === "waits-from-1s" ? this.#tries - 1 : this.#tries;
    return Math.min(1_000 * 2 ** power, WAIT_MS_MAX);
  }
}
