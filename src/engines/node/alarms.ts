/** Wakes at a time; setting it again replaces the earlier time, Infinity means never. */
export interface Alarm {
  set(atMs: number): void;
}

/** Many alarms on one timer. */
export interface Alarms {
  create(ring: (nowMs: number) => void): Alarm;
  stop(): void;
}

interface Slot {
  atMs: number;
  readonly ring: (nowMs: number) => void;
}

/** How often the wheel turns: planned times are kept to within this. 5 ms would add 2.5 ms to every latency. */
const TICK_MS = 1;

/**
 * A wheel of 1 ms buckets on one interval: a timer per client costs memory and, at thousands, processor time. A turn
 * that comes late rings everything due since the last one, so that no tick is lost.
 */
export function createAlarms(nowMs: () => number): Alarms {
  const buckets = new Map<number, Slot[]>();
  let turned = Math.floor(nowMs() / TICK_MS);
  const turn = (): void => {
    const now = nowMs();
    const upTo = Math.floor(now / TICK_MS);
    while (turned < upTo) {
      turned += 1;
      const due = buckets.get(turned);
      if (due === undefined) continue;
      buckets.delete(turned);
      for (const slot of due) {
        if (Math.ceil(slot.atMs / TICK_MS) > turned) continue;
        slot.atMs = Infinity;
        slot.ring(now);
      }
    }
  };
  const timer = setInterval(turn, TICK_MS);
  return {
    create: (ring) => {
      const slot: Slot = { atMs: Infinity, ring };
      return {
        set(atMs) {
          const before = slot.atMs;
          slot.atMs = atMs;
          if (atMs === Infinity) return;
          const bucket = Math.max(turned + 1, Math.ceil(atMs / TICK_MS));
          if (before !== Infinity && Math.max(turned + 1, Math.ceil(before / TICK_MS)) === bucket) return;
          const slots = buckets.get(bucket);
          if (slots === undefined) buckets.set(bucket, [slot]);
          else slots.push(slot);
        },
      };
    },
    stop: () => clearInterval(timer),
  };
}
