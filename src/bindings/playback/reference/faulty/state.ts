import type { Listener } from "../faults.ts";
import { type Patch, type Playback, playbackState, type PlaybackState, type Room } from "../rooms.ts";
import { createTally, type FaultMaker, openSockets } from "./fault.ts";

/** Positions go wrong this long after the last update: most checks look at a state sooner. */
const POSITION_GRACE_MS = 2_000;

function named(patch: Patch): readonly string[] {
  return Object.keys(patch);
}

const mergeLosesField: FaultMaker = () => ({
  merge: (_room, _userId, patch, merged) => {
    const changesSpeed = patch.playbackSpeed !== undefined && patch.mediaType === undefined;
    return changesSpeed && named(patch).length <= 2 ? { ...merged, mediaType: "" } : merged;
  },
});

/** Alone or by two: where more act at once, it would look as if a pause had undone another's seek. */
const pauseForgetsPosition: FaultMaker = () => ({
  merge: (room, _userId, patch, merged) => {
    const isPause = patch.isPlaying === false && patch.currentTime === undefined && openSockets(room) <= 2;
    return isPause && room.playback.isPlaying ? { ...merged, currentTime: 0 } : merged;
  },
});

const updateNamesItsAuthor: FaultMaker = () => ({
  author: (userId, payload) => (typeof payload["lastUpdatedBy"] === "string" ? payload["lastUpdatedBy"] : userId),
});

/**
 * Read, change, write back without care: an update of another user in the same turn of the event loop is merged into
 * the state from before the turn.
 */
const simultaneousUpdateIsLost: FaultMaker = () => {
  const turns = new WeakMap<Room, { readonly before: Playback; readonly userId: string }>();
  return {
    merge: (room, userId, patch, merged) => {
      const turn = turns.get(room);
      if (turn === undefined) {
        turns.set(room, { before: room.playback, userId });
        setImmediate(() => turns.delete(room));
        return merged;
      }
      return turn.userId === userId ? merged : { ...turn.before, ...patch };
    },
  };
};

const positionStopsWhilePlaying: FaultMaker = () => ({
  mediaElapsedMs: (_room, elapsedMs) => Math.min(elapsedMs, POSITION_GRACE_MS),
});

/** Only in rooms that have been playing, and some time after the pause. */
const positionRunsOnAfterPause: FaultMaker = () => {
  const played = new WeakSet<Room>();
  return {
    mediaElapsedMs: (room, elapsedMs, nowMs) => {
      if (room.playback.isPlaying) played.add(room);
      if (room.playback.isPlaying || !played.has(room)) return elapsedMs;
      return Math.max(0, nowMs - room.updatedMs - POSITION_GRACE_MS);
    },
  };
};

/** Some time after the last update, the media moves as if its speed were 1. */
const positionIgnoresSpeed: FaultMaker = () => ({
  mediaElapsedMs: (room, elapsedMs, nowMs) => {
    const tooLongMs = nowMs - room.updatedMs - POSITION_GRACE_MS;
    if (!room.playback.isPlaying || tooLongMs <= 0) return elapsedMs;
    return POSITION_GRACE_MS * room.playback.playbackSpeed + tooLongMs;
  },
});

const broadcastLacksField: FaultMaker = () => ({
  broadcast: (state, _room, patch) => {
    if (named(patch).length !== 1) return state;
    const { playbackSpeed: _speed, ...rest } = state;
    return rest;
  },
});

const syncGoesToEverybody: FaultMaker = () => ({ askedBy: () => "everybody" });

/** The second of two requests in quick succession, with no update between, gets no answer. */
const hastyRequestIsUnanswered: FaultMaker = () => {
  const askedMs = new WeakMap<Listener, number>();
  return {
    askedBy: (asker, nowMs) => {
      const lastMs = askedMs.get(asker) ?? -Infinity;
      const isHasty = nowMs - lastMs < 250 && lastMs > asker.room.updatedMs;
      askedMs.set(asker, nowMs);
      return isHasty ? "nobody" : "asker";
    },
  };
};

/** An update of four fields or more, with a speed of its own, is not shown to others who ask, until the next update. */
const syncShowsStateBefore: FaultMaker = () => {
  const before = new WeakMap<Room, PlaybackState>();
  return {
    merge: (room, _userId, patch, merged, nowMs) => {
      if (named(patch).length >= 4 && patch.playbackSpeed !== 1) before.set(room, playbackState(room, nowMs));
      else before.delete(room);
      return merged;
    },
    answer: (state, asker) => {
      const stale = asker.userId === state.playbackState?.lastUpdatedBy ? undefined : before.get(asker.room);
      return stale === undefined ? state : { ...state, playbackState: stale };
    },
  };
};

/**
 * In a storm (six updates in 100 ms) the answer comes from a copy that is up to 100 ms old. In rooms of five to nine
 * only: the others are asked right behind a burst, where it would look like something else.
 */
const stormSyncIsStale: FaultMaker = () => {
  const copies = new WeakMap<Room, { readonly state: PlaybackState; readonly atMs: number; updates: number }>();
  return {
    merge: (room, _userId, _patch, merged, nowMs) => {
      const copy = copies.get(room);
      if (copy === undefined || nowMs - copy.atMs > 100) copies.set(room, { state: playbackState(room, nowMs), atMs: nowMs, updates: 1 });
      else copy.updates += 1;
      return merged;
    },
    answer: (state, asker, nowMs) => {
      const copy = copies.get(asker.room);
      const sockets = openSockets(asker.room);
      if (sockets < 5 || sockets > 9) return state;
      const isStorm = copy !== undefined && copy.updates >= 6 && nowMs - asker.room.updatedMs < 20 && nowMs - copy.atMs <= 100;
      return isStorm ? { ...state, playbackState: copy.state } : state;
    },
  };
};

/** Who enters a room for the first time after at least five updates gets the state of a fresh room. */
const lateJoinerGetsInitialState: FaultMaker = () => {
  const updates = createTally<Room>();
  const known = new WeakMap<Room, Set<string>>();
  const users = (room: Room): Set<string> => {
    const set = known.get(room) ?? new Set<string>();
    known.set(room, set);
    return set;
  };
  return {
    merge: (room, userId, _patch, merged) => {
      updates.add(room);
      for (const member of room.members.keys()) users(room).add(member);
      users(room).add(userId);
      return merged;
    },
    answer: (state, asker) => {
      const isLate = updates.of(asker.room) >= 5 && !users(asker.room).has(asker.userId);
      if (!isLate || state.playbackState === null) return state;
      const initial = { mediaUrl: "", mediaType: "", isPlaying: false, currentTime: 0, playbackSpeed: 1 };
      return { ...state, playbackState: { ...state.playbackState, ...initial } };
    },
  };
};

/** A room that was made with media shows none of it, nor anything else, until its first update. */
const freshRoomHasNoState: FaultMaker = () => {
  const updates = createTally<Room>();
  return {
    merge: (room, _userId, _patch, merged) => {
      updates.add(room);
      return merged;
    },
    answer: (state, asker) =>
      updates.of(asker.room) === 0 && asker.room.playback.mediaUrl !== "" ? { ...state, playbackState: null } : state,
  };
};

/** Where more than a dozen users wrote, what is told on request is not what was broadcast. */
const syncDiffersAfterStorm: FaultMaker = () => {
  const authors = new WeakMap<Room, Set<string>>();
  return {
    merge: (room, userId, _patch, merged) => {
      const known = authors.get(room) ?? new Set<string>();
      authors.set(room, known.add(userId));
      return merged;
    },
    answer: (state, asker) => {
      const playback = state.playbackState;
      if (playback === null || (authors.get(asker.room)?.size ?? 0) <= 12) return state;
      return { ...state, playbackState: { ...playback, currentTime: playback.currentTime + 1 } };
    },
  };
};

/** Who lost the connection and comes back is told the state at which it left. */
const returningUserGetsOldState: FaultMaker = () => {
  const left = new WeakMap<Room, Map<string, PlaybackState>>();
  return {
    isGone: ({ room, userId }, code) => {
      if (code !== 1006) return true;
      const states = left.get(room) ?? new Map<string, PlaybackState>();
      left.set(room, states.set(userId, playbackState(room, room.updatedMs)));
      return true;
    },
    answer: (state, asker) => {
      const old = left.get(asker.room)?.get(asker.userId);
      return old === undefined ? state : { ...state, playbackState: old };
    },
  };
};

export const STATE_FAULTS: Readonly<Record<string, FaultMaker>> = {
  "merge-loses-field": mergeLosesField,
  "pause-forgets-position": pauseForgetsPosition,
  "update-names-its-author": updateNamesItsAuthor,
  "simultaneous-update-is-lost": simultaneousUpdateIsLost,
  "position-stops-while-playing": positionStopsWhilePlaying,
  "position-runs-on-after-pause": positionRunsOnAfterPause,
  "position-ignores-speed": positionIgnoresSpeed,
  "broadcast-lacks-field": broadcastLacksField,
  "sync-goes-to-everybody": syncGoesToEverybody,
  "hasty-request-is-unanswered": hastyRequestIsUnanswered,
  "sync-shows-state-before": syncShowsStateBefore,
  "storm-sync-is-stale": stormSyncIsStale,
  "late-joiner-gets-initial-state": lateJoinerGetsInitialState,
  "fresh-room-has-no-state": freshRoomHasNoState,
  "sync-differs-after-storm": syncDiffersAfterStorm,
  "returning-user-gets-old-state": returningUserGetsOldState,
};
