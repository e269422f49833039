import { expect, test } from "vitest";
import {
  createRoom,
  isExpired,
  join,
  leave,
  playbackState,
  positionAt,
  type Room,
  roomFullState,
  type RoomInput,
  update,
} from "./rooms.ts";

const input: RoomInput = {
  name: "film night",
  mediaUrl: "https://media.example/a.mp4",
  mediaType: "video/mp4",
  isPlaying: false,
  isPublic: true,
  maxParticipants: 3,
};

function fresh(over: Partial<RoomInput> = {}): Room {
  return createRoom("id", "ann", { ...input, ...over }, 1_000);
}

test("a fresh room is as created, at 0, by its creator, who is in it", () => {
  expect(roomFullState(fresh(), 1_000)).toEqual({
    roomId: "id",
    name: "film night",
    hostId: "ann",
    isPublic: true,
    maxParticipants: 3,
    createdAt: "1970-01-01T00:00:01.000Z",
    members: ["ann"],
    playbackState: {
      mediaUrl: input.mediaUrl,
      mediaType: "video/mp4",
      isPlaying: false,
      currentTime: 0,
      playbackSpeed: 1,
      lastUpdatedBy: "ann",
      lastUpdated: "1970-01-01T00:00:01.000Z",
    },
  });
});

test("a room created playing moves from its creation on", () => {
  expect(positionAt(fresh({ isPlaying: true }), 3_500)).toBe(2_500);
});

test("an update replaces what it names and leaves the rest", () => {
  const room = fresh();
  const state = update(room, "bob", { playbackSpeed: 1.5 }, {}, 2_000);
  expect(state).toMatchObject({
    mediaUrl: input.mediaUrl,
    isPlaying: false,
    currentTime: 0,
    playbackSpeed: 1.5,
    lastUpdatedBy: "bob",
    lastUpdated: "1970-01-01T00:00:02.000Z",
  });
});

test("a pause without a position freezes the one reached", () => {
  const room = fresh({ isPlaying: true });
  expect(update(room, "bob", { isPlaying: false }, {}, 4_000).currentTime).toBe(3_000);
  expect(positionAt(room, 9_000)).toBe(3_000);
});

test("a new speed counts from where it was set", () => {
  const room = fresh({ isPlaying: true });
  update(room, "bob", { playbackSpeed: 2 }, {}, 2_000);
  expect(positionAt(room, 3_000)).toBe(3_000);
});

test("a position that was set is passed on as given, one worked out is whole", () => {
  const room = fresh();
  expect(update(room, "bob", { currentTime: 1.25 }, {}, 2_000).currentTime).toBe(1.25);
  update(room, "bob", { isPlaying: true }, {}, 2_000);
  expect(positionAt(room, 2_000.4)).toBe(2);
});

test("an empty update takes a new author and time, and fixes the position", () => {
  const room = fresh({ isPlaying: true });
  expect(update(room, "bob", {}, {}, 3_000)).toMatchObject({ currentTime: 2_000, isPlaying: true, lastUpdatedBy: "bob" });
  expect(playbackState(room, 4_000).currentTime).toBe(3_000);
});

test("members never exceed the places, the creator counts, and a second socket of a user takes none", () => {
  const room = fresh();
  expect(join(room, "bob", 0)).toEqual({ kind: "joined", isFirstSocket: true, hasNewHost: false });
  expect(join(room, "cid", 0).kind).toBe("joined");
  expect(join(room, "dan", 0).kind).toBe("full");
  expect(join(room, "bob", 0)).toEqual({ kind: "joined", isFirstSocket: false, hasNewHost: false });
  expect([...room.members]).toEqual([
    ["ann", 0],
    ["bob", 2],
    ["cid", 1],
  ]);
});

test("a user has left when the last socket closed, and the longest present becomes host", () => {
  const room = fresh();
  for (const user of ["ann", "ann", "bob", "cid"]) join(room, user, 0);
  expect(leave(room, "ann")).toEqual({ hasLeft: false, newHostId: undefined });
  expect(leave(room, "ann")).toEqual({ hasLeft: true, newHostId: "bob" });
  expect(leave(room, "cid")).toEqual({ hasLeft: true, newHostId: undefined });
  expect(room.hostId).toBe("bob");
});

test("who enters an empty room leads it, and the last host does so without a change", () => {
  const room = fresh();
  join(room, "ann", 0);
  leave(room, "ann");
  expect(room.hostId).toBe("ann");
  expect(join(room, "ann", 0)).toMatchObject({ hasNewHost: false });
  leave(room, "ann");
  expect(join(room, "bob", 0)).toMatchObject({ hasNewHost: true });
  expect(room.hostId).toBe("bob");
});

test("a room expires a whole life after the last act, and leaving is none", () => {
  const room = fresh();
  join(room, "bob", 50_000);
  leave(room, "bob");
  expect(isExpired(room, 110_999, 61_000)).toBe(false);
  expect(isExpired(room, 111_000, 61_000)).toBe(true);
});
