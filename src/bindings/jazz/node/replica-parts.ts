import type { CoId, MessageEvent, Placed, SessionId } from "../messages.ts";

/** Ids of a space: what a member must know to enter it. `plain…`: a map and a list below the model, for CONV-03. */
export interface SpaceIds {
  readonly group: CoId;
  readonly space: CoId;
  readonly plainMap: CoId;
  readonly plainList: CoId;
}

/** What a replica tells of. */
export interface ReplicaEars {
  /** An event of another session, first seen. */
  readonly event: (message: CoId, placed: Placed<MessageEvent>) => void;
  readonly problem: (text: string) => void;
}

/** Transactions that must be covered by a `known`: lengths of the own session by value. */
export type Needs = Map<CoId, number>;

/** A value that an act needs and that this replica does not hold. */
export class Unheld extends Error {
  override readonly name = "Unheld";

  constructor(what: string) {
    super(`this replica does not hold ${what}`);
  }
}

/** What has been taken in of a feed that is followed. */
export interface Followed {
  /** Items taken in, by session. */
  readonly counts: Map<SessionId, number>;
  readonly stop: () => void;
}

/** A mark as a field, where there is one. */
export function only(mark: string | undefined): { readonly mark?: string } {
  return mark === undefined ? {} : { mark };
}
