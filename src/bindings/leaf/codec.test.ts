import { readFileSync } from "node:fs";
import { BytesWrapper, decode as atcuteDecode, encode as atcuteEncode, toBytes } from "@atcute/cbor";
import { decode as msgpackDecode, encode as msgpackEncode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { callFrame, connectFrame, readFrame } from "./codec.ts";
import { type CborValue, cid, cidBytes, cidFromText, cidText, decodeCbor, encodeCbor, isCid, isReal, real, realValue } from "./dag-cbor.ts";
import { readNotification, readResult } from "./messages.ts";
import { decodePack, encodePack, type PackValue } from "./msgpack.ts";
import { readNews } from "./notification-memo.ts";
import { decodeUtf8, encodeUtf8 } from "../../core/utf8.ts";

interface Golden {
  readonly from: "client" | "server";
  readonly transport: "http" | "text" | "binary";
  readonly text?: string;
  readonly base64?: string;
  readonly decoded?: unknown;
  readonly note: string;
}

const golden = readFileSync(new URL("./golden/leaf.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Golden)
  .filter((entry) => entry.transport === "text" || entry.transport === "binary");

function frameOf(entry: Golden): string | Uint8Array {
  return entry.transport === "text" ? (entry.text ?? "") : Uint8Array.from(Buffer.from(entry.base64 ?? "", "base64"));
}

/** A decoded value in the form of the golden file. */
function asGolden(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const decoded = decodeCbor(value, { anyKeyOrder: true });
    return decoded.ok ? { cbor: cborAsGolden(decoded.value) } : { bytesHex: Buffer.from(value).toString("hex") };
  }
  if (Array.isArray(value)) return value.map(asGolden);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asGolden(each)]));
  return value;
}

function cborAsGolden(value: CborValue): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64").replace(/=+$/, "") };
  if (isCid(value)) return { $link: cidText(value) };
  if (isReal(value)) return realValue(value);
  if (Array.isArray(value)) return value.map(cborAsGolden);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cborAsGolden(each)]));
  return value;
}

describe("golden frames", () => {
  test("are there", () => {
    expect(golden.length).toBeGreaterThan(40);
  });

  test.each(golden.map((entry, index) => [`${index}: ${entry.note}`, entry] as const))("%s", (_, entry) => {
    const frame = frameOf(entry);
    const read = readFrame(frame);
    expect(read).toMatchObject({ ok: true });
    if (!read.ok || entry.decoded === undefined || typeof frame === "string") return;
    const packet = decodePack(frame);
    expect(packet.ok && asGolden(packet.value)).toEqual(entry.decoded);
    // Client frames are written as the recorded client wrote them, to the byte of the argument.
    if (read.value.kind === "event" && read.value.arg instanceof Uint8Array) {
      const decoded = decodeCbor(read.value.arg, { anyKeyOrder: true });
      if (decoded.ok && entry.from === "client")
        expect(Buffer.from(encodeCbor(decoded.value)).equals(Buffer.from(read.value.arg))).toBe(true);
    }
    if (read.value.kind === "ack") expect(readResult(read.value.payload).ok).toBe(true);
    if (read.value.kind === "event" && read.value.name === "stream/subscription_response")
      expect(readNotification(read.value.arg).ok).toBe(true);
  });
});

describe("DAG-CBOR", () => {
  const plain: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      fc.string({ unit: "binary" }),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.string({ unit: "binary", maxLength: 12 }).filter((key) => key !== "__proto__"),
        tie("value"),
        { maxKeys: 5, noNullPrototype: true },
      ),
    ),
  })).value;

  test("is what @atcute/cbor writes and reads", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = encodeCbor(value as CborValue);
        expect(Buffer.from(bytes).equals(Buffer.from(atcuteEncode(value)))).toBe(true);
        expect(decodeCbor(bytes)).toEqual({ ok: true, value });
        expect(atcuteDecode(bytes)).toEqual(value);
      }),
    );
  });

  test("keeps the kind of numbers, which JavaScript does not", () => {
    for (const number of [1, -0.5, 1e300, 0]) {
      const decoded = decodeCbor(encodeCbor(real(number)));
      expect(decoded.ok && isReal(decoded.value) && realValue(decoded.value)).toBe(number);
    }
    expect(decodeCbor(encodeCbor(1))).toEqual({ ok: true, value: 1 });
    for (const integer of [2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n])
      expect(decodeCbor(encodeCbor(integer))).toEqual({ ok: true, value: integer });
  });

  test("holds bytes and links as @atcute/cbor does", () => {
    const bytes = Uint8Array.of(1, 2, 255);
    expect(Buffer.from(encodeCbor({ b: bytes })).equals(Buffer.from(atcuteEncode({ b: new BytesWrapper(bytes) })))).toBe(true);
    expect(Buffer.from(encodeCbor({ b: bytes })).equals(Buffer.from(atcuteEncode({ b: toBytes(bytes) })))).toBe(true);
    const text = "bafyreifhqbe3cokd6j4epu4dics45lqmj33p2jhz52ijgtxnsltzasynsa";
    const link = cidFromText(text);
    expect(link && cidText(link)).toBe(text);
    expect(link && Buffer.from(encodeCbor({ c: link })).equals(Buffer.from(atcuteEncode({ c: { $link: text } })))).toBe(true);
    expect(link && cidBytes(cid(cidBytes(link)))).toEqual(link && cidBytes(link));
  });

  test.each([
    ["keys out of order", "a2616201616101"],
    ["a key twice", "a2616101616101"],
    ["an indefinite list", "9f01ff"],
    ["a head longer than needed", "1801"],
    ["a half float", "f93c00"],
    ["a single float", "fa3f800000"],
    ["NaN", "fb7ff8000000000000"],
    ["undefined", "f7"],
    ["another tag", "c074323032302d30312d30315430303a30303a30305a"],
    ["a key that is no text", "a10101"],
    ["a text that is no UTF-8", "61ff"],
    ["bytes behind the value", "0101"],
    ["an end too soon", "8201"],
    ["more items than bytes", "9affffffff"],
    ["a length beyond all bounds", "5bffffffffffffffff"],
  ])("refuses %s", (_, hex) => {
    expect(decodeCbor(Uint8Array.from(Buffer.from(hex, "hex"))).ok).toBe(false);
  });

  test("takes keys of calls in any order, but none twice", () => {
    const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
    expect(decodeCbor(bytes("a2616201616102"), { anyKeyOrder: true })).toEqual({ ok: true, value: { a: 2, b: 1 } });
    expect(decodeCbor(bytes("a2616101616102"), { anyKeyOrder: true }).ok).toBe(false);
  });

  test("never throws on what comes from outside", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => typeof decodeCbor(bytes).ok === "boolean"));
    expect(decodeCbor(new Uint8Array(100_000).fill(0x81)).ok).toBe(false);
  });
});

describe("MessagePack", () => {
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      // Both writers make an integer of -0, and integers have no sign of zero.
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
      fc.string({ unit: "binary" }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie("value"), { maxLength: 20 }),
      fc.dictionary(
        fc.string({ maxLength: 40 }).filter((key) => key !== "__proto__"),
        tie("value"),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  })).value;

  test("is read by @msgpack/msgpack, and reads what that writes", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(msgpackDecode(encodePack(given as PackValue))).toEqual(given);
        const read = decodePack(msgpackEncode(given));
        expect(read.ok && read.value).toEqual(given);
      }),
    );
  });

  test("never throws on what comes from outside", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => typeof decodePack(bytes).ok === "boolean"));
  });
});

test("UTF-8 is what the platform's coder makes of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const bytes = new TextEncoder().encode(text);
      expect(Buffer.from(encodeUtf8(text)).equals(Buffer.from(bytes))).toBe(true);
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text);
    }),
  );
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      let text: string | undefined;
      try {
        text = strict.decode(bytes);
      } catch {
        text = undefined;
      }
      expect(decodeUtf8(bytes, 0, bytes.length)).toBe(text);
    }),
  );
});

test("a CONNECT carries the token, and nothing for an anonymous session", () => {
  expect(readFrame(connectFrame("t"))).toEqual({ ok: true, value: { kind: "connect", data: { token: "t" } } });
  expect(readFrame(connectFrame(undefined))).toEqual({ ok: true, value: { kind: "connect", data: {} } });
  expect(readFrame(callFrame("a", { b: 1 }, 7))).toMatchObject({ ok: true, value: { kind: "event", name: "a", id: 7 } });
});

test("the same news for another subscriber are recognised without decoding, changed ones are not", () => {
  const news = (id: string, idx: number): Uint8Array =>
    encodeCbor({
      subscriptionId: id,
      response: { Ok: { has_more: false, rows: [{ idx: { $type: "muni.town.sqliteValue.integer", value: idx } }] } },
    });
  const [one, two] = ["01M7XQ6T43CRD0TB9NNQJ9ZZ78", "01M7XQ6T43CRD0TB9NNQJ9ZZ79"];
  const first = readNews(news(one, 5));
  const second = readNews(news(two, 5));
  const third = readNews(news(two, 6));
  expect(first.ok && second.ok && first.value.response === second.value.response).toBe(true);
  expect(second.ok && second.value.subscriptionId).toBe(two);
  expect(third.ok && third.value.response).not.toBe(first.ok && first.value.response);
});
