import { build } from "hdr-histogram-js";
import { expect, test } from "vitest";
import { createPrng } from "../../core/prng.ts";
import { createHdr } from "./hdr.ts";

test("counts as the library does, whatever the value, and again after a reset", () => {
  const hdr = createHdr();
  const prng = createPrng("hdr");
  for (let round = 0; round < 2; round += 1) {
    const plain = build({ highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3, useWebAssembly: false });
    const values = [0, -1, 0.0004, 0.001, 1.023, 1.024, 1.025, 2.047, 2.048, 2.049, 16_777.215, 16_777.216, 3_600_000, 4_000_000];
    for (let index = 0; index < 2000; index += 1) values.push(10 ** (prng.next() * 9 - 3));
    for (const value of values) {
      hdr.record(value);
      plain.recordValue(Math.min(3_600_000_000, Math.max(1, Math.round(value * 1000))));
    }
    expect(hdr.count).toBe(values.length);
    expect(hdr.maxMs).toBe(plain.maxValue / 1000);
    for (const p of [0, 1, 25, 50, 90, 99, 99.9, 100]) expect(hdr.percentileMs(p)).toBe(plain.getValueAtPercentile(p) / 1000);
    const other = createHdr();
    other.merge(hdr.encode());
    expect([other.count, other.percentileMs(50)]).toEqual([hdr.count, hdr.percentileMs(50)]);
    hdr.reset();
    expect([hdr.count, hdr.maxMs, hdr.percentileMs(50)]).toEqual([0, 0, 0]);
  }
});
