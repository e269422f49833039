import { describe, expect, it } from "vitest";
import { createPrng } from "../../core/prng.ts";
import { createTimerAlarms } from "./alarms.ts";

/** Timers of a runtime whose clock stands still until it is told to go on, and may come late. */
function standing(): { nowMs: number; readonly timers: Parameters<typeof createTimerAlarms>[1]; pass(toMs: number): void } {
  const due = new Map<number, { readonly atMs: number; readonly act: () => void }>();
  let next = 0;
  const clock = {
    nowMs: 0,
    timers: {
      setTimeout: (act: () => void, ms: number): number => {
        next += 1;
        due.set(next, { atMs: clock.nowMs + ms, act });
        return next;
      },
      clearTimeout: (timer: number): void => void due.delete(timer),
    },
    pass: (toMs: number): void => {
      for (;;) {
        const [first] = [...due].toSorted(([, left], [, right]) => left.atMs - right.atMs);
        if (first === undefined || first[1].atMs > toMs) break;
        due.delete(first[0]);
        clock.nowMs = Math.max(clock.nowMs, first[1].atMs);
        first[1].act();
      }
      clock.nowMs = toMs;
    },
  };
  return clock;
}

describe("alarms on one timer", () => {
  it("ring in the order of their times, once, and not when set anew or to never", () => {
    const clock = standing();
    const alarms = createTimerAlarms(
      () => clock.nowMs,
      clock.timers,
      () => undefined,
    );
    const prng = createPrng("alarms");
    const wanted: number[] = [];
    const rung: number[] = [];
    for (let index = 0; index < 200; index += 1) {
      const alarm = alarms.create((nowMs) => rung.push(nowMs));
      alarm.set(prng.below(1000));
      const atMs = prng.below(1000);
      alarm.set(index % 3 === 0 ? Infinity : atMs);
      if (index % 3 !== 0) wanted.push(atMs);
    }
    clock.pass(2000);
    expect(rung).toEqual(wanted.toSorted((left, right) => left - right));
  });

  it("ring all that is due when a turn comes late, and tell how late", () => {
    const clock = standing();
    const late: number[] = [];
    const alarms = createTimerAlarms(
      () => clock.nowMs,
      clock.timers,
      (ms) => late.push(ms),
    );
    const rung: string[] = [];
    alarms.create(() => rung.push("first")).set(10);
    alarms.create(() => rung.push("second")).set(20);
    clock.nowMs = 50;
    clock.pass(60);
    expect(rung).toEqual(["first", "second"]);
    expect(late).toEqual([40]);
  });

  it("ring no more once stopped", () => {
    const clock = standing();
    const alarms = createTimerAlarms(
      () => clock.nowMs,
      clock.timers,
      () => undefined,
    );
    let rung = 0;
    alarms.create(() => (rung += 1)).set(10);
    alarms.stop();
    clock.pass(100);
    expect(rung).toBe(0);
  });
});
