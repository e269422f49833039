import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const TEXTS = ["", "room", "ünïcode ✓", "𝄞 clef", "\ud800 alone", "a".repeat(5000), "\u0000\u007f\u0080\u07ff\u0800\uffff"];

describe("UTF-8 without TextEncoder", () => {
  it("writes and reads what TextEncoder and TextDecoder do", () => {
    for (const text of TEXTS) {
      const bytes = new TextEncoder().encode(text);
      expect([...encodeUtf8(text)], text).toEqual([...bytes]);
      expect(decodeUtf8(bytes, 0, bytes.length), text).toBe(new TextDecoder().decode(bytes));
    }
  });

  it("refuses what is no UTF-8", () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]])
      expect(decodeUtf8(Uint8Array.from(bytes), 0, bytes.length), String(bytes)).toBeUndefined();
  });
});
