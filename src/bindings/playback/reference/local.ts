import { randomUUID } from "node:crypto";
import type { Faults } from "./faults.ts";
import type { RoomsPort } from "./http.ts";
import type { Gauges } from "./metrics.ts";
import { createRoomStore, roomFullState, roomMeta, ROOMS_MAX } from "./rooms.ts";
import { createHub, type Hub, type HubOptions } from "./sockets.ts";

/** Where the rooms of a server are, and what goes on in them. */
export interface Ground {
  readonly hub: Hub;
  readonly rooms: RoomsPort;
  readonly gauges: Pick<Gauges, "roomsOpen" | "roomMembers">;
  /** Called once all sockets are told to close. */
  stop(): Promise<void>;
}

/** Rooms in the memory of this process. */
export function createLocalGround(options: Omit<HubOptions, "rooms"> & { readonly faults: Faults }): Ground {
  const { faults, nowMs } = options;
  const rooms = createRoomStore(randomUUID, faults);
  return {
    hub: createHub({ ...options, rooms }),
    rooms: {
      create: async (creatorId, input) => {
        if (rooms.size >= ROOMS_MAX) return undefined;
        const room = rooms.create(creatorId, input, nowMs());
        return faults.creationAnswer(roomMeta(room), room);
      },
      list: async () => Array.from(rooms.all(), (room) => ({ ...roomMeta(room), currentMembers: room.members.size })),
      read: async (roomId) => {
        const room = rooms.get(roomId);
        return room === undefined ? undefined : roomFullState(room, nowMs(), faults);
      },
      isServing: true,
    },
    gauges: {
      roomsOpen: () => rooms.size,
      roomMembers: () => Array.from(rooms.all()).reduce((sum, room) => sum + room.members.size, 0),
    },
    stop: async () => {},
  };
}
