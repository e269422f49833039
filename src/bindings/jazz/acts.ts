import type { Json } from "../../core/op.ts";
import type { CoId, MessageEvent, Status } from "./messages.ts";

/**
 * What a client of the sync leg can be told to do: the values of its writes. `tell`: the outcome comes as a snapshot of
 * the op. A message named by `pick` is the one at that share (0…1) of the messages its replica shows.
 */
export type Act = { readonly tell?: boolean } & (
  | { readonly do: "send"; readonly content: string; readonly thread?: CoId; readonly createdAt?: number }
  | { readonly do: "edit"; readonly message?: CoId; readonly pick?: number; readonly content: string; readonly at?: number }
  | { readonly do: "delete"; readonly message?: CoId; readonly pick?: number; readonly at?: number }
  | {
      readonly do: "react";
      readonly message?: CoId;
      readonly pick?: number;
      readonly emoji: string;
      readonly on: boolean;
      readonly at?: number;
    }
  | { readonly do: "hide"; readonly message?: CoId; readonly pick?: number; readonly thread: CoId }
  /** The network of this device: its socket is closed, and opened anew. */
  | { readonly do: "offline" | "online" }
  /** A message's feed alone, without its place in a timeline; `held`: it is kept from the wire until `release`. */
  | { readonly do: "feed"; readonly event: MessageEvent; readonly held?: boolean }
  | { readonly do: "release" }
  /** A raw event in a message's feed. */
  | { readonly do: "event"; readonly message: CoId; readonly event: Json }
  /** A raw item in a timeline; default the main thread's. */
  | { readonly do: "post"; readonly value: CoId; readonly madeAt: number; readonly thread?: CoId }
  /** Many items of the main thread's timeline in one transaction, a millisecond apart. */
  | { readonly do: "posts"; readonly values: readonly CoId[]; readonly madeAt: number }
  /** A channel with a thread of its own; `closed`: owned by a group that only this account is in. */
  | { readonly do: "channel"; readonly name: string; readonly closed?: boolean }
  /** A further thread, with or without a timeline of its own. */
  | { readonly do: "thread"; readonly timeline: boolean }
  | { readonly do: "role"; readonly account: CoId; readonly role: "admin" | "writer" | "reader" | "writeOnly" | "revoked" }
  /** Follows a thread beside the main one. */
  | { readonly do: "follow"; readonly thread: CoId }
  | { readonly do: "assign"; readonly key: string; readonly value: Json }
  | { readonly do: "append"; readonly value: Json }
  /** A value that must not be believed, past the library. */
  | { readonly do: "forge"; readonly kind: "signature" | "header" | "gap" | "orphan" }
  | { readonly do: "load"; readonly id: CoId }
  /** Makes a further account for a client under test; the outcome has its keys. */
  | { readonly do: "guest" }
  /** A value of a group that only this account is in, made like a space. */
  | { readonly do: "private"; readonly content: string }
  /** Signs a hub's nonce; the outcome's id is the proof. */
  | { readonly do: "prove"; readonly nonce: string }
);

/** What a client of the hub leg can be told to do. */
export type HubAct =
  | { readonly do: "hint"; readonly id: string; readonly content: string; readonly threadId: string; readonly createdAt: string }
  | { readonly do: "typing"; readonly isTyping: boolean; readonly threadId?: string }
  | { readonly do: "status"; readonly status: Status };

/** What a client with both legs shows beside its writes. `aside`: in another place than the main thread. */
export type Show =
  | { readonly do: "typing"; readonly isTyping: boolean; readonly aside?: boolean }
  | { readonly do: "status"; readonly status: "online" | "away" };

/** An act as the value of a write; acts are plain data. */
export function valueOf(act: Act | HubAct | Show): Json {
  return act;
}

/** The act of a write's value. Values come from cases and scenarios of this binding only. */
export function actOf<T extends Act | HubAct | Show>(value: Json): T {
  return value as unknown as T;
}
