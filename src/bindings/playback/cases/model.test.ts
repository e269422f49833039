import { describe, expect, it } from "vitest";
import type { PlaybackState } from "../messages.ts";
import { applyUpdate, differenceBetween, differenceFrom, freshModel, positionAt, type Model } from "./model.ts";

const at = (low: number, high = low): { low: number; high: number } => ({ low, high });

function shown(model: Model, currentTime: number, changed: Partial<PlaybackState> = {}): PlaybackState {
  const { mediaUrl, mediaType, isPlaying, playbackSpeed, author } = model;
  return {
    mediaUrl,
    mediaType,
    isPlaying,
    playbackSpeed,
    currentTime,
    lastUpdatedBy: author,
    lastUpdated: "2026-01-01T00:00:00.000Z",
    ...changed,
  };
}

const fresh = freshModel({ mediaUrl: "u", mediaType: "video/mp4" }, "alice", at(0), true);

describe("the model of a room", () => {
  it("starts as created, paused at 0 with speed 1", () => {
    expect(differenceFrom(fresh, shown(fresh, 0), at(60_000))).toBeUndefined();
    expect(differenceFrom(fresh, shown(fresh, 1), at(60_000))).toContain("currentTime is 1, not 0");
  });

  it("moves from the creation on when created playing", () => {
    const playing = freshModel({ isPlaying: true }, "alice", at(0, 10), true);
    expect(positionAt(playing, at(5_000, 5_010))).toEqual({ low: 4_990, high: 5_010 });
  });

  it("replaces the fields given and keeps the rest", () => {
    const after = applyUpdate(fresh, { playbackSpeed: 1.5 }, "bob", at(100));
    expect(after).toMatchObject({ mediaUrl: "u", mediaType: "video/mp4", isPlaying: false, playbackSpeed: 1.5, author: "bob" });
    expect(differenceFrom(after, shown(after, 0, { mediaType: "" }), at(100))).toContain("mediaType");
    expect(differenceFrom(after, shown(after, 0, { lastUpdatedBy: "alice" }), at(100))).toContain("lastUpdatedBy");
  });

  it("freezes the position that a pause without one has reached", () => {
    const playing = applyUpdate(fresh, { isPlaying: true, currentTime: 10_000 }, "alice", at(1_000, 1_020));
    const paused = applyUpdate(playing, { isPlaying: false }, "bob", at(3_000, 3_030));
    expect(paused.position).toEqual({ low: 11_980, high: 12_030 });
    expect(differenceFrom(paused, shown(paused, 12_000), at(90_000))).toBeUndefined();
    expect(differenceFrom(paused, shown(paused, 10_000), at(90_000))).toContain("currentTime");
    expect(differenceFrom(paused, shown(paused, 11_481), at(90_000))).toBeUndefined();
    expect(differenceFrom(paused, shown(paused, 11_479), at(90_000))).toContain("currentTime");
    expect(differenceFrom(paused, shown(paused, 12_531), at(90_000))).toContain("currentTime");
  });

  it("counts a new speed from the position reached", () => {
    const playing = applyUpdate(fresh, { isPlaying: true }, "alice", at(0));
    const faster = applyUpdate(playing, { playbackSpeed: 2 }, "alice", at(1_000));
    expect(positionAt(faster, at(2_000))).toEqual({ low: 3_000, high: 3_000 });
  });

  it("changes only the author on an empty update", () => {
    const after = applyUpdate(fresh, {}, "bob", at(100));
    expect(after).toEqual({ ...fresh, author: "bob", since: at(100) });
  });

  it("passes a position that was set on as given, without drift", () => {
    const set = applyUpdate(fresh, { currentTime: 777 }, "alice", at(100));
    expect(differenceFrom(set, shown(set, 777), at(200))).toBeUndefined();
    expect(differenceFrom(set, shown(set, 778), at(200))).toContain("currentTime");
  });

  it("compares no moving position where the server works out none", () => {
    const still = freshModel({ isPlaying: true }, "alice", at(0), false);
    expect(differenceFrom(still, shown(still, 123_456), at(5_000))).toBeUndefined();
    const paused = applyUpdate(still, { isPlaying: false }, "alice", at(6_000));
    expect(differenceFrom(paused, shown(paused, 5), at(7_000))).toBeUndefined();
    const set = applyUpdate(paused, { currentTime: 9 }, "alice", at(8_000));
    expect(differenceFrom(set, shown(set, 5), at(9_000))).toContain("currentTime");
  });
});

describe("two states of one moment", () => {
  const playing = applyUpdate(fresh, { isPlaying: true, currentTime: 0 }, "alice", at(0));
  it("are equal in every field", () => {
    expect(differenceBetween(shown(fresh, 0), shown(fresh, 0), 0, true)).toBeUndefined();
    expect(differenceBetween(shown(fresh, 0), shown(fresh, 0, { lastUpdated: "2026-01-01T00:00:00.001Z" }), 0, true)).toContain(
      "lastUpdated",
    );
    expect(differenceBetween(shown(fresh, 0), shown(fresh, 1), 5_000, true)).toContain("currentTime");
  });

  it("may differ by drift and time passed while playing", () => {
    expect(differenceBetween(shown(playing, 1_000), shown(playing, 1_600), 100, true)).toBeUndefined();
    expect(differenceBetween(shown(playing, 1_000), shown(playing, 1_601), 100, true)).toContain("currentTime");
    expect(differenceBetween(shown(playing, 1_000), shown(playing, 499), 100, true)).toContain("currentTime");
  });
});
