import type { RequirementId } from "./ids.ts";
import type { DirectoryControl, PdsControl } from "./network.ts";
import type { Observation } from "./observation.ts";
import type { Json, Op } from "./op.ts";
import type { Prng } from "./prng.ts";
import type { Reason } from "./reason.ts";
import type { Credential, Frame, HttpAnswer, HttpRequest, Failure } from "./session.ts";
import type { Property, WitnessStep } from "./checker.ts";
import type { ResolvedTarget } from "./target.ts";

/**
 * `shared`: rooms of its own beside all others · `quiet`: timing, few at a time · `waiting`: little but waits, of which a
 * second more or less decides nothing: beside everything but the shared ones · `own`: works on servers that it has
 * started itself (`launch`) and leaves the target's alone · `exclusive`: restart, exhaustion, counters of the process.
 */
export type Phase = "shared" | "quiet" | "waiting" | "own" | "exclusive";

/** One conformance case. It judges the requirements of `ids` and no other. */
export interface CaseDefinition {
  /** A path of words: `convergence/late-join`. */
  readonly name: string;
  /** A sentence that says what holds. */
  readonly title: string;
  readonly ids: readonly RequirementId[];
  readonly phase: Phase;
  /** Capabilities that the whole case needs; any of them off skips it. */
  readonly needs?: readonly string[];
  /** Longest time it may take, unscaled; default 30,000. Waits through `scaled` count scaled. */
  readonly limitMs?: number;
  readonly run: (t: CaseContext) => Promise<void>;
}

/** What a check says when it does not hold. */
export interface Breach {
  readonly reason: Reason;
  readonly expected: string;
  readonly seen: string;
  readonly witness?: readonly WitnessStep[];
}

/** A user with credentials of its own. */
export interface CaseUser {
  /** Id as the server names it. */
  readonly id: string;
}

export interface ClientOptions {
  readonly room: string;
  /** Default: a fresh user. Two clients of one user are two sockets. */
  readonly user?: CaseUser;
  /** Default false: the case decides when the state is asked for. */
  readonly readOnJoin?: boolean;
  /** Default undefined: no keepalives of the session's own. Milliseconds, unscaled; the runner scales them. */
  readonly keepaliveMs?: number;
  readonly reconnect?: boolean;
  /** Default true: `open` waits for the join to be confirmed, at most 5 s, and throws a `Precondition` otherwise. */
  readonly mustJoin?: boolean;
  /** Base URL; default the target's first, or where each serves every room, one after the other. */
  readonly url?: string;
}

/** A frame as it went over one client's wire. */
export interface RecordedFrame {
  readonly atMs: number;
  readonly from: "client" | "server";
  readonly frame: Frame;
}

/** A session driven by a case. */
export interface CaseClient {
  readonly number: number;
  readonly user: CaseUser;
  readonly room: string;
  /** Everything it has observed, in order. Grows while the case runs. */
  readonly seen: readonly Observation[];
  readonly frames: readonly RecordedFrame[];
  readonly isOpen: boolean;
  /** Close code and reason once closed. */
  readonly closed: { readonly code: number; readonly reason: string; readonly atMs: number } | undefined;
  /** Status of a refused upgrade, 0 when the connection itself failed. */
  readonly refused: Failure | undefined;
  /** Invokes an op through the session; gives its id. A write without `marker: false` carries a fresh marker. */
  write(value: import("./op.ts").Json, options?: { marker?: boolean }): Extract<Op, { kind: "write" }>;
  read(): Extract<Op, { kind: "read" }>;
  keepalive(): void;
  presence(value: import("./op.ts").Json): void;
  /** A raw frame past the session. */
  send(frame: Frame): void;
  /** A polite close; resolves once the socket is closed, at most after 2 s. */
  close(code?: number): Promise<void>;
  /** Ends the TCP connection without a close frame. */
  cut(): void;
  /**
   * The first observation from index `from` (default 0) on that fits, waiting for it at most `withinMs` (unscaled
   * real milliseconds, default 5,000). Undefined when none came.
   */
  waitFor(fits: (observation: Observation) => boolean, options?: { withinMs?: number; from?: number }): Promise<Observation | undefined>;
}

/** How a server is ended before it is started again. */
export type Restart = "politely" | "killed";

/** A process that a case has started. */
export interface Launched {
  /** Base URL; undefined when it ended before it was ready. */
  readonly url: string | undefined;
  /** How it ended; undefined while it runs. */
  exited(): { readonly code: number | null; readonly signal: string | null } | undefined;
  /** Asks it politely to end; gives how it ended, undefined when it had not within the time. */
  end(withinMs: number): Promise<{ readonly code: number | null; readonly signal: string | null } | undefined>;
  /** Ends it at once. */
  kill(): void;
  /** The last 64 KiB of what it wrote. */
  logs(): string;
}

/** What a client under test tells of unasked; `at` is of its own clock, ms. */
export type ClientEvent = Readonly<Record<string, Json>> & { readonly event: string; readonly at: number };

/** A client under test: a process that takes calls and tells of events in JSON lines (README › Client driver). */
export interface ClientDriver {
  /** One call; gives its answer. An answer that is an error, or none within 10 s, throws a `Precondition`. */
  call(name: string, ...args: readonly Json[]): Promise<Json>;
  /** Everything it has told, in order; also from before a restart. */
  readonly events: readonly ClientEvent[];
  readonly isRunning: boolean;
  /** Ends it without farewell. */
  kill(): void;
  /** Starts it again in the same folder, and tells it so before anything else. */
  restart(how?: { readonly offline?: boolean }): Promise<void>;
}

/** Thrown by a case whose precondition could not be brought about: its ids end inconclusive, not failed. */
export class Precondition extends Error {
  override readonly name = "Precondition";
}

/** What a case is given. Everything it opens is closed when it ends. */
export interface CaseContext {
  readonly prng: Prng;
  readonly run: string;
  readonly basePath: string;
  /** The target's base URLs: first, and second process when it has one. */
  readonly urls: readonly [string, ...string[]];
  /** Whether a capability is on. */
  has(capability: string): boolean;
  /** A limit of the target by name, or the default given. */
  limit(name: string, otherwise: number): number;
  /** How many times faster the server's timers run; 1 unless it is our own reference server. */
  readonly timeScale: number;
  /** A server-side time (room life, keepalive, their tolerances) as it passes on this target. */
  scaled(ms: number): number;
  nowMs(): number;
  /** Waits real milliseconds. */
  sleep(ms: number): Promise<void>;
  /** Waits until `holds` gives true, at most `withinMs`; gives whether it did. */
  until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean>;
  user(): Promise<CaseUser>;
  users(count: number): Promise<readonly CaseUser[]>;
  /** A fresh credential of a user that this case was given, for what a case shows by itself. */
  credential(user: CaseUser): Promise<Credential>;
  /** A fresh room with at least `places` places beside its creator (default 10). Throws `Precondition`. */
  room(options?: { places?: number; creator?: CaseUser }): Promise<string>;
  /** Opens a client. Throws `Precondition` when it must join and does not. */
  open(options: ClientOptions): Promise<CaseClient>;
  /** Opens `count` clients of fresh users. */
  openMany(count: number, options: ClientOptions): Promise<readonly CaseClient[]>;
  /** An HTTP request with the user's credential (undefined: with none). Redirects are not followed. */
  http(request: HttpRequest, user?: CaseUser, options?: { url?: string; withinMs?: number }): Promise<HttpAnswer | Failure>;
  /** A WebSocket upgrade with the path exactly as given on the request line, without tidying; then what came. */
  rawUpgrade(
    path: string,
    user?: CaseUser,
  ): Promise<{ readonly status: number; readonly frames: readonly Frame[]; readonly closed: { readonly code: number } | undefined }>;
  /**
   * Records one judgement. False counts as a breach of the requirement for the reason given; the case goes on.
   * An id that is not one of the case's is a harness error. Gives `holds` back.
   */
  check(id: RequirementId, holds: boolean, breach: Breach | (() => Breach)): boolean;
  /** Shows something with the requirement without judging it. */
  report(id: RequirementId, text: string): void;
  inconclusive(id: RequirementId, because: string): void;
  /**
   * Judges properties over everything that all clients of the case observed so far, by the same checkers that judge
   * load runs. Each finding counts against the requirement given. A property that judged nothing is inconclusive.
   */
  judge(properties: { readonly [property in Property]?: RequirementId }): Promise<void>;
  /** The witness steps of a client's last frames, ready for a breach. */
  witness(client: CaseClient, last?: number): readonly WitnessStep[];
  /** The target as it was resolved, for what only some protocols need of it. */
  readonly target: ResolvedTarget;
  /**
   * Starts one more process of the target's own program with these variables beside its own (undefined takes one away),
   * and waits until it is ready or has ended. It ends with the case.
   * @throws Precondition where the target is no program of ours to start.
   */
  launch(env: Readonly<Record<string, string | undefined>>): Promise<Launched>;
  /** The DID directory of an embedded target; undefined when the target has none of ours (capability `directory`). */
  readonly directory: DirectoryControl | undefined;
  /** The PDS beside it; undefined unless the case needs it (capability `pds`). */
  readonly pds: PdsControl | undefined;
  /**
   * The client under test, freshly started in a folder of its own. It ends with the case.
   * @throws Precondition where no client is under test.
   */
  client(): Promise<ClientDriver>;
  /** Process control of the target: undefined when there is none. */
  readonly process:
    | { /** `killed`: ended without farewell before it is started again. */ restart(how?: Restart): Promise<void>; logs(): string }
    | undefined;
  /** Metrics by name without prefix, labels summed; undefined when the target has none. */
  metrics(): Promise<Readonly<Record<string, number>> | undefined>;
}
