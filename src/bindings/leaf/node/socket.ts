import { WebSocket } from "ws";
import type { WitnessStep } from "../../../core/checker.ts";
import { callFrame, connectFrame, readFrame, SOCKET_PATH, type WireFrame } from "../codec.ts";
import type { CborValue } from "../dag-cbor.ts";
import { type LeafQuery, queryToCbor, readResult, type Result, type Row, textField } from "../messages.ts";
import { readNews } from "../notification-memo.ts";
import { type LogRow, logRows } from "../log-rows.ts";

/** A thing that shall happen happens within this time. */
export const SHALL_MS = 5_000;
/** Calls beside storms of others. */
const CALL_MS_MAX = 20_000;
/** A refused or silent sign-in; the protocol gives a stage 10 s. */
const SIGN_IN_MS_MAX = 15_000;
const FRAMES_MAX = 40;

/** What came of a call: the answer, or that there was none. */
export type Answer = Result | { readonly ok: false; readonly error: string; readonly isSilent: true };

/** News of a subscription as they came. */
export interface News {
  readonly atMs: number;
  readonly rows: readonly Row[];
  /** How many rows there were, also where they were not read. */
  readonly count: number;
  readonly hasMore: boolean;
  readonly error: string | undefined;
}

export interface SocketOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly token: string | undefined;
  readonly nowMs: () => number;
  /** Rows are counted and not read: for floods, in which reading would be what is measured. */
  readonly onlyCounts?: boolean;
}

/** One connection of a case's own: calls are awaited, news are kept. What the server does wrong is kept too, and thrown never. */
export class LeafSocket {
  /** The DID of the session; null for an anonymous one; undefined while there is none. */
  did: string | null | undefined;
  refusal: string | undefined;
  closed: { readonly code: number; readonly atMs: number } | undefined;
  readonly news: Map<string, News[]> = new Map();
  readonly problems: string[] = [];
  readonly #options: SocketOptions;
  readonly #socket: WebSocket;
  readonly #calls: Map<number, (answer: Answer) => void> = new Map();
  readonly #ears: Set<() => void> = new Set();
  readonly #frames: WitnessStep[] = [];
  #nextId = 0;

  constructor(options: SocketOptions) {
    this.#options = options;
    this.#socket = new WebSocket(options.url.replace(/^http/, "ws") + SOCKET_PATH, {
      headers: { ...options.headers },
      perMessageDeflate: false,
    });
    this.#socket.on("message", (data: Buffer, isBinary: boolean) => this.#take(data, isBinary));
    this.#socket.on("error", (error) => this.problems.push(error.message));
    this.#socket.on("close", (code) => {
      this.closed = { code, atMs: options.nowMs() };
      for (const tell of this.#calls.values()) tell({ ok: false, error: `closed with ${code}`, isSilent: true });
      this.#calls.clear();
      this.#changed();
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Resolves once the sign-in has been answered, or has not within its time. */
  signedIn(withinMs: number = SIGN_IN_MS_MAX): Promise<boolean> {
    return this.until(() => this.did !== undefined || this.refusal !== undefined || this.closed !== undefined, withinMs).then(
      () => this.did !== undefined,
    );
  }

  #take(data: Buffer, isBinary: boolean): void {
    const read = readFrame(isBinary ? data : data.toString("utf8"));
    if (!read.ok) {
      this.problems.push(read.problem);
      return;
    }
    this.#note("server", read.value.kind, isBinary ? data.subarray(0, 1000).toString("hex") : data.toString("utf8"));
    this.#frame(read.value);
    this.#changed();
  }

  #frame(frame: WireFrame): void {
    switch (frame.kind) {
      case "open":
        this.#socket.send(connectFrame(this.#options.token));
        return;
      case "ping":
        this.#socket.send("3");
        return;
      case "event":
        if (frame.name === "authenticated") this.did = Reflect.get(Object(frame.arg), "did") as string | null;
        else if (frame.name === "error") this.refusal = typeof frame.arg === "string" ? frame.arg : "error";
        else if (frame.name === "stream/subscription_response") this.#hear(frame.arg);
        return;
      case "ack": {
        const answer = readResult(frame.payload);
        this.#calls.get(frame.id)?.(answer.ok ? answer.value : { ok: false, error: answer.problem });
        this.#calls.delete(frame.id);
        return;
      }
      case "connectError":
      case "disconnect":
        this.refusal ??= frame.kind;
        return;
      case "connect":
      case "close":
      case "pong":
      case "noop":
    }
  }

  #hear(payload: unknown): void {
    const counted = this.#options.onlyCounts === true && payload instanceof Uint8Array ? countRows(payload) : undefined;
    if (counted !== undefined) {
      this.#keep(counted.id, { atMs: this.#options.nowMs(), rows: [], count: counted.count, hasMore: false, error: undefined });
      return;
    }
    const read = readNews(payload);
    if (!read.ok) {
      this.problems.push(read.problem);
      return;
    }
    const { subscriptionId, response } = read.value;
    const atMs = this.#options.nowMs();
    const heard: News = response.ok
      ? { atMs, rows: response.rows, count: response.rows.length, hasMore: response.hasMore, error: undefined }
      : { atMs, rows: [], count: 0, hasMore: false, error: response.error };
    this.#keep(subscriptionId, heard);
  }

  #keep(subscriptionId: string, heard: News): void {
    const before = this.news.get(subscriptionId);
    if (before === undefined) this.news.set(subscriptionId, [heard]);
    else before.push(heard);
  }

  #note(from: "client" | "server", label: string, frame: string): void {
    this.#frames.push({
      atMs: this.#options.nowMs(),
      from: from === "server" ? "server" : "client",
      to: from === "server" ? "client" : "server",
      label,
      frame,
    });
    if (this.#frames.length > FRAMES_MAX) this.#frames.splice(0, FRAMES_MAX / 2);
  }

  /** The last frames, ready for a breach. */
  witness(last = 8): readonly WitnessStep[] {
    return this.#frames.slice(-last);
  }

  #changed(): void {
    for (const ear of this.#ears) ear();
  }

  /** Waits until `holds`, looking at each frame; gives whether it did. */
  until(holds: () => boolean, withinMs: number = SHALL_MS): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (outcome: boolean): void => {
        clearTimeout(timer);
        this.#ears.delete(look);
        resolve(outcome);
      };
      const look = (): void => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(holds()), withinMs);
      this.#ears.add(look);
    });
  }

  /** Sends a call and gives its answer; calls sent one after another go out in that order. */
  call(name: string, arg: CborValue, withinMs: number = CALL_MS_MAX): Promise<Answer> {
    const id = this.#nextId;
    this.#nextId += 1;
    return this.raw(callFrame(name, arg, id), id, name, withinMs);
  }

  /** A frame as it is, whose answer has this id. */
  raw(frame: Uint8Array | string, id: number, label: string = "a frame", withinMs: number = CALL_MS_MAX): Promise<Answer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#calls.delete(id);
        resolve({ ok: false, error: `no answer within ${withinMs} ms`, isSilent: true });
      }, withinMs);
      this.#calls.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#note("client", label, typeof frame === "string" ? frame : Buffer.from(frame.subarray(0, 1000)).toString("hex"));
      if (this.isOpen) this.#socket.send(frame);
      else this.#calls.get(id)?.({ ok: false, error: "not connected", isSilent: true });
    });
  }

  /** Subscribes; undefined with the refusal in `refused` when that was answered with Err. */
  async subscribe(streamDid: string, query: LeafQuery): Promise<Subscription> {
    const answer = await this.call("stream/subscribe_events", { streamDid, query: queryToCbor(query) });
    const id = answer.ok ? textField(answer.value, "subscriptionId") : undefined;
    return new Subscription(this, id, answer.ok ? undefined : answer.error);
  }

  /** Reads no more from the network: what the server sends stays in the way. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the TCP connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }
}

/** What a notification with rows begins with in DAG-CBOR: `{ response: { Ok: { rows: […` */
const BEFORE_ROWS = Buffer.from("a268726573706f6e7365a1624f6ba264726f7773", "hex");
const ID_LENGTH = 26;

/** The number of rows by the head of their list, and whose they are by the last letters; undefined for another form. */
function countRows(payload: Uint8Array): { readonly id: string; readonly count: number } | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!bytes.subarray(0, BEFORE_ROWS.length).equals(BEFORE_ROWS)) return undefined;
  const head = bytes[BEFORE_ROWS.length] ?? 0;
  const at = BEFORE_ROWS.length + 1;
  const small = head - 0x80;
  const count = small < 24 ? small : head === 0x98 ? bytes[at] : head === 0x99 ? bytes.readUInt16BE(at) : undefined;
  return count === undefined || count < 0 ? undefined : { id: bytes.toString("latin1", bytes.length - ID_LENGTH), count };
}

/** A subscription of a case's own socket. */
export class Subscription {
  readonly socket: LeafSocket;
  readonly id: string | undefined;
  /** Why there is none. */
  readonly refused: string | undefined;

  constructor(socket: LeafSocket, id: string | undefined, refused: string | undefined) {
    this.socket = socket;
    this.id = id;
    this.refused = refused;
  }

  get news(): readonly News[] {
    return this.id === undefined ? [] : (this.socket.news.get(this.id) ?? []);
  }

  /** Rows of `log` so far. */
  get rows(): readonly LogRow[] {
    return this.news.flatMap(({ rows }) => logRows(rows).flatMap((row) => row ?? []));
  }

  get rowCount(): number {
    return this.news.reduce((sum, { count }) => sum + count, 0);
  }

  /** The last position that came. */
  get last(): number {
    for (let index = this.news.length - 1; index >= 0; index -= 1) {
      const rows = this.news[index]?.rows ?? [];
      const idx = rows.at(-1)?.["idx"];
      if (idx?.kind === "integer") return Number(idx.value);
    }
    return 0;
  }

  get errors(): readonly string[] {
    return this.news.flatMap(({ error }) => error ?? []);
  }
}
