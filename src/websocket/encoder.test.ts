import fc from "fast-check";
import { expect, test } from "vitest";
import { Encoder, randomMaskKeys } from "./encoder.ts";

interface Read {
  readonly opcode: number;
  readonly key: string;
  readonly payload: Buffer;
}

/** A masked frame, read by another hand than the codec's. */
function unmask(frame: Buffer): Read {
  expect((frame[0] ?? 0) & 0xf0).toBe(0x80);
  expect((frame[1] ?? 0) & 0x80).toBe(0x80);
  const short = (frame[1] ?? 0) & 0x7f;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  const length = short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2));
  if (short === 126) expect(length).toBeGreaterThan(125);
  if (short === 127) expect(length).toBeGreaterThan(65_535);
  const key = frame.subarray(at, at + 4);
  const payload = Buffer.from(frame.subarray(at + 4));
  expect(payload.length).toBe(length);
  for (let index = 0; index < payload.length; index += 1) payload[index] = (payload[index] ?? 0) ^ (key[index % 4] ?? 0);
  return { opcode: (frame[0] ?? 0) & 0x0f, key: key.toString("hex"), payload };
}

test.each([0, 1, 2, 3, 4, 125, 126, 65_535, 65_536, 1_000_000])("a message of %d bytes is masked and has the shortest header", (length) => {
  const encoder = new Encoder(randomMaskKeys());
  const bytes = new Uint8Array(length).map((_, index) => index);
  expect(unmask(encoder.message(bytes))).toMatchObject({ opcode: 2, payload: Buffer.from(bytes) });
  const text = "a".repeat(length);
  expect(unmask(encoder.message(text))).toMatchObject({ opcode: 1, payload: Buffer.from(text) });
});

test("any text arrives as its UTF-8", () => {
  const encoder = new Encoder(randomMaskKeys());
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      expect(unmask(encoder.message(text)).payload).toEqual(Buffer.from(text));
    }),
  );
});

test("the example of RFC 6455 §5.7 comes out to the byte", () => {
  const key = new Int32Array(Uint8Array.from([0x37, 0xfa, 0x21, 0x3d]).buffer)[0] ?? 0;
  const frame = new Encoder(() => key).message("Hello");
  expect(frame.toString("hex")).toBe("818537fa213d7f9f4d5158");
});

test("a held frame stays as it is; one that is not held gives its place to the next", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ length: fc.integer({ min: 0, max: 30_000 }), hold: fc.boolean() }), { maxLength: 60 }), (steps) => {
      const encoder = new Encoder(randomMaskKeys());
      const held: { frame: Buffer; copy: Buffer }[] = [];
      for (const { length, hold } of steps) {
        const frame = encoder.message("y".repeat(length));
        if (!hold) continue;
        encoder.hold();
        held.push({ frame, copy: Buffer.from(frame) });
      }
      for (const { frame, copy } of held) expect(frame.equals(copy)).toBe(true);
    }),
    { numRuns: 50 },
  );
  const encoder = new Encoder(randomMaskKeys());
  const first = encoder.message("one");
  const second = encoder.message("two");
  expect(second.byteOffset).toBe(first.byteOffset);
});

test("masking keys are random: none comes twice in thousands of frames, none is zero by habit", () => {
  const encoder = new Encoder(randomMaskKeys());
  const keys = Array.from({ length: 5000 }, () => unmask(encoder.message("")).key);
  // Of 5,000 random 32-bit keys a pair is equal in 0.3 % of runs; three pairs are not seen in a lifetime.
  expect(new Set(keys).size).toBeGreaterThan(4997);
  const ones = keys.join("").replace(/[0-7]/g, "").length;
  expect(ones / (keys.length * 8)).toBeCloseTo(0.5, 1);
});

test("control frames carry what they are given", () => {
  const encoder = new Encoder(randomMaskKeys());
  expect(unmask(encoder.pong(Buffer.from("..ping.."), 2, 6))).toMatchObject({ opcode: 10, payload: Buffer.from("ping") });
  expect(unmask(encoder.close(4001, "ü")).payload.toString("hex")).toBe("0fa1c3bc");
  expect(unmask(encoder.close(1005, "not sent")).payload.length).toBe(0);
});

test("a close that may not be sent is our mistake, and is said so", () => {
  const encoder = new Encoder(randomMaskKeys());
  expect(() => encoder.close(1006, "")).toThrow("1006 is no close code");
  expect(() => encoder.close(1000, "x".repeat(124))).toThrow("123 fit");
});
