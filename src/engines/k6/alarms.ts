import type { Alarm, Alarms } from "../node/surroundings.ts";

/** Timers of the runtime. */
export interface Timers {
  setTimeout(act: () => void, ms: number): number;
  clearTimeout(timer: number): void;
}

interface Slot {
  atMs: number;
  readonly ring: (nowMs: number) => void;
}

interface Due {
  readonly atMs: number;
  readonly slot: Slot;
}

/**
 * Many alarms on one timer, which is set for the next of them: a VU with one client must not turn a wheel every
 * millisecond. What is due while a turn comes late is rung in that turn; `late` hears by how much.
 */
export function createTimerAlarms(nowMs: () => number, timers: Timers, late: (ms: number) => void): Alarms {
  const heap: Due[] = [];
  let timer: number | undefined;
  let timerAtMs = Infinity;
  let isOver = false;
  const arm = (): void => {
    const atMs = heap[0]?.atMs ?? Infinity;
    if (isOver || atMs >= timerAtMs) return;
    if (timer !== undefined) timers.clearTimeout(timer);
    timerAtMs = atMs;
    timer = timers.setTimeout(turn, Math.max(0, atMs - nowMs()));
  };
  const turn = (): void => {
    const now = nowMs();
    if (Number.isFinite(timerAtMs)) late(Math.max(0, now - timerAtMs));
    timer = undefined;
    timerAtMs = Infinity;
    for (let first = heap[0]; first !== undefined && first.atMs <= now && !isOver; first = heap[0]) {
      pop(heap);
      if (first.slot.atMs !== first.atMs) continue;
      first.slot.atMs = Infinity;
      first.slot.ring(now);
    }
    arm();
  };
  return {
    create: (ring): Alarm => {
      const slot: Slot = { atMs: Infinity, ring };
      return {
        set(atMs) {
          if (slot.atMs === atMs) return;
          slot.atMs = atMs;
          if (atMs === Infinity) return;
          push(heap, { atMs, slot });
          arm();
        },
      };
    },
    stop: () => {
      isOver = true;
      if (timer !== undefined) timers.clearTimeout(timer);
      heap.length = 0;
    },
  };
}

function push(heap: Due[], due: Due): void {
  let at = heap.length;
  heap.push(due);
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || parent.atMs <= due.atMs) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = due;
}

function pop(heap: Due[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    const right = left + 1;
    let below = left;
    if ((heap[right]?.atMs ?? Infinity) < (heap[left]?.atMs ?? Infinity)) below = right;
    const child = heap[below];
    if (child === undefined || child.atMs >= last.atMs) break;
    heap[at] = child;
    at = below;
  }
  heap[at] = last;
}
