import { PerformanceObserver } from "node:perf_hooks";
import type { GcPauses } from "../../core/result.ts";

/** Counts the pauses of this process's garbage collector. */
export interface GcWatch {
  readonly pauses: GcPauses;
  reset(): void;
  stop(): void;
}

/** Begins to count; what is told of pauses comes in a turn of its own, at no cost between them. */
export function watchGc(): GcWatch {
  let pauses: GcPauses = { count: 0, totalMs: 0, maxMs: 0 };
  const take = (durations: readonly { readonly duration: number }[]): void => {
    for (const { duration } of durations)
      pauses = { count: pauses.count + 1, totalMs: pauses.totalMs + duration, maxMs: Math.max(pauses.maxMs, duration) };
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  return {
    get pauses() {
      take(observer.takeRecords());
      return pauses;
    },
    reset: () => {
      observer.takeRecords();
      pauses = { count: 0, totalMs: 0, maxMs: 0 };
    },
    stop: () => observer.disconnect(),
  };
}
