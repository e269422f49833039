/** How a number stands to those seen before: the next, beyond a gap, one that was passed over, one seen already. */
type Arrival = "next" | "ahead" | "behind" | "again";

/** Gaps kept: each is a loss or a delay, and a healthy stream has none. */
export const GAPS_MAX = 256;

export interface Seen {
  take(n: number): Arrival;
  /** The greatest number so far. */
  readonly last: number | undefined;
  /** True once gaps were forgotten: what falls into them counts as `again`. */
  readonly isBounded: boolean;
}

/** Remembers which whole numbers of a rising stream have come, by their gaps. What lies below the first is a gap too. */
export function createSeen(): Seen {
  let last: number | undefined;
  let isBounded = false;
  const gaps: [from: number, to: number][] = [];
  const open = (from: number, to: number): void => {
    gaps.push([from, to]);
    if (gaps.length <= GAPS_MAX) return;
    gaps.shift();
    isBounded = true;
  };
  return {
    get last() {
      return last;
    },
    get isBounded() {
      return isBounded;
    },
    take: (n) => {
      if (last === undefined || n > last) {
        const isNext = last === undefined || n === last + 1;
        if (last === undefined) open(-Infinity, n - 1);
        else if (!isNext) open(last + 1, n - 1);
        last = n;
        return isNext ? "next" : "ahead";
      }
      const index = gaps.findIndex(([from, to]) => n >= from && n <= to);
      const gap = gaps[index];
      if (gap === undefined) return "again";
      const rest: [number, number][] = [
        [gap[0], n - 1],
        [n + 1, gap[1]],
      ];
      gaps.splice(index, 1, ...rest.filter(([from, to]) => from <= to));
      return "behind";
    },
  };
}
