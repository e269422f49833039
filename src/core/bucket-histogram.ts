import type { Histogram } from "./histogram.ts";

/**
 * The layout of an HDR histogram with three significant digits from 1 µs on: each value below 2,048 has a bucket of its
 * own, and beyond that every doubling has 1,024.
 */
const HALF = 1024;
const FIRST_BITS = 11;

/** An hour: longer than any run waits for an answer. */
const TRACKABLE_US_MAX = 3_600_000_000;

/** What an encoded bucket histogram begins with. */
const HEAD = "buckets1";

/** A histogram that needs no library, for engines that load none; its encoded form is lossless in every HDR histogram of three digits. */
export function createBucketHistogram(): Histogram & { reset(): void } {
  const counts = new Map<number, number>();
  let count = 0;
  let maxUs = 0;
  const add = (us: number, times: number): void => {
    const bucket = bucketOf(us);
    counts.set(bucket, (counts.get(bucket) ?? 0) + times);
    count += times;
    if (us > maxUs) maxUs = us;
  };
  return {
    record(valueMs) {
      const us = Math.round(valueMs * 1000);
      add(us < 1 ? 1 : us > TRACKABLE_US_MAX ? TRACKABLE_US_MAX : us, 1);
    },
    get count() {
      return count;
    },
    percentileMs: (p) => {
      const wanted = Math.max(1, Math.ceil((Math.min(100, Math.max(0, p)) / 100) * count - 1e-9));
      let seen = 0;
      for (const bucket of [...counts.keys()].sort((left, right) => left - right)) {
        seen += counts.get(bucket) ?? 0;
        if (seen >= wanted) return highestOf(bucket) / 1000;
      }
      return 0;
    },
    get maxMs() {
      return maxUs / 1000;
    },
    // A bucket is told by a value in it: the highest by its greatest, which is thus kept.
    encode: () => {
      const top = bucketOf(maxUs);
      const told = ([bucket, times]: [number, number]): string =>
        `${(bucket === top ? maxUs : lowestOf(bucket)).toString(36)}:${times.toString(36)}`;
      return `${HEAD};${[...counts].map(told).join(",")}`;
    },
    merge: (encoded) => decodeBuckets(encoded, add),
    reset: () => {
      counts.clear();
      count = 0;
      maxUs = 0;
    },
  };
}

/** Whether a text is one that `createBucketHistogram().encode()` gives. */
export function isBuckets(encoded: string): boolean {
  return encoded.startsWith(`${HEAD};`);
}

/**
 * Gives each value of an encoded bucket histogram, in whole microseconds, with how often it was recorded.
 * @throws RangeError when the text is none.
 */
export function decodeBuckets(encoded: string, take: (us: number, times: number) => void): void {
  if (!isBuckets(encoded)) throw new RangeError("no encoded bucket histogram");
  const body = encoded.slice(HEAD.length + 1);
  if (body === "") return;
  for (const pair of body.split(",")) {
    const [value, times] = pair.split(":").map((text) => (/^[0-9a-z]{1,10}$/.test(text) ? Number.parseInt(text, 36) : NaN));
    if (value === undefined || times === undefined || !(value <= TRACKABLE_US_MAX) || !(times > 0))
      throw new RangeError(`"${pair.slice(0, 40)}" is no bucket`);
    take(value, times);
  }
}

function bucketOf(us: number): number {
  const shift = us < 2 * HALF ? 0 : Math.floor(Math.log2(us)) - FIRST_BITS + 1;
  return shift * HALF + Math.floor(us / 2 ** shift);
}

function lowestOf(bucket: number): number {
  const shift = bucket < 2 * HALF ? 0 : Math.floor(bucket / HALF) - 1;
  return (bucket - shift * HALF) * 2 ** shift;
}

function highestOf(bucket: number): number {
  const shift = bucket < 2 * HALF ? 0 : Math.floor(bucket / HALF) - 1;
  return (bucket - shift * HALF + 1) * 2 ** shift - 1;
}
