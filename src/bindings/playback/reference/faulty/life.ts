import { createHmac } from "node:crypto";
import type { Room } from "../rooms.ts";
import { createTally, CROWD, type FaultMaker, openSockets } from "./fault.ts";

/** Share of the room's life, in the seconds of P-5: 61 s is the whole. */
function seconds(roomLifeMs: number, s: number): number {
  return (roomLifeMs / 61) * s;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The 300th, 600th … room of one creator has the id of the one before it. */
const repeatsRoomId: FaultMaker = () => {
  const made = new Map<string, { count: number; id: string }>();
  return {
    roomId: (fresh, creatorId) => {
      const last = made.get(creatorId) ?? { count: 0, id: fresh };
      last.count += 1;
      if (last.count % 300 !== 0) last.id = fresh;
      made.set(creatorId, last);
      return last.id;
    },
  };
};

const answersWithoutMetadata: FaultMaker = () => ({ creationAnswer: ({ roomId }) => ({ roomId }) });

/** A private room that is made with media is said to be public. */
const answersWithOtherMetadata: FaultMaker = () => ({
  creationAnswer: (meta, room) => (room.playback.mediaUrl === "" ? meta : { ...meta, isPublic: true }),
});

/** Rooms that were deleted stay so. */
const makesUnknownRoom: FaultMaker = () => {
  const deleted = new Set<string>();
  return {
    farewell: (room) => {
      deleted.add(room.id);
      return "closed";
    },
    unknownRoom: (roomId) => (UUID.test(roomId) && !deleted.has(roomId) ? "made" : "refused"),
  };
};

const makesRoomOfMalformedId: FaultMaker = () => ({ unknownRoom: (roomId) => (UUID.test(roomId) ? "refused" : "made") });

/**
 * Ids carry a seal, so that after a restart the server knows its rooms of before: their users get no answer at all.
 */
const isSilentAfterRestart: FaultMaker = () => {
  const own = new Set<string>();
  const seal = (id: string): string =>
    `${id.slice(0, 24)}${createHmac("sha256", "seal").update(id.slice(0, 23)).digest("hex").slice(0, 12)}`;
  return {
    roomId: (fresh) => {
      const id = seal(fresh);
      own.add(id);
      return id;
    },
    unknownRoom: (roomId) => (UUID.test(roomId) && seal(roomId) === roomId && !own.has(roomId) ? "ignored" : "refused"),
  };
};

/** In rooms that were never updated: what the others show when kept is judged apart. */
const heartbeatIsIgnored: FaultMaker = () => {
  const updated = new WeakSet<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "UPDATE_PLAYBACK") updated.add(room);
      return activity !== "HEARTBEAT" || updated.has(room);
    },
  };
};

/** After seven heartbeats with nothing else between, further ones do not count. */
const heartbeatsWearOut: FaultMaker = () => {
  const beats = createTally<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "HEARTBEAT") return beats.add(room) <= 7;
      beats.reset(room);
      return true;
    },
  };
};

/** A room that was last kept by a heartbeat lives for 40 s only. */
const missedHeartbeatDeletes: FaultMaker = ({ roomLifeMs }) => {
  const kept = new WeakSet<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "HEARTBEAT") kept.add(room);
      else kept.delete(room);
      return true;
    },
    roomLifeMs: (room) => (kept.has(room) ? seconds(roomLifeMs, 40) : roomLifeMs),
  };
};

/** In a room of four or more, a user's heartbeat counts only after one of another user. */
const oneHeartbeatIsNotEnough: FaultMaker = () => {
  const last = new WeakMap<Room, string>();
  return {
    isActivity: (room, activity, userId) => {
      if (activity !== "HEARTBEAT" || openSockets(room) < CROWD) return true;
      const before = last.get(room);
      last.set(room, userId);
      return before !== undefined && before !== userId;
    },
  };
};

/** Those of a user alone in a room: in company, a storm longer than the scaled minute would end the room under it. */
const updatesDoNotKeep: FaultMaker = () => ({ isActivity: (room, activity) => activity !== "UPDATE_PLAYBACK" || openSockets(room) > 1 });

/** A room that was joined and that all have left lives for 44 s. */
const deletesTooEarly: FaultMaker = ({ roomLifeMs }) => {
  const joined = new WeakSet<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "join") joined.add(room);
      return true;
    },
    roomLifeMs: (room) => (joined.has(room) && openSockets(room) === 0 ? seconds(roomLifeMs, 44) : roomLifeMs),
  };
};

/** One alone: what several hear of a deletion is judged apart. */
const openSocketKeepsRoom: FaultMaker = () => ({ roomLifeMs: (room, lifeMs) => (openSockets(room) === 1 ? Infinity : lifeMs) });

/** A room that was joined and left again stays for ever. */
const emptiedRoomStays: FaultMaker = () => {
  const joined = new WeakSet<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "join") joined.add(room);
      return true;
    },
    roomLifeMs: (room, lifeMs) => (joined.has(room) && openSockets(room) === 0 ? Infinity : lifeMs),
  };
};

const neverJoinedRoomStays: FaultMaker = () => {
  const joined = new WeakSet<Room>();
  return {
    isActivity: (room, activity) => {
      if (activity === "join") joined.add(room);
      return true;
    },
    roomLifeMs: (room, lifeMs) => (joined.has(room) ? lifeMs : Infinity),
  };
};

const deletesSilently: FaultMaker = () => ({ farewell: () => "silent" });

const updateRevivesDeletedRoom: FaultMaker = () => ({ farewell: () => "told", isRevivedBy: (_room, type) => type === "UPDATE_PLAYBACK" });

/** Past its first life, a room that only regular heartbeats keep (at most 40 s apart) loses something. */
function forgetsWhenKept(forget: (room: Room) => void): FaultMaker {
  return ({ roomLifeMs }) => {
    const otherwiseMs = new WeakMap<Room, number>();
    return {
      isActivity: (room, activity, _userId, nowMs) => {
        const isRegular = nowMs - room.activeMs < seconds(roomLifeMs, 40);
        if (activity !== "HEARTBEAT") otherwiseMs.set(room, nowMs);
        else if (isRegular && nowMs - (otherwiseMs.get(room) ?? room.createdMs) > roomLifeMs) forget(room);
        return true;
      },
    };
  };
}

const keptRoomLosesMedia = forgetsWhenKept((room) => {
  room.playback = { ...room.playback, mediaUrl: "", mediaType: "" };
});

const keptRoomLosesName = forgetsWhenKept((room) => {
  Object.assign(room, { name: "" });
});

export const LIFE_FAULTS: Readonly<Record<string, FaultMaker>> = {
  "repeats-room-id": repeatsRoomId,
  "answers-without-metadata": answersWithoutMetadata,
  "answers-with-other-metadata": answersWithOtherMetadata,
  "makes-unknown-room": makesUnknownRoom,
  "makes-room-of-malformed-id": makesRoomOfMalformedId,
  "is-silent-after-restart": isSilentAfterRestart,
  "heartbeat-is-ignored": heartbeatIsIgnored,
  "heartbeats-wear-out": heartbeatsWearOut,
  "missed-heartbeat-deletes": missedHeartbeatDeletes,
  "one-heartbeat-is-not-enough": oneHeartbeatIsNotEnough,
  "updates-do-not-keep": updatesDoNotKeep,
  "deletes-too-early": deletesTooEarly,
  "open-socket-keeps-room": openSocketKeepsRoom,
  "emptied-room-stays": emptiedRoomStays,
  "never-joined-room-stays": neverJoinedRoomStays,
  "deletes-silently": deletesSilently,
  "update-revives-deleted-room": updateRevivesDeletedRoom,
  "kept-room-loses-media": keptRoomLosesMedia,
  "kept-room-loses-name": keptRoomLosesName,
};
