import { expect, test } from "vitest";
import { parseDuration, parseNumber, parseWhole } from "./flags.ts";
import { createProgress } from "./progress.ts";
import { closest, distance } from "./suggest.ts";

test("the distance of two words counts letters put in, taken out and changed", () => {
  expect([distance("", "abc"), distance("abc", "abc"), distance("chek", "check"), distance("kitten", "sitting")]).toEqual([3, 0, 1, 3]);
});

test("a word is suggested only when it is near", () => {
  expect(closest("playbak", ["sync", "playback"])).toBe("playback");
  expect(closest("PLAY-CONV-4", ["PLAY-CONV-04", "PLAY-ORD-01"])).toBe("PLAY-CONV-04");
  expect(closest("zebra", ["sync", "playback"])).toBeUndefined();
});

test.each([
  ["500ms", 500],
  ["30s", 30_000],
  ["1.5m", 90_000],
  ["1h", 3_600_000],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["30", "s", "-1s", "1 s", "1d", ""])("%j is no duration", (text) => {
  expect(() => parseDuration(text)).toThrow("a duration is written");
});

test("numbers are held to their bounds", () => {
  expect(parseWhole(1, 10)("10")).toBe(10);
  for (const text of ["0", "11", "1.5", "1e1", "", "x"]) expect(() => parseWhole(1, 10)(text)).toThrow("whole number");
  expect(parseNumber(0, 1)("0.25")).toBe(0.25);
  for (const text of ["1.1", "-0.1", ".", "NaN"]) expect(() => parseNumber(0, 1)(text)).toThrow("a number");
});

test("progress is redrawn in a terminal, and seldom said when piped", () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    let nowMs = 0;
    const progress = createProgress({ isTTY, columns: 10, write: (text) => written.push(text) }, () => nowMs);
    for (; nowMs < 10_000; nowMs += 1_000) progress.status("0123456789ab");
    progress.line("done");
    const text = written.join("");
    expect(text.includes("\u001b")).toBe(isTTY);
    expect(text.split("0123456789ab").length - 1).toBe(isTTY ? 0 : 2);
    expect(text.endsWith("done\n")).toBe(true);
  }
});
