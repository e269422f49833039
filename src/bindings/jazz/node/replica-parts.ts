import type { Json } from "../../../core/op.ts";
import { accountOf, type CoId, type MessageEvent, parseItem, type Placed, type SessionId, type TimelineItem } from "../messages.ts";
import type { Node, RawFeed } from "./library.ts";

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

/** Where an entry stands. */
export type Place = Omit<Placed<unknown>, "value">;

/** Entries of a feed that is here; with `counts` only those that were not counted yet, which are counted then. */
export function placedIn(
  feed: RawFeed | undefined,
  counts: Map<SessionId, number> | undefined,
): { readonly place: Place; readonly value: Json }[] {
  if (feed?.items === undefined) return [];
  return Object.entries(feed.items).flatMap(([session, items]) => {
    const from = counts?.get(session) ?? 0;
    counts?.set(session, Math.max(from, items.length));
    return items
      .slice(from)
      .map((item, index) => ({ place: { account: accountOf(session), session, index: from + index }, value: item.value }));
  });
}

/** Items of a timeline; entries of another shape are told and left out. */
export function itemsIn(
  feed: RawFeed | undefined,
  counts: Map<SessionId, number> | undefined,
  problem: () => void,
): { item: TimelineItem; place: Place }[] {
  return placedIn(feed, counts).flatMap(({ place, value }) => {
    const item = parseItem(value);
    if (item === undefined) problem();
    return item === undefined ? [] : [{ item, place }];
  });
}

/** Places in a thread's order, the first and the last that are seen. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Loaded beyond both ends of what is seen. */
const MARGIN = 5;
/** Seen of a long thread that nobody has scrolled yet: its newest. */
const NEWEST = 50;

/** Ids to load of a long thread: what is seen, with a margin. */
export function visibleOf(
  order: readonly CoId[],
  range: Range = { first: order.length - NEWEST, last: order.length - 1 },
): readonly CoId[] {
  return order.slice(Math.max(0, range.first - MARGIN), range.last + 1 + MARGIN);
}

/** A value that is here, as it is now. */
export function contentOf<T>(node: Node, id: CoId): T | undefined {
  if (!id.startsWith("co_z")) return undefined;
  const core = node.getCoValue(id);
  return core.isAvailable() ? (core.getCurrentContent() as T) : undefined;
}

/** A value, loaded where it is not here; undefined when it is not to be had. */
export async function loadFrom<T>(node: Node, id: CoId): Promise<T | undefined> {
  if (!id.startsWith("co_z")) return undefined;
  const value = await node.load(id);
  return value === "unavailable" ? undefined : contentOf<T>(node, id);
}
