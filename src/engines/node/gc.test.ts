import { expect, test } from "vitest";
import { watchGc } from "./gc.ts";

test("pauses of the garbage collector are counted, and counted anew after a reset", async () => {
  const watch = watchGc();
  try {
    let kept: unknown[] = [];
    const untilMs = performance.now() + 5000;
    while (watch.pauses.count === 0 && performance.now() < untilMs) {
      kept = Array.from({ length: 200_000 }, (_, index) => ({ index }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(kept.length).toBeGreaterThan(0);
    const { count, totalMs, maxMs } = watch.pauses;
    expect(count).toBeGreaterThan(0);
    expect(maxMs).toBeGreaterThan(0);
    expect(totalMs).toBeGreaterThanOrEqual(maxMs);
    watch.reset();
    expect(watch.pauses).toEqual({ count: 0, totalMs: 0, maxMs: 0 });
  } finally {
    watch.stop();
  }
});
