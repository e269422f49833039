import { expect, test } from "vitest";
import { createGathering } from "./gathering.ts";

/** Plays `readsPerMs` for 200 ms in turns of a tenth of a millisecond, and gives how long was rested, and the longest rest. */
function play(readsPerMs: number): { readonly restedMs: number; readonly longestMs: number } {
  let nowMs = 1000;
  let restedMs = 0;
  let longestMs = 0;
  let turn: (() => void) | undefined;
  const gathering = createGathering(
    () => nowMs,
    (ms) => {
      nowMs += ms;
      restedMs += ms;
      longestMs = Math.max(longestMs, ms);
    },
    (act) => {
      expect(turn).toBe(undefined);
      turn = act;
    },
  );
  let read = 0;
  while (nowMs < 1200) {
    for (; read < (nowMs - 1000) * readsPerMs; read += 1) gathering.arrived();
    const due = turn;
    turn = undefined;
    due?.();
    nowMs += 0.1;
  }
  return { restedMs, longestMs };
}

test("few reads are taken as they come; many wait for each other, half a millisecond at most", () => {
  expect(play(3).restedMs).toBe(0);
  const { restedMs, longestMs } = play(20);
  expect(restedMs).toBeGreaterThan(50);
  expect(longestMs).toBeLessThanOrEqual(0.5);
});
