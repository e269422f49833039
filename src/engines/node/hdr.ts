import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram as Hdr } from "hdr-histogram-js";
import { decodeBuckets, isBuckets } from "../../core/bucket-histogram.ts";
import type { Histogram } from "../../core/histogram.ts";

/** An hour: longer than any run waits for an answer. */
const TRACKABLE_US_MAX = 3_600_000_000;

/** Three significant digits keep 2,048 values apart in the first bucket, and half as many in each that is twice as wide. */
const HALF_BUCKET = 1024;
const BITS_OF_FIRST = 11;

/** What is shorter than this (17 s) is first counted here; longer is rare. */
const COUNTED_BITS = 24;
const COUNTED_US_MAX = 2 ** COUNTED_BITS - 1;
const SLOTS = (COUNTED_BITS - BITS_OF_FIRST + 2) * HALF_BUCKET;

/**
 * Three significant digits from 1 µs to an hour, as HDR histograms of latencies have. Each delivery is recorded twice,
 * so values are counted in the histogram's own slots first (4 ns, where the library takes 60) and handed to it when
 * somebody looks.
 */
export function createHdr(): Histogram & { reset(): void } {
  const hdr: Hdr = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: TRACKABLE_US_MAX,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
  /** Made with the first value: many histograms never get one. */
  let slots: Uint32Array | undefined;
  let top = -1;
  const whole = (): Hdr => {
    for (let slot = 0; slot <= top; slot += 1) {
      const count = slots?.[slot] ?? 0;
      if (count === 0) continue;
      const bucket = Math.max(0, Math.floor(slot / HALF_BUCKET) - 1);
      hdr.recordValueWithCount((slot - bucket * HALF_BUCKET) * 2 ** bucket, count);
      if (slots !== undefined) slots[slot] = 0;
    }
    top = -1;
    return hdr;
  };
  return {
    record(valueMs) {
      const us = Math.round(valueMs * 1000);
      if (us > COUNTED_US_MAX) {
        hdr.recordValue(us > TRACKABLE_US_MAX ? TRACKABLE_US_MAX : us);
        return;
      }
      slots ??= new Uint32Array(SLOTS);
      const value = us < 1 ? 1 : us;
      const bits = 32 - Math.clz32(value);
      const bucket = bits > BITS_OF_FIRST ? bits - BITS_OF_FIRST : 0;
      const slot = bucket * HALF_BUCKET + (value >> bucket);
      slots[slot] = (slots[slot] ?? 0) + 1;
      if (slot > top) top = slot;
    },
    get count() {
      return whole().totalCount;
    },
    percentileMs: (p) => (whole().totalCount === 0 ? 0 : hdr.getValueAtPercentile(p) / 1000),
    get maxMs() {
      return whole().totalCount === 0 ? 0 : hdr.maxValue / 1000;
    },
    encode: () => encodeIntoCompressedBase64(whole()),
    merge(encoded) {
      if (isBuckets(encoded)) decodeBuckets(encoded, (us, times) => hdr.recordValueWithCount(us, times));
      else hdr.add(decodeFromCompressedBase64(encoded));
    },
    reset: () => {
      slots?.fill(0);
      top = -1;
      hdr.reset();
    },
  };
}
