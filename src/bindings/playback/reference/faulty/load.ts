import type { Listener } from "../faults.ts";
import type { FaultMaker } from "./fault.ts";

/** A swapped frame whose successor never comes is let go after this. */
const HOLD_MS_MAX = 1_000;

/** How long the stall lasts, and how long after the first update it comes. */
const STALL_MS = 1_000;
const STALL_AFTER_MS = 4_000;

/** Whether this delivery is the one in so many; the first after half of them, so that a short run sees one. */
function isStruck(delivery: number, rate: number): boolean {
  return delivery % rate === Math.floor(rate / 2);
}

const dropsOne: FaultMaker = ({ rate }) => {
  let deliveries = 0;
  return {
    fanOut: (_room, _authorId, listeners, send) => {
      for (const listener of listeners) {
        deliveries += 1;
        if (!isStruck(deliveries, rate)) send(listener);
      }
    },
  };
};

const swapsOnePair: FaultMaker = ({ rate }) => {
  let deliveries = 0;
  const held = new Map<Listener, () => void>();
  return {
    fanOut: (_room, _authorId, listeners, send) => {
      for (const listener of listeners) {
        deliveries += 1;
        const waiting = held.size === 0 ? undefined : held.get(listener);
        if (waiting === undefined && isStruck(deliveries, rate)) {
          const release = (): void => {
            clearTimeout(timer);
            if (held.delete(listener)) send(listener);
          };
          const timer = setTimeout(release, HOLD_MS_MAX);
          held.set(listener, release);
          continue;
        }
        send(listener);
        waiting?.();
      }
    },
  };
};

/** The whole process stands still, once. */
const stallsOneSecond: FaultMaker = () => {
  let isArmed = true;
  return {
    fanOut: (_room, _authorId, listeners, send) => {
      if (isArmed) {
        isArmed = false;
        setTimeout(block, STALL_AFTER_MS, STALL_MS).unref();
      }
      for (const listener of listeners) send(listener);
    },
  };
};

/** Blocks the event loop without using the processor. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export const LOAD_FAULTS: Readonly<Record<string, FaultMaker>> = {
  "drops-one-in-100000": dropsOne,
  "swaps-one-pair-in-100000": swapsOnePair,
  "stalls-one-second": stallsOneSecond,
};
