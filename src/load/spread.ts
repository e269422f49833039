/** How the clients of a run are shared out: whole rooms to one part each, or every room over all parts. */
export const SPREADS = ["client", "room"] as const;

export type Spread = (typeof SPREADS)[number];

/** One of the parts of a run that goes over several processes: `index` is in 0…count-1. */
export interface Part {
  readonly index: number;
  readonly count: number;
  /** `client` (members of one room are in different parts, so that order between parts is judged) or `room`. */
  readonly by: Spread;
}

/**
 * The part that plays a client: the same on every engine, whatever the protocol. `rank` is the number of clients
 * with a lower index in the same room. By `client`, the members of a room go round the parts, beginning with a part
 * that differs from room to room, so that small rooms fill all parts alike.
 */
export function partOf(room: number, rank: number, { count, by }: Pick<Part, "count" | "by">): number {
  return by === "room" ? room % count : (room + rank) % count;
}

/** The part that makes a room: it has the room's first member. */
export function ownerOf(room: number, count: number): number {
  return room % count;
}

/** Gives each client's rank in its room; to be asked for every client once, in the order of their indexes. */
export function createRanks(): (room: number) => number {
  const members = new Map<number, number>();
  return (room) => {
    const rank = members.get(room) ?? 0;
    members.set(room, rank + 1);
    return rank;
  };
}

/**
 * Reads `i/n`, such as `0/3`.
 * @returns undefined when the text is no such share, or i is not below n.
 */
export function parsePart(text: string): { readonly index: number; readonly count: number } | undefined {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  return match !== null && count >= 1 && index < count ? { index, count } : undefined;
}
