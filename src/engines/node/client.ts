import type { Ledger } from "../../core/ledger.ts";
import type { Detail, Delivered } from "../../core/observation.ts";
import type { Op } from "../../core/op.ts";
import type { Credential, Failure, Frame, HttpAnswer, HttpRequest, Leg, Outbox, Session } from "../../core/session.ts";
import type { Connection, RefusedUpgrade, Transport, TransportEvents } from "./transport.ts";
import type { Via } from "./surroundings.ts";
import type { Alarm, Alarms } from "./alarms.ts";

export interface NodeClientOptions {
  readonly session: Session;
  /** Base URL, http(s); the socket's is derived. */
  readonly url: string;
  /** Whole addresses of further connections, by name. */
  readonly legs?: Readonly<Record<string, string>> | undefined;
  /** Headers of the target file, on every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly localAddress: string | undefined;
  /** Dialled in place of the URL's host and port. */
  readonly via?: Via | undefined;
  readonly transport: Transport;
  readonly alarms: Alarms;
  readonly nowMs: () => number;
  /** Minted anew each time it is asked for. */
  readonly credential: () => Promise<Credential>;
  readonly http: (request: HttpRequest) => Promise<HttpAnswer | Failure>;
  readonly observe: (detail: Detail, atMs: number) => void;
  /** A connection that had been open has ended. */
  readonly lost?: (atMs: number) => void;
  /** A connection is open, and with it all that were opened. */
  readonly regained?: () => void;
  /** Every data frame of either side; left out under load. */
  readonly frameSeen?: (from: "client" | "server", frame: Frame, atMs: number) => void;
  /** Fast path: asked before the session. */
  readonly ledger?: { readonly ledger: Ledger; readonly slot: number };
}

/** Characters of a refusal's body that a failure shows: enough for a code and a sentence. */
const REFUSAL_SHOWN_MAX = 200;

let seen: Uint8Array | undefined;
let overSeen: Buffer = Buffer.alloc(0);

/** The same memory as a Buffer; a transport reads into one array over and over. */
function bufferOver(bytes: Uint8Array): Buffer {
  if (bytes !== seen) {
    seen = bytes;
    overSeen = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  return overSeen;
}

/** One client: a session, its socket, its alarm. Carries out what the session asks for. */
export class NodeClient implements Outbox {
  readonly #options: NodeClientOptions;
  readonly #session: Session;
  readonly #ledger: Ledger | undefined;
  readonly #slot: number;
  readonly #alarm: Alarm;
  #connection: Connection | undefined;
  /** The bytes of the frame in hand, for the ledger to keep. */
  #inHand: Uint8Array | undefined;
  #isInHandText = false;
  /** Whether broadcasts come as text here: the same bytes as the other kind of message are another message. */
  #isSharedText: boolean | undefined;
  #isOpen = false;
  #isOver = false;
  readonly #legs = new Set<NodeClient>();
  /** The ear on the socket in use: what a socket that was given up tells is no longer ours. */
  #line: Line | undefined;

  constructor(options: NodeClientOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#ledger = options.ledger?.ledger;
    this.#slot = options.ledger?.slot ?? -1;
    this.#alarm = options.alarms.create((nowMs) => {
      if (!this.#isOver) this.#session.wake(nowMs, this);
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  start(): void {
    this.#session.start(this.#options.nowMs(), this);
  }

  invoke(op: Op): void {
    this.#session.invoke(op, this.#options.nowMs(), this);
  }

  /** Ends the client for good: no alarm, no reconnect. Its socket is cut when still open. */
  stop(): void {
    this.#isOver = true;
    this.#line = undefined;
    this.#alarm.set(Infinity);
    this.#connection?.cut();
    this.#connection = undefined;
    this.#isOpen = false;
    for (const leg of this.#legs) leg.stop();
    this.#legs.clear();
  }

  /** Cuts the TCP connections without a close frame; the session may come back. */
  cut(): void {
    this.#connection?.cut();
    for (const leg of this.#legs) leg.cut();
  }

  // Outbox

  connect(path: string, protocols: readonly string[], headers: Readonly<Record<string, string>>): void {
    if (this.#isOver) return;
    const { url, ca, localAddress, via, transport } = this.#options;
    this.#connection?.cut();
    this.#line = new Line(this);
    this.#connection = transport.connect(
      { url: url.replace(/^http/, "ws") + path, protocols, headers: { ...this.#options.headers, ...headers }, ca, localAddress, via },
      this.#line,
    );
  }

  send(frame: Frame): void {
    this.#options.frameSeen?.("client", frame, this.#options.nowMs());
    this.#connection?.send(frame);
  }

  close(code: number, reason: string): void {
    this.#connection?.close(code, reason);
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
    this.#options.observe(detail, this.#options.nowMs());
  }

  delivered(delivery: Delivered, decoded: unknown, shared: boolean): void {
    const nowMs = this.#options.nowMs();
    if (this.#ledger === undefined) this.#options.observe(delivery, nowMs);
    else {
      if (shared) this.#isSharedText = this.#isInHandText;
      this.#ledger.delivered(this.#slot, delivery, decoded, shared ? this.#inHand : undefined, nowMs);
    }
  }

  leg(name: string, path: string, session: Session): Leg {
    const { ledger: _, url, legs, via, ...options } = this.#options;
    const address = legs?.[name] ?? url + path;
    const leg = new NodeClient({
      ...options,
      session,
      url: address,
      // What stands before the server's address stands before its other paths, and not before another server.
      via: new URL(address).host === new URL(url).host ? via : undefined,
      regained: () => this.#regained(),
    });
    // A session may be about to open one while its client is stopped.
    if (!this.#isOver) {
      this.#legs.add(leg);
      leg.start();
    }
    return {
      invoke: (op) => leg.invoke(op),
      stop: () => {
        this.#legs.delete(leg);
        leg.stop();
      },
    };
  }

  #regained(): void {
    if (this.#isOpen && [...this.#legs].every(({ isOpen }) => isOpen)) this.#options.regained?.();
  }

  // Transport

  opened(line: Line): void {
    if (line !== this.#line) return;
    this.#isOpen = true;
    this.#regained();
    this.#session.opened(this.#options.nowMs(), this);
  }

  /** The fast path: the very bytes that another member got before. */
  expects(line: Line, bytes: Uint8Array, start: number, end: number, isText: boolean): boolean {
    if (line !== this.#line || this.#ledger === undefined || isText !== this.#isSharedText) return false;
    const nowMs = this.#options.nowMs();
    const entry = this.#ledger.recognise(this.#slot, bytes, start, end, nowMs);
    if (entry === undefined) return false;
    this.#session.expected(entry.decoded, nowMs, this);
    return true;
  }

  frame(line: Line, bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    if (line !== this.#line) return;
    const nowMs = this.#options.nowMs();
    // A transport uses its bytes again, and a session may keep what it decodes: it gets its own.
    const frame: Frame = isText ? bufferOver(bytes).toString("utf8", start, end) : new Uint8Array(bytes.subarray(start, end));
    this.#options.frameSeen?.("server", frame, nowMs);
    // No Buffer, whose `slice` does not copy.
    this.#inHand = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
    this.#isInHandText = isText;
    this.#session.frame(frame, nowMs, this);
    this.#inHand = undefined;
  }

  closed(line: Line, code: number, reason: string): void {
    if (line !== this.#line) return;
    this.#isOpen = false;
    this.#connection = undefined;
    this.#options.lost?.(this.#options.nowMs());
    this.#session.closed(code, reason, this.#options.nowMs(), this);
  }

  refused(line: Line, status: number, text: string, answer: RefusedUpgrade | undefined): void {
    if (line !== this.#line) return;
    this.#connection = undefined;
    const more = answer === undefined ? "" : (answer.headers["location"] ?? answer.body.slice(0, REFUSAL_SHOWN_MAX));
    const failure = more === "" ? text : `${text}: ${more}`;
    this.#session.reply("connect", { failure, status }, this.#options.nowMs(), this);
  }

  #reply(tag: string, answer: HttpAnswer | Credential | Failure): void {
    if (!this.#isOver) this.#session.reply(tag, answer, this.#options.nowMs(), this);
  }
}

/** One socket's events, told to its client together with whose they are. */
class Line implements TransportEvents {
  readonly #client: NodeClient;

  constructor(client: NodeClient) {
    this.#client = client;
  }

  opened(): void {
    this.#client.opened(this);
  }

  expects(bytes: Uint8Array, start: number, end: number, isText: boolean): boolean {
    return this.#client.expects(this, bytes, start, end, isText);
  }

  frame(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.#client.frame(this, bytes, start, end, isText);
  }

  closed(code: number, reason: string): void {
    this.#client.closed(this, code, reason);
  }

  refused(status: number, text: string, answer?: RefusedUpgrade): void {
    this.#client.refused(this, status, text, answer);
  }
}

export function createNodeClient(options: NodeClientOptions): NodeClient {
  return new NodeClient(options);
}
