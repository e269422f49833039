import type { Ground } from "../local.ts";
import { connectStore } from "./connection.ts";
import { createSharedHub, type SharedHubOptions } from "./hub.ts";
import { createStoredRoom, listStoredRooms, readStoredRoom } from "./rooms.ts";

/** Rooms in a Redis that several processes share. Connects at once, and serves as soon as it answers. */
export function createSharedGround(
  { url, prefix }: { readonly url: string; readonly prefix: string },
  options: Omit<SharedHubOptions, "store">,
): Ground {
  const store = connectStore(url, prefix);
  const hub = createSharedHub({ ...options, store });
  return {
    hub,
    rooms: {
      create: (creatorId, input) => createStoredRoom(store, creatorId, input, options.timing.roomLifeMs),
      list: () => listStoredRooms(store),
      read: (roomId) => readStoredRoom(store, roomId),
      get isServing() {
        return hub.isServing;
      },
    },
    gauges: {
      roomsOpen: async () => (await store.counts()).rooms,
      roomMembers: async () => (await store.counts()).members,
    },
    stop: () => hub.stop(),
  };
}
