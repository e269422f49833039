/** A mergeable histogram of durations; the engine gives an HDR one, percentiles are never averaged. */
export interface Histogram {
  /** Milliseconds, 0 or more; fractions count. */
  record(valueMs: number): void;
  readonly count: number;
  /** `p` in 0…100. 0 when nothing was recorded. */
  percentileMs(p: number): number;
  readonly maxMs: number;
  /** A portable form that `merge` of another instance takes. */
  encode(): string;
  merge(encoded: string): void;
}

export type HistogramMaker = () => Histogram;

/** The figures of a histogram as reports show them; milliseconds. */
export interface LatencyFigures {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Figures of a histogram, rounded to hundredths of a millisecond. */
export function figuresOf(histogram: Histogram): LatencyFigures {
  const at = (p: number): number => Math.round(histogram.percentileMs(p) * 100) / 100;
  return {
    count: histogram.count,
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    p999: at(99.9),
    max: Math.round(histogram.maxMs * 100) / 100,
  };
}
