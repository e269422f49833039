import type { Json } from "../../core/op.ts";
import type { CoId, Message } from "./messages.ts";

/** What a replica shows; equal at two replicas if and only if they agree. */
export interface View {
  readonly name: Json;
  readonly members: readonly Json[];
  readonly channels: readonly ({ readonly id: CoId; readonly name: Json; readonly thread: CoId } | null)[];
  /** Messages as shown, in order. */
  readonly threads: Readonly<Record<CoId, readonly Message[]>>;
  /** Ids that threads list, in order, whether their feeds are here or not. */
  readonly orders: Readonly<Record<CoId, readonly CoId[]>>;
  readonly map: Readonly<Record<string, Json>>;
  readonly list: readonly Json[];
}

/** What an act has led to at its own replica. */
export interface Outcome {
  readonly id: CoId;
  readonly account: CoId;
  /** The space's main thread. */
  readonly main: CoId;
  readonly failure?: string;
}
