import { expect, test } from "vitest";
import { hostile } from "../hostile.ts";
import { frameText, parseFrame } from "./wire.ts";

const STRICT = { takesPart: false };

test("every hostile frame is refused", () => {
  for (const { name, frame } of hostile) {
    const parsed = parseFrame(Buffer.from(frame), typeof frame !== "string", STRICT);
    expect(parsed, name).toHaveProperty("refusal");
  }
});

test("an update keeps the five fields and drops all others", () => {
  const text = '{"type":"UPDATE_PLAYBACK","payload":{"currentTime":5,"__proto__":{"isPlaying":true},"lastUpdatedBy":"x","more":1}}';
  expect(parseFrame(Buffer.from(text), false, STRICT)).toMatchObject({ type: "UPDATE_PLAYBACK", patch: { currentTime: 5 } });
});

test("speeds outside of 0.25 to 4 are refused", () => {
  const parse = (speed: string) =>
    parseFrame(Buffer.from(`{"type":"UPDATE_PLAYBACK","payload":{"playbackSpeed":${speed}}}`), false, STRICT);
  expect(["0.25", "4"].map((speed) => "refusal" in parse(speed))).toEqual([false, false]);
  expect(["0.24", "4.01", "-1", "1e400", "null"].map((speed) => "refusal" in parse(speed))).toEqual([true, true, true, true, true]);
});

test("a frame's header says its length in 7, 16 or 64 bits", () => {
  expect([...frameText("é").subarray(0, 2)]).toEqual([0x81, 2]);
  expect([...frameText("x".repeat(126)).subarray(0, 4)]).toEqual([0x81, 126, 0, 126]);
  expect([...frameText("x".repeat(65_536)).subarray(0, 10)]).toEqual([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
});
