import { expect, test } from "vitest";
import { guardedParser } from "./guarded-parser.ts";

test("a value that declares two gigabytes and has none is refused at once", () => {
  const decoder = new guardedParser.Decoder();
  const frame = Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xc9, 0x7f, 0xff, 0xff, 0xff, 0x00]);
  expect(() => decoder.add(frame)).toThrow();
});

test("packets come through as they do without it", () => {
  const decoder = new guardedParser.Decoder();
  const seen: unknown[] = [];
  decoder.on("decoded", (packet: unknown) => seen.push(packet));
  const packet = { type: 2, nsp: "/", id: 1, data: ["stream/info", Buffer.from([0xc9, 1])] };
  for (const bytes of new guardedParser.Encoder().encode(packet) as unknown as readonly Buffer[]) decoder.add(bytes);
  expect(seen).toEqual([packet]);
});
