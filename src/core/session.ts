import type { Detail, Delivered } from "./observation.ts";
import type { Op } from "./op.ts";
import type { Prng } from "./prng.ts";

/** One message as it goes over the wire: text frames are strings, binary frames bytes. */
export type Frame = string | Uint8Array;

export interface HttpRequest {
  readonly method: string;
  /** Path with query, put behind the target's base URL as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How a client shows who it is; opaque to sessions, which only pass it on. */
export interface Credential {
  /** The user's id, as the server will name it. */
  readonly user: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly protocols: readonly string[];
}

export interface SessionOptions {
  /** The room's id on the server. */
  readonly room: string;
  /** Put before every path, such as `/api/v1`; empty for none. */
  readonly basePath: string;
  readonly dialect: string;
  readonly prng: Prng;
  /** Time between two keepalives of the session's own; undefined sends none. */
  readonly keepaliveMs: number | undefined;
  /** Whether a lost connection is taken up again by the session itself. */
  readonly reconnect: boolean;
  /** Whether the session asks for the state once its join is confirmed. */
  readonly readOnJoin: boolean;
  /** Whether a session asks for everything that was written before it came, where the protocol keeps that; default false. */
  readonly history?: boolean;
  /** Whether a session tells of each marked write of the past that it is shown, too (`recalled`); default false. */
  readonly recall?: boolean;
  /** Whether what goes beside the writes (typing, presence) is taken part in, where that has a connection of its own; default false. */
  readonly presence?: boolean;
  /** Name of the run; markers of another run are foreign. */
  readonly run: string;
}

/**
 * One client's side of one protocol, without I/O: it is handed frames, answers and the time, and gives effects to
 * the outbox. Synchronous and portable: no timer, clock, chance, socket, or global that k6 lacks. Every `nowMs` is of
 * the engine's one monotonic clock. A session never throws on what a server sends: that is a `problem` observation.
 */
export interface Session {
  start(nowMs: number, out: Outbox): void;
  opened(nowMs: number, out: Outbox): void;
  /** A frame the ledger has not recognised: it is decoded here. */
  frame(frame: Frame, nowMs: number, out: Outbox): void;
  /** A frame that equals, byte for byte, one another member's session has decoded; `decoded` is what that session gave. */
  expected(decoded: unknown, nowMs: number, out: Outbox): void;
  reply(tag: string, answer: HttpAnswer | Credential | Failure, nowMs: number, out: Outbox): void;
  closed(code: number, reason: string, nowMs: number, out: Outbox): void;
  invoke(op: Op, nowMs: number, out: Outbox): void;
  wake(nowMs: number, out: Outbox): void;
}

/** A request that got no answer, or an upgrade that was refused. */
export interface Failure {
  readonly failure: string;
  /** HTTP status of a refused upgrade or request, when there was one. */
  readonly status?: number;
}

/** Effects of a session, carried out by the engine in the order given. */
export interface Outbox {
  /** `path` begins with `/` and holds the query; the engine puts the target's base URL before it. */
  connect(path: string, protocols: readonly string[], headers: Readonly<Record<string, string>>): void;
  send(frame: Frame): void;
  close(code: number, reason: string): void;
  http(tag: string, request: HttpRequest): void;
  /** Answered by `reply(tag, credential)`. */
  needCredential(tag: string): void;
  /** Calls `wake` at this time; a later call replaces an earlier one. Infinity: never. */
  wakeAt(atMs: number): void;
  observe(detail: Detail): void;
  /**
   * The frame in hand is one broadcast. `shared`: every member is to receive the very same bytes, so that the ledger
   * may recognise them; false for frames that carry something of the receiver's own.
   */
  delivered(delivery: Delivered, decoded: unknown, shared: boolean): void;
  /**
   * Opens a further connection of this client, with a session of its own, which is told and observes as any session:
   * at the target's leg of that name, else at `path` of its base URL. It shares the client's way to the server, is cut
   * with it and ends with it. Absent where an engine has one connection a client.
   */
  leg?(name: string, path: string, session: Session): Leg;
}

/** A further connection of a client. */
export interface Leg {
  invoke(op: Op): void;
  /** Ends it for good; its socket is cut when still open. */
  stop(): void;
}
