import { describe, expect, it } from "vitest";
import { parseDurationMs, parsePlace } from "./place.ts";

describe("a place", () => {
  it("is read with http and ws, and agrees with URL", () => {
    for (const text of ["ws://127.0.0.1:8080", "wss://Rooms.Example/base/", "http://[::1]:3000/a/b", "https://x.example:443"]) {
      const { protocol, host, pathname } = new URL(text.replace(/^ws/, "http"));
      const { url, basePath } = parsePlace(text);
      expect(new URL(url).host, text).toBe(host);
      expect(new URL(url).protocol, text).toBe(protocol);
      expect(basePath, text).toBe(pathname.replace(/\/+$/, ""));
    }
  });

  it("is refused with credentials, a query, a fragment or another scheme", () => {
    for (const text of ["", "ws://a:b@host", "ws://host?x=1", "ws://host#x", "ftp://host", "host:80", "ws://host:99999"])
      expect(() => parsePlace(text), text).toThrow(RangeError);
  });
});

describe("a duration", () => {
  it("may have several parts", () => {
    expect([parseDurationMs("500ms"), parseDurationMs("1.5s"), parseDurationMs("1m30s"), parseDurationMs("2h")]).toEqual([
      500, 1500, 90_000, 7_200_000,
    ]);
    for (const text of ["", "5", "s", "-1s", "1 s"]) expect(() => parseDurationMs(text), text).toThrow(RangeError);
  });
});
