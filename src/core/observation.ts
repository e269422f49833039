import type { Marker } from "./marker.ts";
import type { Reason } from "./reason.ts";

/**
 * What one client saw, in one vocabulary for all protocols. `atMs` is of one monotonic clock of one process;
 * `client` is the client's number, unique over all shards; `room` the room's id on the server.
 */
export type Observation = Observed & Detail;

export interface Observed {
  readonly atMs: number;
  readonly client: number;
  readonly room: string;
}

export type Detail =
  | {
      readonly kind: "connected";
      /** Who, by the protocol. */
      readonly user: string;
      /** When the attempt began, where the engine tells: from then on the server may have let it in. */
      readonly startedMs?: number;
    }
  | {
      readonly kind: "disconnected";
      readonly code: number;
      readonly reason: string;
      /** closed by this client on purpose */ readonly wanted: boolean;
    }
  | {
      readonly kind: "invoked";
      readonly op: number;
      readonly act: "write" | "read" | "keepalive" | "presence" | "leave";
      readonly plannedMs: number;
      readonly marker?: Marker;
    }
  | { readonly kind: "accepted"; readonly op: number; readonly position?: number }
  /** An answer that refuses; `op` when the protocol says which. Before a join is confirmed it refuses the join. */
  | {
      readonly kind: "rejected";
      readonly op?: number;
      readonly code: string;
      readonly text: string;
      /** A join that is refused since the server holds no such room, or no more. */
      readonly gone?: true;
    }
  | Delivered
  | {
      readonly kind: "snapshot";
      /** The read that asked; absent when pushed unasked. */
      readonly op?: number;
      readonly askedMs: number;
      /** Canonical text of the room's state, equal at two members if and only if they agree. */
      readonly content: string;
      /** The last marked write that it contains. */
      readonly marker?: Marker;
      readonly position?: number;
      readonly members?: readonly string[];
    }
  /** A write of before this client came, as the server tells it of the past. */
  | { readonly kind: "recalled"; readonly marker: Marker; readonly position?: number }
  | {
      readonly kind: "presence";
      readonly event: "joined" | "left" | "moved";
      readonly user: string;
      /** How many members the server says there are now. */
      readonly count?: number;
    }
  /**
   * Something of a user that no room keeps: that it types (`value` is `on` or `off`; `topic` says where), its status
   * (`online`, `away`, `offline`; `gone` once its connection was lost), or word of a write (`topic` says where).
   * With `plannedMs` it is this client's own, as it was sent, or as it became true; without, as it was told of another.
   * What a newcomer is told of those who are there comes before its own `online`.
   */
  | {
      readonly kind: "signal";
      readonly of: "typing" | "status" | "hint";
      readonly user: string;
      readonly topic: string;
      readonly value: string;
      readonly plannedMs?: number;
    }
  | {
      readonly kind: "lifecycle";
      /** `joined`: this client's join is confirmed. `gone`: the room is no more. `host`: `user` leads it now. */
      readonly event: "joined" | "left" | "gone" | "host" | "stopping";
      readonly user?: string;
      /** Of a join: writes of the past that this client was shown before it was in, each held against its place. */
      readonly past?: number;
    }
  /** Something the protocol does not allow or know; `reason` says which kind. */
  | { readonly kind: "problem"; readonly reason: Reason; readonly text: string };

/** A write of some member as this client received it. */
export interface Delivered {
  readonly kind: "delivered";
  /** The author's user id, when the protocol names it. */
  readonly author?: string;
  readonly marker?: Marker;
  /** The server's own sequence number, when the protocol has one. */
  readonly position?: number;
  /** Canonical text of what was delivered, equal at two receivers if and only if they got the same. */
  readonly content: string;
}
