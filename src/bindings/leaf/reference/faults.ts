import type { SQLInputValue } from "node:sqlite";
import type { SqliteValue } from "./sql/rows.ts";

type LogRow = Record<string, SqliteValue>;
type Rows = readonly (readonly SqliteValue[])[];

/** What a fault may see of a subscription whose window is about to be sent. */
export interface WindowFacts {
  readonly id: string;
  readonly user: string | undefined;
  /** First position of the window. */
  readonly start: number;
  readonly limit: number;
  /** Rows in it. */
  readonly rows: number;
  /** Last position of the stream. */
  readonly head: number;
  /** Windows sent to this subscription before. */
  readonly sent: number;
  /** Whether the subscription began with the past. */
  readonly isFromPast: boolean;
}

/**
 * The points at which a mutant may act in the processes that run the SQL. The server asks at each of them;
 * `PRISTINE_SQL` gives the right answer, and a mutant replaces one or two.
 */
export interface SqlFaults {
  // The log.
  readonly isAtomic: (events: number) => boolean;
  readonly isStateAtomic: boolean;
  /** Whether the authorizer is asked about event `index` of `count`. */
  readonly judges: (index: number, count: number, head: number) => boolean;
  readonly nextPosition: (head: number) => number;
  /** The last position after a batch was refused. */
  readonly headAfterRefusal: (before: number, reached: number) => number;
  /** What is written to the log. */
  readonly stored: (payload: Uint8Array, idx: number) => Uint8Array;
  readonly materialises: (idx: number, payload: Uint8Array) => boolean;
  readonly logsStateEvent: (payload: Uint8Array) => boolean;
  /** What a module that is put in place of another is given of the log. */
  readonly replayed: (events: readonly LogRow[]) => readonly LogRow[];
  /** How many of the last events are lost when the process starts again. */
  readonly forgotten: number;
  readonly letsModulesWriteLog: boolean;

  // Questions.
  readonly windowMax: (right: number) => number;
  readonly requestingUser: (user: string | null, query: string) => string | null;
  /** Whether what stands before the last statement of a query is run. */
  readonly guards: (user: string | undefined) => boolean;
  readonly demandsParameters: boolean;
  /** Whether a limit below 1 and a negative start are refused. */
  readonly refusesBadBounds: boolean;
  readonly parameter: (value: SQLInputValue) => SQLInputValue;
  /** What a question is answered with; `limit`: the window's. */
  readonly answered: (rows: Rows, query: string, limit: bigint | undefined) => Rows;

  // Subscriptions.
  /** Where a subscription that asked for `start` begins. */
  readonly begins: (start: number) => number;
  /** Where the next window begins after one was sent; `next` is right. */
  readonly advance: (window: WindowFacts, next: number) => number;
  /** How often a window is sent; 1 is right. */
  readonly times: (window: WindowFacts) => number;
  readonly orders: (window: WindowFacts, rows: Rows) => Rows;
  readonly hasMore: (window: WindowFacts, hasMore: boolean) => boolean;
  /** Whether an append wakes the subscription. */
  readonly wakes: (did: string, user: string | undefined) => boolean;
  /** Another stream whose subscribers get the news of this one. */
  readonly leaksTo: (did: string, subscribers: ReadonlyMap<string, number>) => string | undefined;
  /** Whether all waiting windows are sent before any call is heard again. */
  readonly isGreedy: boolean;
}

export const PRISTINE_SQL: SqlFaults = {
  isAtomic: () => true,
  isStateAtomic: true,
  judges: () => true,
  nextPosition: (head) => head + 1,
  headAfterRefusal: (before) => before,
  stored: (payload) => payload,
  materialises: () => true,
  logsStateEvent: () => false,
  replayed: (events) => events,
  forgotten: 0,
  letsModulesWriteLog: false,
  windowMax: (right) => right,
  requestingUser: (user) => user,
  guards: () => true,
  demandsParameters: true,
  refusesBadBounds: true,
  parameter: (value) => value,
  answered: (rows) => rows,
  begins: (start) => start,
  advance: (_window, next) => next,
  times: () => 1,
  orders: (_window, rows) => rows,
  hasMore: (_window, hasMore) => hasMore,
  wakes: () => true,
  leaksTo: () => undefined,
  isGreedy: false,
};

/** What a token says and what was found about it; `refusal` is right. */
export interface TokenFacts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly refusal: string;
}

/** A call, as far as a fault may see it. */
export interface DoorFacts {
  readonly did: string | undefined;
  readonly name: string;
}

/** The points in the process that holds the sockets. */
export interface DoorFaults {
  // Sign-in.
  /** Whether a token is taken although there is something against it. */
  readonly overlooks: (token: TokenFacts) => boolean;
  /** Who a good token stands for. */
  readonly signedIn: (did: string) => string;
  readonly takesMethod: (did: string, isTaken: boolean) => boolean;
  readonly takesLegacyDocument: boolean;
  /** Whether a signature that fails makes the document be asked for again. */
  readonly refetches: boolean;
  /** How long a key is believed. */
  readonly keyLifeMs: (right: number) => number;
  readonly lookupMsMax: (right: number) => number;
  /** What the open socket's life is bound to; undefined: nothing. */
  readonly sessionLifeMs: (tokenLifeMs: number) => number | undefined;
  /** The `aud` claims that are taken. */
  readonly audiences: (right: readonly string[]) => readonly string[];
  readonly proxyUser: (did: string) => string;

  // Calls.
  /** Whether an anonymous session may call this. */
  readonly letsIn: (call: DoorFacts) => boolean;
  /** Whether somebody who is not the owner may. */
  readonly isOwner: (call: DoorFacts, isOwner: boolean) => boolean;
  /** Whether `userOverride` counts for somebody who is not the server itself. */
  readonly takesOverride: boolean;
  /** What is answered to a call that cannot be understood. */
  readonly refusal: (call: DoorFacts) => "told" | "silent";
  /** Calls `act` for the call in hand, now or later. */
  readonly order: (call: DoorFacts, act: () => void) => void;
  /** Milliseconds by which news go out late. */
  readonly newsDelayMs: number;
  /** Whether a socket that does not read is left news out of. */
  readonly dropsForSlow: boolean;
  /** Whether an end of a subscription by another socket counts. */
  readonly endsForeign: boolean;
  /** Whether news go on after the answer to an unsubscribe. */
  readonly keepsAfterEnd: boolean;
}

export const PRISTINE_DOOR: DoorFaults = {
  overlooks: () => false,
  signedIn: (did) => did,
  takesMethod: (_did, isTaken) => isTaken,
  takesLegacyDocument: true,
  refetches: true,
  keyLifeMs: (right) => right,
  lookupMsMax: (right) => right,
  sessionLifeMs: () => undefined,
  audiences: (right) => right,
  proxyUser: (did) => did,
  letsIn: () => false,
  isOwner: (_call, isOwner) => isOwner,
  takesOverride: false,
  refusal: () => "told",
  order: (_call, act) => act(),
  newsDelayMs: 0,
  dropsForSlow: false,
  endsForeign: false,
  keepsAfterEnd: false,
};
