import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import { Recorder, serverFrame, type Told } from "./testing.ts";

const BYTES_MAX = 200_000;
const hex = (text: string): string => Buffer.from(text).toString("hex");

/** Pushes `bytes` in pieces of the lengths given, the rest in one, out of a buffer that is spoiled after each piece. */
function read(bytes: Uint8Array, pieces: readonly number[] = [], bytesMax = BYTES_MAX): Told[] {
  const decoder = new Decoder(bytesMax);
  const recorder = new Recorder();
  let at = 0;
  for (const length of [...pieces, Infinity]) {
    const piece = bytes.subarray(at, Math.min(bytes.length, at + length));
    const shared = new Uint8Array(piece.length + 6).fill(0xee);
    shared.set(piece, 3);
    recorder.fault(decoder.push(shared, 3, 3 + piece.length, recorder));
    shared.fill(0xdd);
    at += piece.length;
  }
  return recorder.told;
}

describe("a decoder reads", () => {
  test.each([0, 1, 125, 126, 65_535, 65_536, 150_000])("messages of %d bytes, text and binary", (length) => {
    const payload = Buffer.alloc(length, "x");
    expect(read(Buffer.concat([serverFrame(1, payload), serverFrame(2, payload)]))).toEqual([
      { kind: "text", bytes: payload.toString("hex") },
      { kind: "binary", bytes: payload.toString("hex") },
    ]);
  });

  test("several frames of one read where they lie, without a copy", () => {
    const bytes = Buffer.concat([serverFrame(1, "one"), serverFrame(2, "two")]);
    const seen: unknown[] = [];
    const decoder = new Decoder(BYTES_MAX);
    decoder.push(bytes, 0, bytes.length, {
      message: (from, start, end, isText) => seen.push([from === bytes, start, end, isText]),
      ping: () => {},
      closeReceived: () => {},
    });
    expect(seen).toEqual([
      [true, 2, 5, true],
      [true, 7, 10, false],
    ]);
  });

  test("a fragmented message with control frames between its fragments", () => {
    const bytes = Buffer.concat([
      serverFrame(1, "", { fin: false }),
      serverFrame(9, "p1"),
      serverFrame(0, Buffer.from("grüß").subarray(0, 3), { fin: false }),
      serverFrame(10, "nobody asked"),
      serverFrame(9, ""),
      serverFrame(0, Buffer.from("grüß").subarray(3)),
      serverFrame(2, "next"),
    ]);
    expect(read(bytes)).toEqual([
      { kind: "ping", bytes: hex("p1") },
      { kind: "ping", bytes: "" },
      { kind: "text", bytes: hex("grüß") },
      { kind: "binary", bytes: hex("next") },
    ]);
  });

  test.each([1000, 1001, 1003, 1007, 1012, 1014, 3000, 4999])("a close with %d, and nothing after it", (code) => {
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from("because")]);
    expect(read(Buffer.concat([serverFrame(8, payload), serverFrame(1, "late"), Buffer.from([0xff, 0xff])]))).toEqual([
      { kind: "close", code, reason: "because" },
    ]);
  });

  test("a close without a code as 1005", () => {
    expect(read(serverFrame(8, ""))).toEqual([{ kind: "close", code: 1005, reason: "" }]);
  });

  test("nothing further once it is stopped from within an event", () => {
    const bytes = Buffer.concat([serverFrame(1, "a"), serverFrame(1, "b")]);
    const decoder = new Decoder(BYTES_MAX);
    let count = 0;
    const events = {
      message: (): void => {
        count += 1;
        decoder.stop();
      },
      ping: (): void => {},
      closeReceived: (): void => {},
    };
    expect(decoder.push(bytes, 0, bytes.length, events)).toBeUndefined();
    expect(decoder.push(bytes, 0, bytes.length, events)).toBeUndefined();
    expect(count).toBe(1);
  });
});

describe("a decoder objects to", () => {
  const close = (code: number): Buffer => Buffer.from([code >> 8, code & 0xff]);
  const long = new Uint8Array(126);
  test.each<[string, Uint8Array, number]>([
    ["reserved bit 1 (a compressed message nobody agreed on)", serverFrame(1, "x", { reserved: 0x40 }), 1002],
    ["reserved bit 2", serverFrame(1, "x", { reserved: 0x20 }), 1002],
    ["reserved bit 3 of a control frame", serverFrame(9, "x", { reserved: 0x10 }), 1002],
    ["reserved data opcodes", serverFrame(3, "x"), 1002],
    ["reserved control opcodes", serverFrame(11, "x"), 1002],
    ["a masked frame", serverFrame(1, "x", { masked: true }), 1002],
    ["a fragmented ping", serverFrame(9, "x", { fin: false }), 1002],
    ["a ping of 126 bytes", serverFrame(9, long), 1002],
    ["a close of 126 bytes", serverFrame(8, long), 1002],
    ["a continuation of nothing", serverFrame(0, "x"), 1002],
    ["a new message in a fragmented one", Buffer.concat([serverFrame(1, "x", { fin: false }), serverFrame(1, "y")]), 1002],
    ["125 bytes with a 16-bit length", serverFrame(1, "x".repeat(125), { lengthBytes: 2 }), 1002],
    ["65,535 bytes with a 64-bit length", serverFrame(2, new Uint8Array(65_535), { lengthBytes: 8 }), 1002],
    ["text that is not UTF-8", serverFrame(1, Buffer.from([0xc3, 0x28])), 1007],
    [
      "text that is not UTF-8 behind a long run of ASCII",
      serverFrame(1, Buffer.concat([Buffer.alloc(300, "x"), Buffer.from([0x80])])),
      1007,
    ],
    ["a surrogate in UTF-8", serverFrame(1, Buffer.from([0xed, 0xa0, 0x80])), 1007],
    [
      "fragmented text that is not UTF-8",
      Buffer.concat([serverFrame(1, Buffer.from([0xe2, 0x82]), { fin: false }), serverFrame(0, "x")]),
      1007,
    ],
    ["a close of one byte", serverFrame(8, "x"), 1002],
    ["close code 999", serverFrame(8, close(999)), 1002],
    ["close code 1004", serverFrame(8, close(1004)), 1002],
    ["close code 1005", serverFrame(8, close(1005)), 1002],
    ["close code 1006", serverFrame(8, close(1006)), 1002],
    ["close code 1015", serverFrame(8, close(1015)), 1002],
    ["close code 2999", serverFrame(8, close(2999)), 1002],
    ["close code 5000", serverFrame(8, close(5000)), 1002],
    ["a close reason that is not UTF-8", serverFrame(8, Buffer.from([0x03, 0xe8, 0xff])), 1007],
    ["a message over the limit", serverFrame(2, new Uint8Array(BYTES_MAX + 1)), 1009],
    [
      "fragments over the limit together",
      Buffer.concat([serverFrame(2, new Uint8Array(BYTES_MAX), { fin: false }), serverFrame(0, "x")]),
      1009,
    ],
    ["a length of 2^63", Buffer.from([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ])("%s", (_, bytes, closeCode) => {
    const whole = read(Buffer.concat([serverFrame(1, "before"), bytes, serverFrame(1, "after")]));
    expect(whole).toEqual([
      { kind: "text", bytes: hex("before") },
      { kind: "fault", closeCode, text: expect.stringContaining("§") },
    ]);
    expect(
      read(
        bytes,
        Array.from({ length: Math.min(bytes.length, 2000) }, () => 1),
      ),
    ).toEqual(whole.slice(1));
  });

  test("a frame over the limit by its header, before its payload is there", () => {
    const header = serverFrame(2, new Uint8Array(BYTES_MAX + 1)).subarray(0, 10);
    expect(read(header)).toMatchObject([{ kind: "fault", closeCode: 1009 }]);
    expect(read(serverFrame(1, "x", { masked: true }).subarray(0, 2))).toMatchObject([{ kind: "fault", closeCode: 1002 }]);
  });

  test("nothing at the limit itself, also with a ping among the fragments", () => {
    const bytes = [serverFrame(2, new Uint8Array(BYTES_MAX), { fin: false }), serverFrame(9, "p"), serverFrame(0, "")];
    expect(read(Buffer.concat(bytes)).map(({ kind }) => kind)).toEqual(["ping", "binary"]);
  });
});

/** A valid stream with what a decoder has to tell of it. */
const stream = fc
  .array(
    fc.oneof(
      fc.record({
        kind: fc.constant("message" as const),
        isText: fc.boolean(),
        parts: fc.array(fc.string({ unit: "binary", maxLength: 200 }), { minLength: 1, maxLength: 4 }),
        long: fc.constantFrom(0, 0, 0, 126, 65_536),
        between: fc.boolean(),
      }),
      fc.record({ kind: fc.constantFrom("ping" as const, "pong" as const), payload: fc.uint8Array({ maxLength: 125 }) }),
    ),
    { maxLength: 12 },
  )
  .map((items) => {
    const frames: Buffer[] = [];
    const told: Told[] = [];
    for (const item of items) {
      if (item.kind !== "message") {
        frames.push(serverFrame(item.kind === "ping" ? 9 : 10, item.payload));
        if (item.kind === "ping") told.push({ kind: "ping", bytes: Buffer.from(item.payload).toString("hex") });
        continue;
      }
      // Cut anywhere, also within a character: only the whole has to be UTF-8.
      const body = Buffer.from(item.parts.join("") + "x".repeat(item.long));
      const step = Math.max(1, Math.ceil(body.length / item.parts.length));
      item.parts.forEach((_, index) => {
        const isLast = index === item.parts.length - 1;
        const part = body.subarray(index * step, isLast ? body.length : (index + 1) * step);
        frames.push(serverFrame(index > 0 ? 0 : item.isText ? 1 : 2, part, { fin: isLast }));
        if (item.between && !isLast) {
          frames.push(serverFrame(9, "between"));
          told.push({ kind: "ping", bytes: hex("between") });
        }
      });
      told.push({ kind: item.isText ? "text" : "binary", bytes: body.toString("hex") });
    }
    return { bytes: Buffer.concat(frames), told };
  });

const pieces = fc.array(fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 5 }) }, fc.integer({ min: 0, max: 70_000 })), {
  maxLength: 200,
});

describe("however the bytes are cut", () => {
  test("a valid stream gives the same events", () => {
    fc.assert(
      fc.property(stream, pieces, ({ bytes, told }, cut) => {
        expect(read(bytes, cut)).toEqual(told);
      }),
      { numRuns: 300 },
    );
  });

  test("a stream with one bit flipped gives the same as in one piece, and at most one fault, last", () => {
    fc.assert(
      fc.property(stream, pieces, fc.nat(), fc.integer({ min: 0, max: 7 }), ({ bytes }, cut, where, bit) => {
        const spoiled = Buffer.from(bytes);
        if (spoiled.length > 0) spoiled[where % spoiled.length] = (spoiled[where % spoiled.length] ?? 0) ^ (1 << bit);
        const told = read(spoiled, cut);
        expect(told).toEqual(read(spoiled));
        expect(told.slice(0, -1).every(({ kind }) => kind !== "fault" && kind !== "close")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("noise is a fault or nothing, never an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), pieces, (bytes, cut) => {
        expect(read(bytes, cut, 2000)).toEqual(read(bytes, [], 2000));
      }),
      { numRuns: 500 },
    );
  });
});

test("whoever expects a message is asked once for each, however it comes, before its text is held against UTF-8", () => {
  const known = Buffer.from("known \xff", "latin1");
  const bytes = Buffer.concat([
    serverFrame(1, known),
    serverFrame(1, known.subarray(0, 3), { fin: false }),
    serverFrame(9, "ping"),
    serverFrame(0, known.subarray(3)),
    serverFrame(1, "new"),
    serverFrame(2, known),
    serverFrame(1, Buffer.alloc(200, "x")),
  ]);
  for (const pieces of [[], Array.from({ length: bytes.length }, () => 1)]) {
    const asked: string[] = [];
    const recorder = new Recorder();
    const decoder = new Decoder(BYTES_MAX);
    const events = {
      message: (from: Uint8Array, start: number, end: number, isText: boolean) => recorder.message(from, start, end, isText),
      ping: () => undefined,
      closeReceived: () => undefined,
      expects: (from: Uint8Array, start: number, end: number, isText: boolean) => {
        asked.push(`${isText} ${end - start}`);
        return isText && Buffer.compare(from.subarray(start, end), known) === 0;
      },
    };
    let at = 0;
    for (const length of [...pieces, bytes.length]) {
      expect(decoder.push(bytes, at, Math.min(bytes.length, at + length), events)).toBe(undefined);
      at = Math.min(bytes.length, at + length);
    }
    expect(asked).toEqual(["true 7", "true 7", "true 3", "false 7", "true 200"]);
    expect(recorder.told.map(({ kind }) => kind)).toEqual(["text", "binary", "text"]);
  }
});
