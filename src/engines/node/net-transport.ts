import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectSecure } from "node:tls";
import { HarnessError } from "../../core/errors.ts";
import { Decoder, type DecoderEvents } from "../../websocket/decoder.ts";
import { Encoder, randomMaskKeys } from "../../websocket/encoder.ts";
import { Handshake, type Unopened } from "../../websocket/handshake.ts";
import { CLOSE } from "../../websocket/protocol.ts";
import { gathering } from "./gathering.ts";
import {
  CLOSE_MS_MAX,
  type ConnectOptions,
  type Connection,
  FRAME_BYTES_MAX,
  HANDSHAKE_MS_MAX,
  PINGS_PER_SECOND_MAX,
  SEND_BUFFER_BYTES_MAX,
  type Transport,
  type TransportEvents,
} from "./transport.ts";

/** What one read of a socket takes at most: libuv reads 64 KiB at a time, too. */
const READ_BYTES = 64 * 1024;

/**
 * One buffer for all sockets of the process: libuv fills it and the callback empties it in one turn, so that two
 * sockets never need it at once. A plain Uint8Array, whose `slice` copies (a Buffer's does not).
 */
const readBuffer = new Uint8Array(READ_BYTES);

/** All frames that go out are made here. */
const encoder = new Encoder(randomMaskKeys());

/** Leads from a socket to its connection, so that sockets share their listeners. */
const OWNER: unique symbol = Symbol("connection");
type OwnedSocket = Socket & { [OWNER]?: NetConnection };

function onReady(this: OwnedSocket): void {
  this[OWNER]?.ready();
}

function onRead(this: OwnedSocket, bytesRead: number): boolean {
  gathering.arrived();
  this[OWNER]?.read(bytesRead);
  return true;
}

function onEnd(this: OwnedSocket): void {
  this[OWNER]?.ended();
}

function onError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this[OWNER]?.failed(error);
}

function onClose(this: OwnedSocket): void {
  this[OWNER]?.gone();
}

function giveUpHandshake(connection: NetConnection): void {
  connection.giveUp(`no upgrade within ${HANDSHAKE_MS_MAX} ms`);
}

function giveUpClose(connection: NetConnection): void {
  connection.cut();
}

/**
 * WebSocket over TCP and TLS by our own codec. With 2,000 sockets and messages of 200 bytes: 5.1 µs a message and
 * 12 KiB a socket, where `ws` takes 6.5 to 7.4 µs and 20 to 27 KiB; half of our time is the kernel's. No extensions.
 */
export const netTransport: Transport = {
  connect: (options, events) => new NetConnection(options, events),
};

function open(url: URL, { ca, localAddress, via }: ConnectOptions): Socket {
  const isSecure = url.protocol === "wss:" || url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const onread: OnReadOpts = { buffer: readBuffer, callback: onRead };
  const common = { host: via?.host ?? host, onread, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) };
  if (!isSecure) return connectPlain({ ...common, port: via?.port ?? (url.port === "" ? 80 : Number(url.port)) });
  return connectSecure({
    ...common,
    port: via?.port ?? (url.port === "" ? 443 : Number(url.port)),
    ALPNProtocols: ["http/1.1"],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** One client's connection, from the TCP connect to the socket's end. */
class NetConnection implements Connection, DecoderEvents {
  readonly #socket: OwnedSocket;
  readonly #events: TransportEvents;
  readonly #decoder: Decoder = new Decoder(FRAME_BYTES_MAX);
  #state: "connecting" | "open" | "closing" | "over" = "connecting";
  /** Until the upgrade is answered. */
  #handshake: Handshake | undefined;
  /** Until the socket is ready: a server whose certificate is not taken is told nothing. */
  #request: string | undefined;
  /** Of the handshake, later of the close. */
  #timer: NodeJS.Timeout | undefined;
  #closeCode: number = CLOSE.abnormal;
  /** Of the server's close frame, or why the connection ended without one. */
  #closeReason = "";
  #hasSentClose = false;
  #pings = 0;
  #pingsSinceMs = 0;

  constructor(options: ConnectOptions, events: TransportEvents) {
    this.#events = events;
    const url = new URL(options.url);
    if (url.hash !== "") throw new HarnessError("internal", `a WebSocket URL has no fragment: ${options.url}`);
    this.#handshake = new Handshake({ url, protocols: options.protocols, headers: options.headers });
    this.#request = this.#handshake.request();
    const socket: OwnedSocket = open(url, options);
    socket[OWNER] = this;
    this.#socket = socket;
    socket.once("encrypted" in socket ? "secureConnect" : "connect", onReady);
    socket.on("end", onEnd);
    socket.on("error", onError);
    socket.on("close", onClose);
    this.#timer = setTimeout(giveUpHandshake, HANDSHAKE_MS_MAX, this);
  }

  // Connection

  send(frame: string | Uint8Array): void {
    if (this.#state === "open") this.#write(encoder.message(frame));
  }

  close(code: number, reason: string): void {
    if (this.#state === "connecting") this.cut();
    else if (this.#state === "open") this.#sendClose(code, reason);
  }

  cut(): void {
    this.#decoder.stop();
    this.#socket.destroy();
  }

  // Socket

  ready(): void {
    if (this.#request !== undefined) this.#socket.write(this.#request, "latin1");
    this.#request = undefined;
  }

  read(length: number): void {
    let at = 0;
    if (this.#handshake !== undefined) {
      const outcome = this.#handshake.push(readBuffer, 0, length);
      if (outcome === undefined) return;
      if (outcome.kind !== "opened") {
        this.#refuse(outcome);
        return;
      }
      this.#opened();
      at = outcome.at;
    }
    const fault = this.#decoder.push(readBuffer, at, length, this);
    if (fault === undefined || this.#state === "over" || this.#closeReason !== "") return;
    this.#closeReason = `${fault.text}`;
    this.#sendClose(fault.closeCode, "");
    this.#socket.end();
  }

  ended(): void {
    if (this.#handshake !== undefined) this.#refuse(this.#handshake.ended());
  }

  failed(error: NodeJS.ErrnoException): void {
    const text = error.message === "" ? (error.code ?? error.name) : error.message;
    if (this.#state === "connecting") this.giveUp(text);
    else if (this.#closeReason === "") this.#closeReason = text;
  }

  gone(): void {
    if (this.#state === "connecting") this.giveUp("closed before the upgrade was answered");
    if (this.#state === "over") return;
    this.#over();
    this.#events.closed(this.#closeCode, this.#closeReason);
  }

  /** Ends a handshake that has come to nothing. */
  giveUp(text: string): void {
    this.#refuse({ kind: "broken", text });
  }

  // Decoder

  expects(bytes: Uint8Array, start: number, end: number, isText: boolean): boolean {
    return this.#events.expects(bytes, start, end, isText);
  }

  message(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.#events.frame(bytes, start, end, isText);
  }

  ping(bytes: Uint8Array, start: number, end: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#pingsSinceMs > 1000) {
      this.#pings = 0;
      this.#pingsSinceMs = nowMs;
    }
    this.#pings += 1;
    if (this.#pings > PINGS_PER_SECOND_MAX) {
      this.#closeReason = `more than ${PINGS_PER_SECOND_MAX} pings a second`;
      this.cut();
    } else if (this.#state === "open") this.#write(encoder.pong(bytes, start, end));
  }

  closeReceived(code: number, reason: string): void {
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#sendClose(code, reason);
    this.#socket.end();
  }

  #opened(): void {
    this.#handshake = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = "open";
    this.#events.opened();
  }

  #refuse(outcome: Unopened): void {
    if (this.#state !== "connecting") return;
    this.#over();
    this.#socket.destroy();
    if (outcome.kind === "broken") this.#events.refused(0, outcome.text);
    else this.#events.refused(outcome.refusal.status, outcome.refusal.reason, outcome.refusal);
  }

  #over(): void {
    this.#state = "over";
    this.#handshake = undefined;
    this.#decoder.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #sendClose(code: number, reason: string): void {
    if (this.#hasSentClose || this.#state === "over") return;
    const frame = encoder.close(code, reason);
    this.#hasSentClose = true;
    this.#state = "closing";
    this.#write(frame);
    this.#timer ??= setTimeout(giveUpClose, CLOSE_MS_MAX, this).unref();
  }

  /** One frame, just encoded. */
  #write(frame: Buffer): void {
    const socket = this.#socket;
    if (socket.writableLength > SEND_BUFFER_BYTES_MAX) {
      this.#closeReason = `it does not read what it is sent`;
      this.cut();
      return;
    }
    socket.write(frame);
    // What the kernel took at once is copied; what it did not take is still read from the scratch region.
    if (socket.writableLength > 0) encoder.hold();
  }
}
