import type { Json } from "../../core/op.ts";

/** Id of a value: `co_z` and base58 of a hash over its header. */
export type CoId = string;
/** Account (or agent) and a random part; one per device and start. */
export type SessionId = string;

/** What one side holds of a value; `sessions` counts transactions. */
export interface Known {
  readonly id: CoId;
  readonly header: boolean;
  readonly sessions: Readonly<Record<SessionId, number>>;
}

/** Transactions of one session that follow the first `after`. */
export interface SessionContent {
  readonly after: number;
  readonly newTransactions: readonly Json[];
  readonly lastSignature: string;
}

/** A message of the sync leg, either way. */
export type SyncMessage =
  | ({ readonly action: "load" } & Known)
  | ({ readonly action: "known"; readonly isCorrection?: boolean; readonly asDependencyOf?: CoId } & Known)
  | {
      readonly action: "content";
      readonly id: CoId;
      readonly header?: Json;
      readonly priority: number;
      readonly new: Readonly<Record<SessionId, SessionContent>>;
    }
  | { readonly action: "done"; readonly id: CoId }
  | { readonly action: "reconcile"; readonly id: string; readonly values: Json }
  | { readonly action: "reconcile-ack"; readonly id: string };

/** The server's sign of life; never answered. */
export interface Ping {
  readonly type: "ping";
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly dc: string;
}

export const STATUSES = ["online", "offline", "away"] as const;
export type Status = (typeof STATUSES)[number];

/** A chat message as the hub hints at it. */
export interface HubMessage {
  readonly id: string;
  readonly content: string;
  readonly author: string;
  readonly threadId: string;
  /** ISO 8601 UTC with milliseconds (J-3). */
  readonly createdAt: string;
}

export type Broadcast =
  | { readonly type: "message"; readonly data: HubMessage }
  | { readonly type: "typing"; readonly userId: string; readonly isTyping: boolean; readonly threadId?: string }
  | { readonly type: "presence"; readonly userId: string; readonly status: Status };

export type HubIn = { readonly type: "hello"; readonly account: CoId; readonly space: CoId; readonly proof?: string } | Broadcast;

export type HubOut =
  | { readonly type: "challenge"; readonly nonce: string }
  | { readonly type: "ready"; readonly account: CoId; readonly presence: Readonly<Record<string, Status>> }
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  | Broadcast;

/** Codes that a hub refuses with. */
export const REFUSALS = [
  "bad-json",
  "bad-frame",
  "bad-message",
  "unknown-type",
  "not-ready",
  "bad-proof",
  "not-member",
  "identity-mismatch",
  "too-large",
  "rate",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** An entry of a message's feed; account and session come from the feed. `mark` is Rollcall's own, where no content carries it. */
export type MessageEvent =
  | {
      readonly kind: "create";
      readonly author: CoId;
      readonly threadId: CoId;
      readonly content: string;
      readonly createdAt: number;
    }
  | {
      readonly kind: "edit";
      /** `<own account id>/<n>`. */
      readonly version: string;
      readonly parents: readonly string[];
      readonly content: string;
      readonly at: number;
    }
  | { readonly kind: "delete"; readonly at: number; readonly mark?: string }
  | { readonly kind: "reaction"; readonly emoji: string; readonly on: boolean; readonly at: number; readonly mark?: string }
  | { readonly kind: "hide"; readonly threadId: CoId; readonly at: number; readonly mark?: string };

/** An event with where it stands in the feed. */
export interface Placed<T> {
  readonly account: CoId;
  readonly session: SessionId;
  readonly index: number;
  readonly value: T;
}

/** An entry of an account's log in a timeline. */
export interface TimelineItem {
  readonly value: CoId;
  readonly madeAt: number;
}

/** The fold of a message's feed (section 3, M). */
export interface Message {
  readonly id: CoId;
  readonly content: string;
  readonly createdAt: number;
  readonly author: CoId;
  readonly threadId: CoId;
  /** Accounts by emoji, sorted. */
  readonly reactions: Readonly<Record<string, readonly CoId[]>>;
  readonly hiddenIn: readonly CoId[];
  readonly softDeleted?: true;
  readonly updatedAt?: number;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** An entry of a message's feed, or undefined for another shape. Unknown fields are let pass. */
export function parseEvent(value: unknown): MessageEvent | undefined {
  if (!isRecord(value)) return undefined;
  const { kind, at } = value;
  switch (kind) {
    case "create": {
      const { author, threadId, content, createdAt } = value;
      if (typeof author !== "string" || typeof threadId !== "string" || typeof content !== "string" || !isTime(createdAt)) return undefined;
      return { kind, author, threadId, content, createdAt };
    }
    case "edit": {
      const { version, parents, content } = value;
      if (typeof version !== "string" || typeof content !== "string" || !isTime(at) || !Array.isArray(parents)) return undefined;
      const named: unknown[] = parents;
      if (!named.every((each) => typeof each === "string")) return undefined;
      return { kind, version, parents: named, content, at };
    }
    case "delete":
      return isTime(at) ? { kind, at, ...markOf(value) } : undefined;
    case "reaction": {
      const { emoji, on } = value;
      if (typeof emoji !== "string" || typeof on !== "boolean" || !isTime(at)) return undefined;
      return { kind, emoji, on, at, ...markOf(value) };
    }
    case "hide": {
      const { threadId } = value;
      if (typeof threadId !== "string" || !isTime(at)) return undefined;
      return { kind, threadId, at, ...markOf(value) };
    }
    default:
      return undefined;
  }
}

function markOf(value: Readonly<Record<string, unknown>>): { readonly mark?: string } {
  return typeof value["mark"] === "string" ? { mark: value["mark"] } : {};
}

/** An item of a timeline, or undefined for another shape. */
export function parseItem(value: unknown): TimelineItem | undefined {
  if (!isRecord(value) || typeof value["value"] !== "string" || !isTime(value["madeAt"])) return undefined;
  return { value: value["value"], madeAt: value["madeAt"] };
}

/** The account (or agent) that a session belongs to. */
export function accountOf(session: SessionId): CoId {
  const at = session.indexOf("_session_");
  return at < 0 ? session : session.slice(0, at);
}

/** A field that should be a text; empty for all else. */
export function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}
