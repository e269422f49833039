import type { Json } from "../../core/op.ts";
import { type Fields, isFields } from "./json.ts";

/**
 * The messages of the protocol in the words of the dialect `documented`; a codec for each dialect reads and writes them
 * (`codec.ts`). What is inside of steps, documents and presence stays JSON here: editors and checks look at it.
 */

/** A document's or a step's JSON, not looked at. */
export type StepJson = Json;
export type DocJson = Json;

/** What a user shows of itself; every part may be absent. */
export type UserPresence = Fields;

export interface Join {
  readonly type: "join";
  readonly userId: string;
  readonly presence?: UserPresence;
}

export interface Leave {
  readonly type: "leave";
  readonly userId: string;
}

/** From a client: `version` is the one the batch was made against, absent where the dialect allows it. From a server: the one after it. */
export interface Steps {
  readonly type: "steps";
  readonly steps: readonly StepJson[];
  readonly version: number | undefined;
  readonly userId: string;
}

/** From a client exactly its own entry. From a server what has changed, or everybody: `isAll` where the dialect tells them apart. */
export interface Presence {
  readonly type: "presence";
  readonly users: ReadonlyMap<string, UserPresence>;
  readonly isAll?: true;
}

export type ClientMessage =
  | Join
  | Leave
  | Steps
  | Presence
  | { readonly type: "doc-request" }
  | { readonly type: "history-request"; readonly sinceVersion: number }
  | { readonly type: "pong"; readonly ts: number };

export interface ErrorMessage {
  readonly type: "error";
  readonly code: string;
  readonly message: string;
  /** Type of the message that it answers, where the server says. */
  readonly re?: string;
}

export interface DocSnapshot {
  readonly type: "doc-snapshot";
  readonly version: number;
  readonly doc: DocJson;
}

export interface History {
  readonly type: "history";
  readonly fromVersion: number;
  readonly toVersion: number;
  readonly steps: readonly StepJson[];
  /** Author of each step, where the dialect names them. */
  readonly userIds?: readonly string[];
}

export type ServerMessage =
  | (Steps & { readonly version: number })
  | Presence
  | Join
  | Leave
  | ErrorMessage
  | DocSnapshot
  | { readonly type: "ack"; readonly version: number }
  | History
  | { readonly type: "ping"; readonly ts: number }
  /** A confirmation of something that needs none. */
  | { readonly type: "other-ack" };

/** What a frame held, or what is wrong with it: `code` is one of S-19's. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly problem: string; /** the type that it named */ readonly re?: string };

/** Error codes of the reference (S-19). */
export type RefusalCode =
  | "bad_json"
  | "bad_frame"
  | "bad_message"
  | "unknown_type"
  | "not_joined"
  | "already_joined"
  | "identity_mismatch"
  | "version_mismatch"
  | "bad_version"
  | "apply_failed"
  | "too_large"
  | "rate"
  | "wrong_server";

export function good<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function bad(code: RefusalCode, problem: string, re?: string): Extract<Parsed<never>, { ok: false }> {
  return { ok: false, code, problem, ...(re === undefined ? {} : { re }) };
}

/** Whether a value is a count: a whole number from 0 on. */
export function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Entries of an object as a map: user ids such as `__proto__` are ids like any other. */
export function usersOf(value: Json | undefined): ReadonlyMap<string, UserPresence> | undefined {
  if (!isFields(value)) return undefined;
  const users = new Map<string, UserPresence>();
  for (const [id, presence] of Object.entries(value)) {
    if (!isFields(presence)) return undefined;
    users.set(id, presence);
  }
  return users;
}
