import { describe, expect, it } from "vitest";
import { createHdr } from "../engines/node/hdr.ts";
import { createBucketHistogram, decodeBuckets } from "./bucket-histogram.ts";
import { figuresOf } from "./histogram.ts";
import { createPrng } from "./prng.ts";

const prng = createPrng("buckets");
const values = Array.from({ length: 5000 }, () => prng.next() ** 6 * 40_000);

describe("a bucket histogram", () => {
  it("has the figures of an HDR histogram, recorded and merged", () => {
    const hdr = createHdr();
    const merged = createHdr();
    const parts = [createBucketHistogram(), createBucketHistogram()];
    values.forEach((value, index) => {
      hdr.record(value);
      parts[index % 2]?.record(value);
    });
    const whole = createBucketHistogram();
    for (const part of parts) {
      merged.merge(part.encode());
      whole.merge(part.encode());
    }
    expect(figuresOf(merged)).toEqual(figuresOf(hdr));
    expect(figuresOf(whole)).toEqual(figuresOf(hdr));
  });

  it("holds its ends, and nothing", () => {
    const histogram = createBucketHistogram();
    expect(figuresOf(histogram)).toEqual(figuresOf(createHdr()));
    expect(histogram.encode()).toBe(createBucketHistogram().encode());
    for (const value of [0, 0.0004, 1, 2.047, 2.048, 4_000_000]) histogram.record(value);
    expect(histogram.count).toBe(6);
    expect(histogram.percentileMs(0)).toBe(0.001);
    expect(histogram.percentileMs(50)).toBe(1);
    histogram.reset();
    expect(histogram.maxMs).toBe(0);
  });

  it("refuses what it has not encoded", () => {
    for (const text of ["", "buckets1;x", "buckets1;1:0", "buckets1;zzzzzzz:1", "HISTFAAAA"])
      expect(() => decodeBuckets(text, () => undefined), text).toThrow(RangeError);
  });
});
