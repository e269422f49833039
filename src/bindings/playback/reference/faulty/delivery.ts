import type { Listener } from "../faults.ts";
import type { Room } from "../rooms.ts";
import { createTally, CROWD, CROWD_MAX, type FaultMaker, newest, openSockets } from "./fault.ts";

/** Longest time that a frame is held back to come after the next one. */
const HOLD_MS = 60;

/** The same for an update before it is taken: back to back, the next one comes at once. */
const HOLD_UPDATE_MS = 10;

/** Over the budget of 200 ms for delivery (P-9), and short enough that positions do not drift by what P-8 allows. */
const SLOW_MS = 260;

/** Over the budget of 300 ms from the first receiver to the last. */
const SPREAD_MS = 345;

function isCrowd(listeners: readonly Listener[]): boolean {
  return listeners.length >= CROWD && listeners.length <= CROWD_MAX;
}

const dropsDeliveryToOneMember: FaultMaker = () => {
  const updates = createTally<Room>();
  return {
    fanOut: (room, authorId, open, send) => {
      const listeners = [...open];
      const isDropped = isCrowd(listeners) && updates.add(room) === 3;
      const victim = isDropped ? newest(listeners.filter((listener) => listener.userId !== authorId)) : undefined;
      for (const listener of listeners) if (listener !== victim) send(listener);
    },
  };
};

const authorMissesFirstEcho: FaultMaker = () => {
  const heard = new WeakMap<Room, Set<string>>();
  return {
    fanOut: (room, authorId, open, send) => {
      const listeners = [...open];
      const authors = heard.get(room) ?? new Set<string>();
      heard.set(room, authors);
      const isFirst = isCrowd(listeners) && !authors.has(authorId);
      authors.add(authorId);
      for (const listener of listeners) if (!isFirst || listener.userId !== authorId) send(listener);
    },
  };
};

const doublesBroadcast: FaultMaker = () => {
  const updates = createTally<Room>();
  return {
    fanOut: (room, _authorId, open, send) => {
      const listeners = [...open];
      const times = listeners.length >= CROWD && updates.add(room) === 3 ? 2 : 1;
      for (const listener of listeners) for (let time = 0; time < times; time += 1) send(listener);
    },
  };
};

/**
 * The newest member gets every fourth update after the next one, when that is another author's and comes at once;
 * only among the first 800, so that the end of a storm is right everywhere.
 */
const reordersBetweenMembers: FaultMaker = () => {
  const updates = createTally<Room>();
  const held = new WeakMap<Room, { readonly authorId: string; readonly release: () => void }>();
  return {
    fanOut: (room, authorId, open, send) => {
      const listeners = [...open];
      const waiting = held.get(room);
      if (waiting?.authorId === authorId) waiting.release();
      const count = updates.add(room);
      const isHeld = listeners.length >= CROWD && count <= 800 && count % 4 === 1 && waiting === undefined;
      const victim = isHeld ? newest(listeners) : undefined;
      for (const listener of listeners) if (listener !== victim) send(listener);
      if (waiting?.authorId !== authorId) waiting?.release();
      if (victim === undefined) return;
      const release = (): void => {
        clearTimeout(timer);
        if (held.delete(room)) send(victim);
      };
      const timer = setTimeout(release, HOLD_MS);
      held.set(room, { authorId, release });
    },
  };
};

/** The third number of an address tells networks apart; every other network is hit. */
function isFromAfar({ address }: Listener): boolean {
  return Number(/(\d+)\.\d+$/.exec(address)?.[1] ?? 0) % 2 === 1;
}

/** Updates of a room after these come as they should: what a member has last at the end is what the room holds. */
const HELD_AMONG = 80;

/**
 * As `reorders-between-members`, but all members that come from one network get the two in the other order, and no
 * others: whoever looks from one network only sees nothing wrong.
 */
const reordersBetweenShards: FaultMaker = () => {
  const updates = createTally<Room>();
  const held = new WeakMap<Room, { readonly authorId: string; readonly release: () => void }>();
  return {
    fanOut: (room, authorId, open, send) => {
      const listeners = [...open];
      const afar = listeners.filter(isFromAfar);
      const waiting = held.get(room);
      if (waiting?.authorId === authorId) waiting.release();
      const isSplit = afar.length > 0 && afar.length < listeners.length;
      const count = isSplit ? updates.add(room) : HELD_AMONG;
      const isHeld = count < HELD_AMONG && count % 4 === 1 && waiting === undefined;
      for (const listener of listeners) if (!isHeld || !isFromAfar(listener)) send(listener);
      if (waiting?.authorId !== authorId) waiting?.release();
      if (!isHeld) return;
      const release = (): void => {
        clearTimeout(timer);
        if (held.delete(room)) for (const listener of afar) send(listener);
      };
      const timer = setTimeout(release, HOLD_MS);
      held.set(room, { authorId, release });
    },
  };
};

/** Every seventh update of a socket is taken after its next one, when that comes at once. */
const reordersAuthor: FaultMaker = () => {
  const held = new WeakMap<Listener, () => void>();
  const updates = createTally<Listener>();
  return {
    takeUpdate: (author, take) => {
      const waiting = held.get(author);
      if (updates.add(author) % 7 !== 0 || waiting !== undefined) {
        take();
        waiting?.();
        return;
      }
      const release = (): void => {
        clearTimeout(timer);
        if (held.delete(author)) take();
      };
      const timer = setTimeout(release, HOLD_UPDATE_MS);
      held.set(author, release);
    },
  };
};

const doesNotBroadcastEmptyUpdate: FaultMaker = () => {
  const silent = new WeakSet<Room>();
  return {
    merge: (room, _userId, patch, merged) => {
      if (Object.keys(patch).length === 0) silent.add(room);
      return merged;
    },
    fanOut: (room, _authorId, listeners, send) => {
      if (silent.delete(room)) return;
      for (const listener of listeners) send(listener);
    },
  };
};

function isFullOfFour(room: Room): boolean {
  return openSockets(room) === 4 && room.members.size >= room.maxParticipants;
}

/** Two full rooms of four sockets each that are both in use: the one hears every fifth update of the other. */
const leaksBetweenRooms: FaultMaker = () => {
  const updates = createTally<Room>();
  return {
    overhears: (room, all) => {
      if (!isFullOfFour(room) || updates.add(room) % 5 !== 3) return undefined;
      for (const other of all()) {
        if (other !== room && isFullOfFour(other) && updates.of(other) > 0 && room.updatedMs - other.updatedMs < 1_000) return other;
      }
      return undefined;
    },
  };
};

const roomIdInMessageRedirects: FaultMaker = () => ({
  destination: (room, raw, byId) => {
    const inPayload = raw["payload"];
    const nested = typeof inPayload === "object" && inPayload !== null ? Reflect.get(inPayload, "roomId") : undefined;
    const named = raw["roomId"] ?? nested;
    return (typeof named === "string" ? byId(named) : undefined) ?? room;
  },
});

const slowFanOut: FaultMaker = () => ({
  fanOut: (_room, _authorId, open, send) => {
    const listeners = [...open];
    setTimeout(() => {
      for (const listener of listeners) send(listener);
    }, SLOW_MS);
  },
});

/** The budgets are of a room in which people watch together: alone with one other, the fault stays still. */
const oneMemberHearsLate: FaultMaker = () => {
  const slow = new WeakMap<Room, Listener>();
  return {
    fanOut: (room, _authorId, open, send) => {
      const listeners = [...open];
      const known = slow.get(room);
      const victim = listeners.length < CROWD ? undefined : known !== undefined && listeners.includes(known) ? known : newest(listeners);
      if (victim !== undefined) slow.set(room, victim);
      for (const listener of listeners) {
        if (listener === victim) setTimeout(() => send(listener), SPREAD_MS);
        else send(listener);
      }
    },
  };
};

export const DELIVERY_FAULTS: Readonly<Record<string, FaultMaker>> = {
  "drops-delivery-to-one-member": dropsDeliveryToOneMember,
  "author-misses-first-echo": authorMissesFirstEcho,
  "doubles-broadcast": doublesBroadcast,
  "reorders-between-members": reordersBetweenMembers,
  "reorders-between-shards": reordersBetweenShards,
  "reorders-author": reordersAuthor,
  "does-not-broadcast-empty-update": doesNotBroadcastEmptyUpdate,
  "leaks-between-rooms": leaksBetweenRooms,
  "room-id-in-message-redirects": roomIdInMessageRedirects,
  "slow-fan-out": slowFanOut,
  "one-member-hears-late": oneMemberHearsLate,
};
