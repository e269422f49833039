import type { Placed } from "./condition.ts";

/** A server behind the proxy. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** What the proxy's process is told, one JSON object a message; each is answered by `done` with its number. */
export type ProxyCommand = { readonly id: number } & (
  | { readonly kind: "open"; readonly upstreams: readonly Upstream[]; readonly lanes: number; readonly seed: string }
  /** From now on the rule holds; connections that it ends are ended. */
  | ({ readonly kind: "begin"; readonly fault: number } & Placed)
  | { readonly kind: "end"; readonly fault: number }
  /** No rule holds any more. */
  | { readonly kind: "heal" }
);

export type ProxyAnswer =
  | {
      readonly kind: "done";
      readonly id: number;
      /** Of `open`: ports by replica and lane, on 127.0.0.1. */
      readonly ports?: readonly (readonly number[])[];
      /** Of `begin`: connections that were ended. */
      readonly ended?: number;
    }
  | { readonly kind: "failed"; readonly id: number; readonly text: string };
