import type { Patch } from "../rooms.ts";
import { SHARED_PRISTINE, type SharedFaults } from "./faults.ts";

/**
 * Faults in delivery act only where so many of a room's sockets are at this replica: the many checks that use a small
 * room to look at something else stay as they were.
 */
const CROWD_HERE = 3;

/** Longest time that an update is held back to come after the next one. */
const HOLD_MS = 60;

/** Updates after these come as they should, so that the end of a storm is right everywhere. */
const HELD_AMONG = 800;

type Maker = () => Partial<SharedFaults>;

/** What members here hear of is what is done here. */
const noRedisFanout: Maker = () => ({
  arrive: ({ isOwn, listeners }, send) => {
    if (isOwn || listeners < CROWD_HERE) send();
  },
});

/**
 * Every fourth update of an author elsewhere is told after the next one of an author here, when that comes at once:
 * each replica's members agree, and each author's updates stay in order.
 */
const reordersAcrossReplicas: Maker = () => {
  const held = new Map<string, () => void>();
  const counts = new Map<string, number>();
  return {
    arrive: ({ roomId, isOwn, listeners }, send) => {
      const count = (counts.get(roomId) ?? 0) + 1;
      counts.set(roomId, count);
      const waiting = held.get(roomId);
      if (isOwn) {
        send();
        waiting?.();
        return;
      }
      waiting?.();
      if (listeners < CROWD_HERE || count > HELD_AMONG || count % 4 !== 0) return send();
      const release = (): void => {
        clearTimeout(timer);
        if (held.delete(roomId)) send();
      };
      const timer = setTimeout(release, HOLD_MS);
      held.set(roomId, release);
    },
  };
};

/** Reads the state, merges, and writes it back whole: one after the other at this replica, but not across them. */
const writesBackWholeState: Maker = () => {
  const last = new Map<string, Promise<unknown>>();
  return {
    write: (roomId, patch, read) => {
      const merge = async (): Promise<Patch> => ({ ...playbackOf(await read()), ...patch });
      const merged = (last.get(roomId) ?? Promise.resolve()).then(merge, merge);
      last.set(roomId, merged);
      return merged;
    },
  };
};

function playbackOf(state: Patch | undefined): Patch {
  if (state === undefined) return {};
  const { mediaUrl, mediaType, isPlaying, currentTime, playbackSpeed } = state;
  return { mediaUrl, mediaType, isPlaying, currentTime, playbackSpeed } as Patch;
}

const MAKERS: Readonly<Record<string, Maker>> = {
  "no-redis-fanout": noRedisFanout,
  "reorders-across-replicas": reordersAcrossReplicas,
  "writes-back-whole-state": writesBackWholeState,
};

/** Every fault that only servers on shared rooms have. */
export const SHARED_FAULT_IDS: readonly string[] = Object.keys(MAKERS);

/** The pristine server's answers when `id` is undefined, or is no fault of shared rooms. */
export function createSharedFaults(id: string | undefined): SharedFaults {
  const make = id !== undefined && Object.hasOwn(MAKERS, id) ? MAKERS[id] : undefined;
  return make === undefined ? SHARED_PRISTINE : { ...SHARED_PRISTINE, ...make() };
}
