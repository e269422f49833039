import { expect, test } from "vitest";
import { createPrng } from "../core/prng.ts";
import { KeptFrames } from "./kept-frames.ts";

test("what was kept is known again wherever it lies, and one changed byte makes it another frame", () => {
  const frames = new KeptFrames<Uint8Array>();
  const prng = createPrng("frames");
  const source = new Uint8Array(64 * 1024);
  for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 200, 201, 202, 203, 16_384, 16_385, 30_000]) {
    for (let round = 0; round < 20; round += 1) {
      const at = prng.below(1000);
      for (let index = at; index < at + length; index += 1) source[index] = prng.below(256);
      const { bytes, view } = frames.keep(source.subarray(at, at + length));
      expect(bytes).toEqual(source.slice(at, at + length));
      expect(frames.isSame(bytes, view, source, at)).toBe(true);
      const moved = new Uint8Array(length + 3);
      moved.set(source.subarray(at, at + length), 3);
      expect(frames.isSame(bytes, view, moved, 3)).toBe(true);
      if (length === 0) continue;
      const changed = at + prng.below(length);
      source[changed] = (source[changed] ?? 0) ^ (1 << prng.below(8));
      expect(frames.isSame(bytes, view, source, at)).toBe(false);
    }
  }
});

test("what is kept outlives the memory that it came in, and what is kept after it", () => {
  const frames = new KeptFrames<Uint8Array>();
  const source = new Uint8Array(300);
  const kept = Array.from({ length: 500 }, (_, index) => frames.keep(source.fill(index % 256).subarray(0, 100 + (index % 200))).bytes);
  source.fill(255);
  expect(kept.every((bytes, index) => bytes.every((byte) => byte === index % 256))).toBe(true);
});
