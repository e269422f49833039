import type { Alarms } from "./surroundings.ts";

export type { Alarm, Alarms } from "./surroundings.ts";

interface Slot {
  atMs: number;
  /** The tick that it waits at; where it lies in other buckets too, those places are stale. */
  tick: number;
  readonly ring: (nowMs: number) => void;
}

/** How often the wheel turns: planned times are kept to within this. 5 ms would add 2.5 ms to every latency. */
const TICK_MS = 1;

/** Ticks in one round of the wheel, half a minute; what is due later waits at the far end and is put on again there. */
const TICKS = 2 ** 15;

/**
 * A wheel of 1 ms buckets on one interval: a timer per client costs memory and, at thousands, processor time. A turn
 * that comes late rings everything due since the last one, so that no tick is lost.
 */
export function createAlarms(nowMs: () => number): Alarms {
  const buckets: (Slot[] | undefined)[] = Array.from({ length: TICKS });
  let turned = Math.floor(nowMs() / TICK_MS);
  const put = (slot: Slot): void => {
    const tick = Math.min(Math.max(turned + 1, Math.ceil(slot.atMs / TICK_MS)), turned + TICKS - 1);
    if (slot.tick === tick) return;
    slot.tick = tick;
    const bucket = buckets[tick % TICKS];
    if (bucket === undefined) buckets[tick % TICKS] = [slot];
    else bucket.push(slot);
  };
  const turn = (): void => {
    const now = nowMs();
    const upTo = Math.floor(now / TICK_MS);
    while (turned < upTo) {
      turned += 1;
      const due = buckets[turned % TICKS];
      if (due === undefined) continue;
      buckets[turned % TICKS] = undefined;
      for (const slot of due) {
        if (slot.tick !== turned) continue;
        slot.tick = -1;
        if (Math.ceil(slot.atMs / TICK_MS) > turned) {
          put(slot);
          continue;
        }
        slot.atMs = Infinity;
        slot.ring(now);
      }
    }
  };
  const timer = setInterval(turn, TICK_MS);
  return {
    create: (ring) => {
      const slot: Slot = { atMs: Infinity, tick: -1, ring };
      return {
        set(atMs) {
          slot.atMs = atMs;
          if (atMs === Infinity) slot.tick = -1;
          else put(slot);
        },
      };
    },
    stop: () => clearInterval(timer),
  };
}
