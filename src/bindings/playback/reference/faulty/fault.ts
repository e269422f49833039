import type { Faults, Listener } from "../faults.ts";
import type { Room } from "../rooms.ts";

/** What a fault is made with. */
export interface FaultOptions {
  /** One fault in so many deliveries. */
  readonly rate: number;
  /** The scaled minute that a room lives. */
  readonly roomLifeMs: number;
}

/** Makes one fault's own answers; those it does not give stay pristine. */
export type FaultMaker = (options: FaultOptions) => Partial<Faults>;

/** A number kept per key, from 0; keys that are gone take theirs along. */
export interface Tally<Key extends object> {
  of(key: Key): number;
  add(key: Key): number;
  reset(key: Key): void;
}

export function createTally<Key extends object>(): Tally<Key> {
  const counts = new WeakMap<Key, number>();
  return {
    of: (key) => counts.get(key) ?? 0,
    add: (key) => {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count;
    },
    reset: (key) => {
      counts.delete(key);
    },
  };
}

/**
 * Faults in delivery act only where at least so many sockets are open, so that the many checks that use a room of two
 * to four to look at something else stay as they were.
 */
export const CROWD = 5;

/** Some act in no greater crowd either: after a storm of twenty users, a lost broadcast would hide what they agree on. */
export const CROWD_MAX = 12;

/** Open sockets of a room. */
export function openSockets(room: Room): number {
  let count = 0;
  for (const sockets of room.members.values()) count += sockets;
  return count;
}

/** The listener that came last; undefined when there is none. */
export function newest(listeners: readonly Listener[]): Listener | undefined {
  return listeners.at(-1);
}
