import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { clientFrame, markersIn, markText, readClientFrame, readServerFrame, sameBytes, serverFrame } from "./codec.ts";
import { hostile } from "./hostile.ts";
import { isEntityId, NOTHING } from "./messages.ts";
import { entityId } from "./rooms.ts";

interface Golden {
  readonly from: "client" | "server";
  readonly transport: string;
  readonly base64?: string;
  readonly decoded?: Readonly<Record<string, unknown>>;
  readonly note: string;
}

const lines = readFileSync(new URL("./golden/sync.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n");
const binary = lines.map((line) => JSON.parse(line) as Golden).filter((each) => each.transport === "binary");

/** As the golden file writes bytes. */
function shown(value: object): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, each instanceof Uint8Array ? { hex: Buffer.from(each).toString("hex") } : each]),
  );
}

describe("golden frames", () => {
  it("are eight of binary form", () => expect(binary.length).toBe(8));

  it.each(binary)("$from: $note", (golden) => {
    const bytes = new Uint8Array(Buffer.from(golden.base64 ?? "", "base64"));
    const parsed = golden.from === "client" ? readClientFrame(bytes) : readServerFrame(bytes);
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(shown(parsed.value)).toEqual(golden.decoded);
    const again = parsed.value.type === "handleUpdate" ? serverFrame(parsed.value) : clientFrame(parsed.value);
    expect(sameBytes(again, bytes)).toBe(true);
  });
});

describe("reading", () => {
  it("never throws on bytes of any kind", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readServerFrame(bytes)).toHaveProperty("ok");
        expect(readClientFrame(bytes)).toHaveProperty("ok");
      }),
    );
  });

  it("gives back what was written, for every length", () => {
    for (const length of [0, 1, 31, 32, 255, 256, 65_535, 65_536, 1_048_576]) {
      const update = new Uint8Array(length).fill(length & 0xff);
      const parsed = readClientFrame(clientFrame({ type: "sendUpdate", entityId: entityId("x"), update }));
      expect(parsed.ok && parsed.value.type === "sendUpdate" && sameBytes(parsed.value.update, update)).toBe(true);
    }
  });

  it("refuses text, other types and fields of a wrong type, and takes unknown fields", () => {
    const refused = hostile.filter(({ frame }) => !readClientFrame(frame).ok).map(({ name }) => name);
    expect(refused).toContain("text frame");
    expect(refused).toContain("update as text");
    expect(refused).not.toContain("entity in capitals");
    const wide = new Uint8Array(Buffer.from("83a474797065ab756e737562736372696265a8656e746974794964a178a17a01", "hex"));
    expect(readClientFrame(wide)).toEqual({ ok: true, value: { type: "unsubscribe", entityId: "x" } });
  });
});

describe("entity ids", () => {
  it("are those of the protocol, and labels give the same one each time", () => {
    expect(isEntityId(entityId("a"))).toBe(true);
    expect(entityId("a")).toBe(entityId("a"));
    expect(entityId("a")).not.toBe(entityId("b"));
    for (const wrong of ["", "tokens", entityId("a").toUpperCase(), entityId("a").slice(0, -1), `${entityId("a").slice(0, -1)}1`])
      expect(isEntityId(wrong)).toBe(false);
  });
});

describe("marks", () => {
  const marker = { run: "r1", author: 3, n: 7, intact: true };
  const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

  it("are found among other bytes, with their sum", () => {
    const bytes = bytesOf(`\u0001~x${markText(marker, "payload")}\u0000${markText({ ...marker, n: 8 }, "")}\u00ff`);
    expect(markersIn(bytes)).toEqual([marker, { ...marker, n: 8 }]);
  });

  it("are not intact when the payload or the sum was changed", () => {
    const text = markText(marker, "payload");
    expect(markersIn(bytesOf(text.replace("payload", "payloaf")))[0]?.intact).toBe(false);
    expect(markersIn(bytesOf(text.replace(":7:", ":9:")))[0]).toMatchObject({ n: 9, intact: false });
    expect(markersIn(NOTHING)).toEqual([]);
  });
});
