import { describe, it } from "vitest";
import {
  parsePlaybackPart,
  parsePlaybackState,
  parsePlayIn,
  parsePlayOut,
  parseRoomFullState,
  parseRoomListEntry,
  parseRoomMeta,
} from "./messages.ts";

const state = {
  mediaUrl: "u",
  mediaType: "t",
  isPlaying: false,
  currentTime: 0,
  playbackSpeed: 1,
  lastUpdatedBy: "a",
  lastUpdated: "2026-11-20T23:50:52.752Z",
};
const meta = { roomId: "r", name: "abc", hostId: "a", isPublic: true, maxParticipants: 10, createdAt: "2026-11-20T23:50:52.724Z" };
const full = { ...meta, members: ["a"], playbackState: state };

/** Each field gone, and each of another type. */
function spoilt(whole: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
  return Object.keys(whole).flatMap((name) => [
    Object.fromEntries(Object.entries(whole).filter(([key]) => key !== name)),
    { ...whole, [name]: Symbol.iterator },
  ]);
}

describe("the guards of payloads", () => {
  const guards = [
    ["playback state", parsePlaybackState, state],
    ["room", parseRoomMeta, meta],
    ["room of the list", parseRoomListEntry, { ...meta, currentMembers: 1 }],
    ["full state", parseRoomFullState, full],
  ] as const;

  it.for(guards)("take a %s, also with unknown fields", ([, parse, whole], { expect }) => {
    expect(parse(whole)).toEqual({ ok: true, value: whole });
    expect(parse({ ...whole, later: 1 }).ok).toBe(true);
  });

  it.for(guards)("refuse a %s with any field missing or of another type", ([, parse, whole], { expect }) => {
    for (const broken of [null, 7, "x", [], ...spoilt(whole)]) expect(parse(broken), JSON.stringify(broken)).toMatchObject({ ok: false });
  });

  it("take no field from the prototype of what was parsed", ({ expect }) => {
    expect(parsePlaybackState(Object.create(state)).ok).toBe(false);
  });

  it("take a full state without playback, and none with half of it", ({ expect }) => {
    expect(parseRoomFullState({ ...full, playbackState: null }).ok).toBe(true);
    expect(parseRoomFullState({ ...full, playbackState: { mediaUrl: "u" } }).ok).toBe(false);
    expect(parseRoomFullState({ ...full, members: ["a", 7] }).ok).toBe(false);
  });
});

describe("the guard of updates", () => {
  it("takes any part, none included", ({ expect }) => {
    for (const part of [
      {},
      { currentTime: 0 },
      { currentTime: 2 ** 53 - 1 },
      { playbackSpeed: 0.25 },
      { playbackSpeed: 4, isPlaying: true },
      { other: 1 },
    ]) {
      expect(parsePlaybackPart(part), JSON.stringify(part)).toEqual({ ok: true, value: part });
    }
  });

  it("refuses what is no object, wrong types and values out of range", ({ expect }) => {
    for (const part of [
      undefined,
      null,
      "x",
      [],
      { currentTime: -1 },
      { currentTime: Infinity },
      { currentTime: NaN },
      { currentTime: 2 ** 53 },
      { playbackSpeed: 0.2 },
      { playbackSpeed: 5 },
      { isPlaying: 1 },
      { mediaUrl: null },
    ]) {
      expect(parsePlaybackPart(part).ok, JSON.stringify(part)).toBe(false);
    }
  });
});

describe("the guards of messages", () => {
  it("know every message of a server", ({ expect }) => {
    const messages = [
      { type: "USER_JOINED", payload: { userId: "a", memberCount: 1 } },
      { type: "USER_LEFT", payload: { userId: "a", memberCount: 0 } },
      { type: "HOST_CHANGED", payload: { newHostId: "b" } },
      { type: "PLAYBACK_UPDATED", payload: state },
      { type: "SYNC_FULL_STATE", payload: full },
      { type: "ERROR", payload: "no" },
      { type: "validation", on: "message", message: "Expected union value" },
    ];
    for (const message of messages) expect(parsePlayOut(message), message.type).toEqual({ ok: true, value: message });
  });

  it("name the message and the field that is wrong", ({ expect }) => {
    expect(parsePlayOut({ type: "PLAYBACK_UPDATED", payload: { ...state, currentTime: -1 } })).toEqual({
      ok: false,
      problem: "PLAYBACK_UPDATED: playback state: currentTime is missing or of a wrong type",
    });
    expect(parsePlayOut({ type: "USER_LEFT", payload: { userId: "a", memberCount: -1 } }).ok).toBe(false);
    expect(parsePlayOut({ type: "NOPE" })).toEqual({ ok: false, problem: 'unknown message type "NOPE"' });
    expect(parsePlayOut({}).ok).toBe(false);
    expect(parsePlayOut({ type: "ERROR", payload: {} }).ok).toBe(false);
  });

  it("cut a long type in what they say", ({ expect }) => {
    const parsed = parsePlayOut({ type: "x".repeat(100_000) });
    expect(parsed.ok ? 0 : parsed.problem.length).toBeLessThan(200);
  });

  it("know every message of a client", ({ expect }) => {
    for (const message of [{ type: "SYNC_REQUEST" }, { type: "HEARTBEAT" }, { type: "UPDATE_PLAYBACK", payload: { isPlaying: true } }]) {
      expect(parsePlayIn(message)).toEqual({ ok: true, value: message });
    }
    for (const message of [null, [], {}, { type: "NOPE" }, { type: "UPDATE_PLAYBACK" }]) expect(parsePlayIn(message).ok).toBe(false);
  });
});
