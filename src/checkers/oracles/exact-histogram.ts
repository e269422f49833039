import type { Histogram } from "../../core/histogram.ts";

/** A histogram for tests: keeps every value. */
export function exactHistogram(): Histogram {
  const values: number[] = [];
  return {
    record: (valueMs) => {
      values.push(valueMs);
    },
    get count() {
      return values.length;
    },
    percentileMs: (p) => [...values].sort((left, right) => left - right)[Math.max(0, Math.ceil((p / 100) * values.length) - 1)] ?? 0,
    get maxMs() {
      return Math.max(0, ...values);
    },
    encode: () => JSON.stringify(values),
    merge: (encoded) => {
      values.push(...(JSON.parse(encoded) as number[]));
    },
  };
}
