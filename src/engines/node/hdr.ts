import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram as Hdr } from "hdr-histogram-js";
import type { Histogram } from "../../core/histogram.ts";

/** An hour: longer than any run waits for an answer. */
const TRACKABLE_US_MAX = 3_600_000_000;

/** Three significant digits from 1 µs to an hour, as HDR histograms of latencies have. */
export function createHdr(): Histogram & { reset(): void } {
  const hdr: Hdr = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: TRACKABLE_US_MAX,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });
  return {
    record(valueMs) {
      const us = Math.round(valueMs * 1000);
      hdr.recordValue(us < 1 ? 1 : us > TRACKABLE_US_MAX ? TRACKABLE_US_MAX : us);
    },
    get count() {
      return hdr.totalCount;
    },
    percentileMs: (p) => (hdr.totalCount === 0 ? 0 : hdr.getValueAtPercentile(p) / 1000),
    get maxMs() {
      return hdr.totalCount === 0 ? 0 : hdr.maxValue / 1000;
    },
    encode: () => encodeIntoCompressedBase64(hdr),
    merge(encoded) {
      hdr.add(decodeFromCompressedBase64(encoded));
    },
    reset: () => hdr.reset(),
  };
}
