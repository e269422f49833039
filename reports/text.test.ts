import { describe, expect, it } from "vitest";
import { HOSTILE_TEXT } from "./samples.ts";
import {
  cut,
  escapeMarkup,
  formatBytes,
  formatDuration,
  formatInstant,
  formatMs,
  formatNumber,
  formatShare,
  oneLine,
  visible,
} from "./text.ts";

describe("visible", () => {
  it("shows controls, direction marks and lone surrogates instead of passing them on", () => {
    expect(visible("a\u001b[31m\u0000\u007f")).toBe("a␛[31m␀␡");
    expect(visible("\u202egnp.exe \ud800 \ufffe")).toBe("⟨U+202E⟩gnp.exe ⟨U+D800⟩ ⟨U+FFFE⟩");
  });

  it("keeps tab, line feed, accents, right-to-left words and emoji as they are", () => {
    expect(visible("\tä\nשלום 👩‍🚀")).toBe("\tä\nשלום 👩‍🚀");
  });

  it("leaves one line of a hostile text in one line", () => {
    expect(oneLine(HOSTILE_TEXT)).not.toMatch(/\p{Cc}/u);
  });
});

describe("escapeMarkup", () => {
  it("leaves no character that ends text or an attribute", () => {
    expect(escapeMarkup(HOSTILE_TEXT)).not.toMatch(/[<>"']|(?!\n)\p{Cc}/u);
  });
});

describe("cut", () => {
  it("marks what it cut and splits no surrogate pair", () => {
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("abcd", 4)).toBe("abcd");
    expect(cut("👍👍👍👍", 4)).toBe("👍👍👍👍");
    expect(cut("👍👍👍👍👍", 4)).toBe("👍👍👍…");
  });
});

describe("figures", () => {
  it("are written the same on every machine", () => {
    expect([1_234_567, -1_200, 0, Number.NaN].map((value) => formatNumber(value))).toEqual(["1,234,567", "−1,200", "0", "–"]);
    expect([0, 0.421, 12.34, 850.2, 1_240].map(formatMs)).toEqual(["0.0 ms", "0.42 ms", "12.3 ms", "850 ms", "1,240 ms"]);
    expect([12, 38_200, 59_960, 365_000, 7_800_000, -1].map(formatDuration)).toEqual([
      "12 ms",
      "38.2 s",
      "1 min 00 s",
      "6 min 05 s",
      "2 h 10 min",
      "–",
    ]);
    expect([12, 4_096, 150_000_000, 1_503_238_553].map(formatBytes)).toEqual(["12 B", "4 KiB", "143 MiB", "1.4 GiB"]);
    expect(formatInstant("2026-11-21T14:05:09.120Z")).toBe("2026-11-21 14:05:09 UTC");
    expect(formatInstant("yesterday")).toBe("yesterday");
  });

  it("never round a loss away", () => {
    expect(formatShare(1)).toBe("100%");
    expect(formatShare(0.5)).toBe("50.0%");
    expect(formatShare(0.999_999_9)).toBe("99.99999%");
    expect(formatShare(1 - 1e-15)).toBe("< 100%");
    expect(formatShare(1 + 1e-15)).toBe("> 100%");
  });
});
