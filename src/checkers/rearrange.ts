/** How far a log is looked at when two members seem to disagree: writes that were under way at once, not a whole run. */
export const REARRANGED_MAX = 512;

/** What one member shows of the order of a stretch of its room's log, by indices of the log. */
export interface Shown {
  /** What it has received, in the order in which it came. */
  readonly received: readonly number[];
  /** What it is still to receive: all of that comes after what it has. */
  readonly owed: readonly number[];
}

/**
 * The order of the stretch `from` to `to` of a log in which all members agree; undefined when there is none. What the
 * first receiver got decides where a write stands, as long as nothing speaks against it: where that was a newcomer, a
 * write that it did not get, as it was sent before its join, may be read later at the others, and stands behind. Only
 * what members received one after the other is evidence, so the log gives way to it; as near to the old order as may be.
 */
export function rearranged(from: number, to: number, members: readonly Shown[]): readonly number[] | undefined {
  const count = to - from;
  // Beside the writes one node for each member: what it has received leads there, and from there to what it is owed.
  const next: number[][] = Array.from({ length: count + members.length }, () => []);
  const before = new Int32Array(count + members.length);
  const lead = (one: number, other: number): void => {
    next[one]?.push(other);
    before[other] = (before[other] ?? 0) + 1;
  };
  for (const [index, { received, owed }] of members.entries()) {
    const own = count + index;
    for (const [at, place] of received.entries()) {
      const after = received[at + 1];
      lead(place - from, after === undefined ? own : after - from);
    }
    for (const place of owed) lead(own, place - from);
  }
  const order: number[] = [];
  const free = Array.from(before.keys()).filter((node) => before[node] === 0);
  while (free.length > 0) {
    const node = earliest(free, count);
    if (node < count) order.push(node + from);
    for (const other of next[node] ?? []) {
      before[other] = (before[other] ?? 0) - 1;
      if (before[other] === 0) free.push(other);
    }
  }
  return order.length === count ? order : undefined;
}

/** Takes out what stands for a member, or else the write that stood first. */
function earliest(free: number[], count: number): number {
  let least = 0;
  for (const [at, node] of free.entries()) {
    if (node >= count) {
      least = at;
      break;
    }
    if (node < (free[least] ?? 0)) least = at;
  }
  return free.splice(least, 1)[0] ?? 0;
}
