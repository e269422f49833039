import type { WindowRequest } from "./window.ts";

/** What the server's main process asks of one that runs SQL. All but `credit`, `end` is answered under its id. */
export type ToSql =
  | { readonly kind: "create"; readonly id: number; readonly did: string; readonly moduleCid: string }
  | {
      readonly kind: "append" | "appendState";
      readonly id: number;
      readonly did: string;
      readonly user: string;
      readonly payloads: readonly Uint8Array[];
    }
  | { readonly kind: "clearState"; readonly id: number; readonly did: string }
  | { readonly kind: "update"; readonly id: number; readonly did: string; readonly moduleCid: string }
  | {
      readonly kind: "query";
      readonly id: number;
      readonly did: string;
      readonly user: string | undefined;
      readonly request: WindowRequest;
    }
  | ({ readonly kind: "subscribe"; readonly id: number; readonly did: string } & Subscribing)
  | { readonly kind: "end"; readonly subscription: string }
  | { /** These subscriptions may be sent their next window. */ readonly kind: "credit"; readonly subscriptions: readonly string[] };

export interface Subscribing {
  readonly subscription: string;
  readonly user: string | undefined;
  readonly request: WindowRequest;
  /** Taken up again after its process ended: nothing is sent until there is news. */
  readonly isResumed: boolean;
}

/** What it tells. */
export type FromSql =
  | { readonly kind: "ready" }
  | {
      readonly kind: "answer";
      readonly id: number;
      /** DAG-CBOR of the whole `Result` */ readonly result?: Uint8Array;
      readonly error?: string;
    }
  | { readonly kind: "news"; readonly items: readonly NewsItem[] }
  | { /** It lives. */ readonly kind: "beat" };

export interface NewsItem {
  readonly subscription: string;
  /** DAG-CBOR of the notification. */
  readonly bytes: Uint8Array;
  /** The position that its next window begins at. */
  readonly next: number;
  /** Nothing more will come. */
  readonly isOver: boolean;
}
