import type { Ledger } from "../../core/ledger.ts";
import type { Detail, Delivered } from "../../core/observation.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, HttpRequest, Outbox, Session } from "../../core/session.ts";
import type { Alarm, EngineClient, EngineClientOptions } from "../node/surroundings.ts";

/** A socket of `k6/websockets`, as far as a client needs it. */
export interface K6Socket {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: string | ArrayBuffer; readonly timestamp: number }) => void) | null;
  onerror: ((event: { readonly error: string }) => void) | null;
  onclose: ((event: { readonly code?: number; readonly reason?: string }) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

export interface K6ClientPorts {
  nowMs(): number;
  socket(url: string, protocols: readonly string[], headers: Readonly<Record<string, string>>): K6Socket;
  /** A frame has come; `receivedMs` is when it came out of the network, on the clock of `nowMs`. */
  received(receivedMs: number): void;
  /** Our own code threw while it handled an event: k6 would close the socket and blame the server. */
  fault(error: unknown): void;
}

const OPEN = 1;
const CONNECTING = 0;

/** A socket that ended without a close frame. */
const CODE_ABNORMAL = 1006;

/** How often the lag between the network and the script is looked at: each look costs a microsecond. */
const LAG_EVERY = 8;

/**
 * One client in a VU: a session, its socket, its alarm. Where k6 differs from a browser: `close` while connecting would
 * block the VU until the handshake ends, so that it waits for it; codes but 1000 and 3000…4999 cannot be sent; a TCP
 * connection cannot be cut, and is closed instead; the status of a refused upgrade is not told.
 */
export class K6Client implements Outbox, EngineClient {
  readonly #options: EngineClientOptions;
  readonly #ports: K6ClientPorts;
  readonly #session: Session;
  readonly #ledger: Ledger<Frame> | undefined;
  readonly #slot: number;
  readonly #alarm: Alarm;
  #socket: K6Socket | undefined;
  #inHand: Frame | undefined;
  #isOver = false;
  #frames = 0;

  constructor(options: EngineClientOptions, ports: K6ClientPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#session = options.session;
    this.#ledger = options.ledger;
    this.#slot = options.slot;
    this.#alarm = options.alarms.create((nowMs) => {
      if (!this.#isOver) this.#guard(() => this.#session.wake(nowMs, this));
    });
  }

  start(): void {
    this.#guard(() => this.#session.start(this.#ports.nowMs(), this));
  }

  invoke(op: Op): void {
    this.#guard(() => this.#session.invoke(op, this.#ports.nowMs(), this));
  }

  stop(): void {
    this.#isOver = true;
    this.#alarm.set(Infinity);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) end(socket);
  }

  cut(): void {
    if (this.#socket !== undefined) end(this.#socket);
  }

  // Outbox

  connect(path: string, protocols: readonly string[], headers: Readonly<Record<string, string>>): void {
    if (this.#isOver) return;
    if (this.#socket !== undefined) end(this.#socket);
    const { url } = this.#options;
    let socket: K6Socket;
    try {
      socket = this.#ports.socket(url.replace(/^http/, "ws") + path, protocols, { ...this.#options.headers, ...headers });
    } catch (error) {
      this.#socket = undefined;
      // In a turn of its own, as a refusal comes; the session is in the midst of asking.
      void Promise.resolve().then(() => this.#reply("connect", { failure: String(error), status: 0 }));
      return;
    }
    this.#socket = socket;
    this.#listen(socket);
  }

  send(frame: Frame): void {
    if (this.#socket?.readyState !== OPEN) return;
    this.#socket.send(typeof frame === "string" ? frame : bytesOf(frame));
  }

  close(code: number, reason: string): void {
    if (this.#socket !== undefined) end(this.#socket, code, reason);
  }

  http(tag: string, request: HttpRequest): void {
    this.#options.http(request).then(
      (answer) => this.#reply(tag, answer),
      (error: unknown) => this.#reply(tag, { failure: String(error) }),
    );
  }

  needCredential(tag: string): void {
    this.#options.credential().then(
      (credential) => this.#reply(tag, credential),
      (error: unknown) => this.#reply(tag, { failure: error instanceof Error ? error.message : String(error) }),
    );
  }

  wakeAt(atMs: number): void {
    this.#alarm.set(atMs);
  }

  observe(detail: Detail): void {
    this.#options.observe(detail, this.#ports.nowMs());
  }

  delivered(delivery: Delivered, decoded: unknown, shared: boolean): void {
    const nowMs = this.#ports.nowMs();
    if (this.#ledger === undefined) this.#options.observe(delivery, nowMs);
    else this.#ledger.delivered(this.#slot, delivery, decoded, shared ? this.#inHand : undefined, nowMs);
  }

  #listen(socket: K6Socket): void {
    let hasOpened = false;
    let failure: string | undefined;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      hasOpened = true;
      if (socket !== this.#socket) socket.close();
      else this.#guard(() => this.#session.opened(this.#ports.nowMs(), this));
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#frames += 1;
      if (this.#frames % LAG_EVERY === 1) this.#ports.received(event.timestamp);
      const { data } = event;
      this.#guard(() => this.#frame(typeof data === "string" ? data : new Uint8Array(data)));
    };
    socket.onerror = (event) => {
      failure ??= event.error;
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      const nowMs = this.#ports.nowMs();
      if (hasOpened) {
        this.#options.lost?.(nowMs);
        this.#guard(() => this.#session.closed(event.code ?? CODE_ABNORMAL, event.reason ?? "", nowMs, this));
      } else this.#reply("connect", { failure: failure ?? "the connection was refused", status: 0 });
    };
  }

  #frame(frame: Frame): void {
    const nowMs = this.#ports.nowMs();
    const entry = this.#ledger?.recognise(this.#slot, frame, 0, frame.length, nowMs);
    if (entry !== undefined) {
      this.#session.expected(entry.decoded, nowMs, this);
      return;
    }
    this.#inHand = frame;
    this.#session.frame(frame, nowMs, this);
    this.#inHand = undefined;
  }

  #reply(tag: string, answer: HttpAnswer | Credential | Failure): void {
    if (!this.#isOver) this.#guard(() => this.#session.reply(tag, answer, this.#ports.nowMs(), this));
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#ports.fault(error);
    }
  }
}

/** Closes a socket, or has it closed as soon as it is open. */
function end(socket: K6Socket, code = 1000, reason = ""): void {
  if (socket.readyState === CONNECTING) {
    socket.onopen = () => socket.close();
    return;
  }
  socket.close(code === 1000 || (code >= 3000 && code <= 4999) ? code : 1000, reason);
}

/** The bytes as a buffer of their own, which is what a socket takes. */
function bytesOf(frame: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = frame;
  if (byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) return buffer;
  const own = new Uint8Array(byteLength);
  own.set(frame);
  return own.buffer;
}
