import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Marker } from "../../core/marker.ts";
import {
  canonicalText,
  DEFAULT_MEDIA,
  encodeOp,
  FRAME_CHARACTERS_MAX,
  HEARTBEAT,
  markerOf,
  readClientFrame,
  readServerFrame,
  SYNC_REQUEST,
  updateFrame,
} from "./codec.ts";
import { hostile } from "./hostile.ts";
import { parseRoomFullState, parseRoomListEntry, parseRoomMeta, type Playback, type PlaybackState } from "./messages.ts";
import { rooms } from "./rooms.ts";

interface GoldenFrame {
  readonly from: "client" | "server";
  readonly transport: "http" | "text";
  readonly text: string;
  readonly decoded?: { readonly method?: string; readonly url?: string; readonly status?: number; readonly body?: unknown };
  readonly note: string;
}

const lines = readFileSync(new URL("golden/playback.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as unknown);
const golden = lines.filter((line): line is GoldenFrame => typeof line === "object" && line !== null && "from" in line);

const text = (note: string): string => golden.find((frame) => frame.note.includes(note))?.text ?? "";

/** The `text` of an http frame: a request is `METHOD URL[ body]`, an answer `STATUS[ body or reason]`. */
function readHttp(frame: GoldenFrame): {
  readonly method?: string;
  readonly url?: string;
  readonly status?: number;
  readonly body?: unknown;
} {
  const [, first = "", rest] = /^(\S+)(?: ([\s\S]*))?$/.exec(frame.text) ?? [];
  if (frame.from === "server") return { status: Number(first), ...bodyOf(rest) };
  const [, url = "", body] = /^(\S+)(?: ([\s\S]*))?$/.exec(rest ?? "") ?? [];
  return { method: first, url, ...bodyOf(body) };
}

function bodyOf(body: string | undefined): { readonly body?: unknown } {
  if (body === undefined) return {};
  try {
    return { body: JSON.parse(body) as unknown };
  } catch {
    return { body };
  }
}

describe("the golden frames", () => {
  it("keep their provenance, and are all there", ({ expect }) => {
    expect(lines[0]).toMatchObject({ provenance: expect.stringContaining("recorded from kaicsm/roomy-backend") as string });
    expect(golden.length).toBe(51);
  });

  it("of a server are all read", ({ expect }) => {
    const frames = golden.filter((frame) => frame.from === "server" && frame.transport === "text");
    expect(frames.length).toBe(11);
    for (const frame of frames) {
      const parsed = readServerFrame(frame.text);
      expect(parsed, frame.note).toMatchObject({ ok: true });
      if (parsed.ok && parsed.value.type !== "validation") expect(parsed.value).toEqual(JSON.parse(frame.text));
    }
  });

  it("of a client are read, and those a server refused are refused", ({ expect }) => {
    const frames = golden.filter((frame) => frame.from === "client" && frame.transport === "text");
    const refused = new Set(["text that is no JSON", "unknown type", "field of a wrong type"]);
    expect(frames.length).toBe(6);
    for (const frame of frames) expect(readClientFrame(frame.text).ok, frame.note).toBe(!refused.has(frame.note));
  });

  it("are written by the encoder to the byte", ({ expect }) => {
    expect(SYNC_REQUEST).toBe(text("bobby asks for the state"));
    expect(HEARTBEAT).toBe(text("there is no answer"));
    expect(updateFrame({ isPlaying: true, currentTime: 5000 }, undefined)).toBe(text("fields not named stay"));
  });

  it("over http agree with what stands decoded beside them", ({ expect }) => {
    const frames = golden.filter((frame) => frame.transport === "http");
    expect(frames.length).toBe(34);
    for (const frame of frames) {
      const read = readHttp(frame);
      for (const [name, value] of Object.entries(read)) {
        if (frame.decoded !== undefined && name in frame.decoded)
          expect(value, `${frame.note}: ${name}`).toEqual(frame.decoded[name as keyof typeof frame.decoded]);
      }
      if (frame.decoded?.body !== undefined) expect(read.body, frame.note).toEqual(frame.decoded.body);
    }
  });

  it("over http hold rooms, a list and a full state that the guards take", ({ expect }) => {
    const body = (note: string): unknown => readHttp(golden.find((frame) => frame.note.includes(note)) as GoldenFrame).body;
    for (const note of ["room made: id and metadata", "room made with maxParticipants"]) {
      expect(parseRoomMeta(body(note)).ok).toBe(true);
      expect(rooms.parse({ status: 200, headers: {}, body: JSON.stringify(body(note)) })).toHaveProperty("room");
    }
    expect((body("rooms with member counts") as unknown[]).every((each) => parseRoomListEntry(each).ok)).toBe(true);
    expect(parseRoomFullState(body("full state, same shape")).ok).toBe(true);
    expect(rooms.parse({ status: 500, headers: {}, body: "Room not found" })).toEqual({ failure: "status 500: Room not found" });
    expect(rooms.parse({ status: 200, headers: {}, body: "<html>" })).toHaveProperty("failure");
  });
});

const part = fc.record<Partial<Playback>>(
  {
    mediaUrl: fc.webUrl({ withFragments: true }),
    mediaType: fc.string(),
    isPlaying: fc.boolean(),
    currentTime: fc.oneof(fc.nat(), fc.double({ min: 0, max: 2 ** 53 - 1, noNaN: true })),
    playbackSpeed: fc.double({ min: 0.25, max: 4, noNaN: true }),
  },
  { requiredKeys: [] },
);
const marker = fc.record<Marker>({
  run: fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" }),
  author: fc.nat({ max: 99_999_999 }),
  n: fc.integer({ min: 1, max: 99_999_999 }),
  intact: fc.constant(true),
});
const before: PlaybackState = {
  mediaUrl: "old",
  mediaType: "old/type",
  isPlaying: true,
  currentTime: 77,
  playbackSpeed: 1.5,
  lastUpdatedBy: "a",
  lastUpdated: "t",
};

/** The state after a server has merged a frame, over the wire and back. */
function merged(frame: string): PlaybackState {
  const { payload } = JSON.parse(frame) as { payload: Partial<Playback> };
  return JSON.parse(JSON.stringify({ ...before, ...payload })) as PlaybackState;
}

describe("markers", () => {
  it("come back whole and intact from the broadcast of any marked update", ({ expect }) => {
    fc.assert(
      fc.property(part, marker, (value, mark) => {
        expect(markerOf(merged(updateFrame(value as never, mark)), true)).toEqual(mark);
      }),
      { numRuns: 300 },
    );
  });

  it("keep the media of the update before the fragment, and the default when it names none", ({ expect }) => {
    const mark: Marker = { run: "r", author: 3, n: 7, intact: true };
    expect(merged(updateFrame({ mediaUrl: "http://m/x#t=5" }, mark)).mediaUrl).toMatch(/^http:\/\/m\/x#t=5#r=r&a=3&n=7&s=0[0-9a-f]{8}$/);
    expect(merged(updateFrame({ currentTime: 1 }, mark)).mediaUrl.startsWith(`${DEFAULT_MEDIA}#r=r&a=3&n=7&s=4`)).toBe(true);
  });

  it("are not intact when a field that the update set, the base URL or the marker itself was changed", ({ expect }) => {
    const value = { mediaUrl: "http://m/x", mediaType: "video/mp4", isPlaying: false, currentTime: 5, playbackSpeed: 1 };
    const state = merged(updateFrame(value, { run: "r", author: 3, n: 7, intact: true }));
    const changed: readonly PlaybackState[] = [
      { ...state, mediaType: "audio/mpeg" },
      { ...state, isPlaying: true },
      { ...state, currentTime: 6 },
      { ...state, playbackSpeed: 2 },
      { ...state, mediaUrl: state.mediaUrl.replace("m/x", "m/y") },
      { ...state, mediaUrl: state.mediaUrl.replace("n=7", "n=8") },
      { ...state, mediaUrl: state.mediaUrl.replace("&s=f", "&s=7") },
      { ...state, mediaUrl: state.mediaUrl.slice(0, -1) },
    ];
    for (const each of changed) expect(markerOf(each, true), JSON.stringify(each)).toMatchObject({ author: 3, intact: false });
  });

  it("do not cover what the update left alone", ({ expect }) => {
    const state = merged(updateFrame({ currentTime: 5 }, { run: "r", author: 3, n: 7, intact: true }));
    expect(markerOf({ ...state, isPlaying: false, playbackSpeed: 2, mediaType: "x" }, true)).toMatchObject({ intact: true });
  });

  it("are taken by their form where other writes may have followed", ({ expect }) => {
    const state = merged(updateFrame({ currentTime: 5 }, { run: "r", author: 3, n: 7, intact: true }));
    expect(markerOf({ ...state, currentTime: 900 }, false)).toEqual({ run: "r", author: 3, n: 7, intact: true });
    expect(markerOf(before, false)).toBeUndefined();
  });

  it("are never a reason to throw, whatever stands in the URL", ({ expect }) => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        (head, tail) => void markerOf({ ...before, mediaUrl: `${head}#r=%E0%A4&a=1&n=1${tail}` }, true),
      ),
      { numRuns: 200 },
    );
    expect(markerOf({ ...before, mediaUrl: "#r=%E0%A4&a=1&n=2&s=000000000" }, true)).toMatchObject({ run: "%E0%A4", n: 2, intact: false });
  });

  it("go into objects only", ({ expect }) => {
    expect(updateFrame([1], { run: "r", author: 1, n: 1, intact: true })).toBe('{"type":"UPDATE_PLAYBACK","payload":[1]}');
  });
});

describe("frames", () => {
  it("of any kind are read without a throw", ({ expect }) => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (frame) => void [readServerFrame(frame), readClientFrame(frame)]),
      { numRuns: 500 },
    );
    expect(readServerFrame("[".repeat(1_000_000)).ok).toBe(false);
    expect(readServerFrame(" ".repeat(FRAME_CHARACTERS_MAX + 1)).ok).toBe(false);
  });

  it("[PLAY-ERR-01] of the hostile list are all unusable", ({ expect }) => {
    for (const { name, frame } of hostile) expect(readClientFrame(frame).ok, name).toBe(false);
  });

  it("exist for writes, reads and keepalives only", ({ expect }) => {
    expect(encodeOp({ id: 1, plannedMs: 0, kind: "read" })).toBe(SYNC_REQUEST);
    expect(() => encodeOp({ id: 1, plannedMs: 0, kind: "presence", value: 1 })).toThrow(RangeError);
  });
});

describe("canonical text", () => {
  it("does not depend on the order of fields, nor on fields that nobody knows", ({ expect }) => {
    const turned = Object.fromEntries([...Object.entries(before), ["later", 1]].toReversed()) as unknown as PlaybackState;
    expect(canonicalText(turned)).toBe(canonicalText(before));
  });

  it("holds the position of a paused state and not that of a playing one", ({ expect }) => {
    const paused = { ...before, isPlaying: false };
    expect(canonicalText({ ...paused, currentTime: 78 })).not.toBe(canonicalText(paused));
    expect(canonicalText({ ...before, currentTime: 78 })).toBe(canonicalText(before));
    expect(canonicalText(null)).toBe("null");
  });

  it("differs when any other field does", ({ expect }) => {
    const others: readonly Partial<PlaybackState>[] = [
      { mediaUrl: "x" },
      { mediaType: "x" },
      { isPlaying: false },
      { playbackSpeed: 2 },
      { lastUpdatedBy: "b" },
      { lastUpdated: "u" },
    ];
    for (const other of others) expect(canonicalText({ ...before, ...other })).not.toBe(canonicalText(before));
  });
});
