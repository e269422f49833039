import type { Marker } from "./marker.ts";

/** What any JSON text can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * One act of a client, in words that hold for every protocol. `id` is unique per client; `plannedMs` is the time the
 * open-model schedule meant it for: latency counts from there, not from when it was sent.
 */
export type Op = { readonly id: number; readonly plannedMs: number } & (
  | {
      /** Changes the room; everybody hears of it. `value` is the binding's own. */
      readonly kind: "write";
      readonly value: Json;
      /** Absent where the message carries none (its broadcast is then judged by the room's model only). */
      readonly marker?: Marker;
    }
  | { /** Asks for the room's state. */ readonly kind: "read" }
  | { /** Keeps the room or the session alive. */ readonly kind: "keepalive" }
  | { /** Shows where this user is (cursor, typing); not kept. */ readonly kind: "presence"; readonly value: Json }
  | { /** Goes, politely. */ readonly kind: "leave" }
);
