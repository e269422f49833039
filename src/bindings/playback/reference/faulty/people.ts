import type { Room } from "../rooms.ts";
import { createTally, CROWD, type FaultMaker, openSockets } from "./fault.ts";

/** No check but the one that floods sends so many unusable messages on one socket. */
const FLOOD = 1_000;

/** Faults that make a flood last longer come later in it. */
const LONG_FLOOD = 3_000;

/** Longer than any check waits for a delivery. */
const STARVE_MS = 30_000;

/** What is lost is waited for; at a high time scale the room would be deleted meanwhile. */
const FLOODED_LIFE_MS = 70_000;

/**
 * The first message on the only socket of an unused room, if it comes at once, is lost. The room then lives longer: at
 * a high time scale it would else be deleted while its user still waits for the answer.
 */
const firstRequestIsLost: FaultMaker = () => {
  const updated = new WeakSet<Room>();
  const waiting = new WeakSet<Room>();
  return {
    merge: (room, _userId, _patch, merged) => {
      updated.add(room);
      return merged;
    },
    askedBy: (asker, nowMs) => {
      const isFirst = asker.messageCount === 1 && nowMs - asker.openedMs < 3_000;
      if (!isFirst || openSockets(asker.room) !== 1 || updated.has(asker.room)) return "asker";
      waiting.add(asker.room);
      return "nobody";
    },
    roomLifeMs: (room, roomLifeMs) => (waiting.has(room) ? roomLifeMs * 3 : roomLifeMs),
  };
};

/** When somebody's connection breaks in a room of at least four, all others are put out. */
const cutEndsRoom: FaultMaker = () => ({ endsRoom: (_room, code, remaining) => code === 1006 && remaining >= CROWD });

const takesOneTooMany: FaultMaker = () => ({ fits: (room) => room.members.size <= room.maxParticipants });

const joinIsNotTold: FaultMaker = () => ({ isJoinTold: () => false });

const countsOneTooMany: FaultMaker = () => ({ memberCount: (count) => count + (count >= 3 ? 1 : 0) });

/** From the third polite close on, the user who left last stays in the list. */
const leaverStaysListed: FaultMaker = () => {
  const ghosts = new WeakMap<Room, string>();
  const closes = createTally<Room>();
  return {
    isGone: ({ room, userId }, code) => {
      if (code !== 1006 && closes.add(room) >= 3) ghosts.set(room, userId);
      return true;
    },
    answer: (state, { room }) => {
      const ghost = ghosts.get(room);
      return ghost === undefined || state.members.includes(ghost) ? state : { ...state, members: [...state.members, ghost] };
    },
  };
};

const hostIsNotHandedOn: FaultMaker = () => ({ handsHostOn: () => false });

const cutSocketIsNeverGone: FaultMaker = () => ({ isGone: (_listener, code) => code !== 1006 });

const badMessageIsIgnored: FaultMaker = () => ({ refusal: () => "silent" });

const badMessageIsToldToAll: FaultMaker = () => ({ refusal: (sender) => (sender.refusedCount < FLOOD ? "told to all" : "told") });

const takesPartOfBadMessage: FaultMaker = () => ({ takesPart: true });

const floodCrashesServer: FaultMaker = () => ({
  refusal: (sender) => {
    if (sender.refusedCount >= FLOOD) process.exit(70);
    return "told";
  },
});

const floodClosesRoom: FaultMaker = () => ({ refusal: (sender) => (sender.refusedCount === FLOOD ? "room closed" : "told") });

/** Once somebody floods a room, the updates of all wait in a queue behind what the flood left there. */
const floodStarvesRoom: FaultMaker = () => {
  const flooded = createTally<Room>();
  return {
    refusal: (sender) => {
      flooded.add(sender.room);
      return "told";
    },
    takeUpdate: (author, take) => {
      if (flooded.of(author.room) < LONG_FLOOD) take();
      else setTimeout(take, STARVE_MS).unref();
    },
    roomLifeMs: (room, roomLifeMs) => (flooded.of(room) < LONG_FLOOD ? roomLifeMs : FLOODED_LIFE_MS),
  };
};

/** Once somebody floods a room, every fifth update is lost. */
const floodLosesUpdates: FaultMaker = () => {
  const flooded = createTally<Room>();
  const updates = createTally<Room>();
  return {
    refusal: (sender) => {
      flooded.add(sender.room);
      return "told";
    },
    fanOut: (room, _authorId, listeners, send) => {
      if (flooded.of(room) >= LONG_FLOOD && updates.add(room) % 5 === 0) return;
      for (const listener of listeners) send(listener);
    },
    roomLifeMs: (room, roomLifeMs) => (flooded.of(room) < LONG_FLOOD ? roomLifeMs : FLOODED_LIFE_MS),
  };
};

export const PEOPLE_FAULTS: Readonly<Record<string, FaultMaker>> = {
  "first-request-is-lost": firstRequestIsLost,
  "cut-ends-room": cutEndsRoom,
  "takes-one-too-many": takesOneTooMany,
  "join-is-not-told": joinIsNotTold,
  "counts-one-too-many": countsOneTooMany,
  "leaver-stays-listed": leaverStaysListed,
  "host-is-not-handed-on": hostIsNotHandedOn,
  "cut-socket-is-never-gone": cutSocketIsNeverGone,
  "bad-message-is-ignored": badMessageIsIgnored,
  "bad-message-is-told-to-all": badMessageIsToldToAll,
  "takes-part-of-bad-message": takesPartOfBadMessage,
  "flood-crashes-server": floodCrashesServer,
  "flood-closes-room": floodClosesRoom,
  "flood-starves-room": floodStarvesRoom,
  "flood-loses-updates": floodLosesUpdates,
};
