import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeHubIn, decodeHubOut, decodeSync, encodeSync, isIsoDate } from "./codec.ts";
import { hostile } from "./hostile.ts";

interface Golden {
  readonly from: "client" | "server";
  readonly transport: "http" | "text" | "binary";
  readonly text?: string;
  readonly note: string;
}

const frames = readFileSync(new URL("golden/jazz.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Golden | { readonly provenance: string })
  .filter((each): each is Golden => "from" in each && each.transport === "text" && each.text !== undefined);

const isHub = ({ text, note }: Golden): boolean =>
  /hub/i.test(note) || ((text ?? "").startsWith('{"type":') && !(text ?? "").startsWith('{"type":"ping"'));

describe("frames that were recorded", () => {
  const sync = frames.filter((each) => !isHub(each) && !/bad|broken|malformed|refus|garbage|invalid|unknown/i.test(each.note));

  it("are there", () => {
    expect(sync.length).toBeGreaterThan(20);
  });

  it.each(sync)("are read and written again: $note", ({ text = "" }) => {
    const lines = decodeSync(text);
    expect(lines.filter((line) => line.kind === "malformed" || line.kind === "unknown")).toEqual([]);
    const messages = lines.flatMap((line) => (line.kind === "message" ? [line.message] : []));
    const again = encodeSync(messages).flatMap((frame) => frame.split("\n"));
    expect(again.map((line) => JSON.parse(line) as unknown)).toEqual(messages);
  });

  it.each(frames.filter(isHub))("of the hub are read: $note", ({ from, text = "" }) => {
    const decoded = from === "client" ? decodeHubIn(text) : decodeHubOut(text);
    expect(decoded).toHaveProperty("message");
  });
});

describe("frames that are unusable", () => {
  it.each(hostile.filter((each) => typeof each.frame === "string"))("never throw: $name", ({ frame }) => {
    expect(decodeSync(String(frame)).every((line) => line.kind !== "message" || line.message.action === "load")).toBe(true);
    expect(decodeHubIn(String(frame))).toHaveProperty("code");
  });

  it("name what is wrong", () => {
    expect(decodeSync('{"action":"load","id":"nonsense","header":true,"sessions":{}}')[0]).toMatchObject({ kind: "malformed" });
    expect(decodeHubIn('{"type":"presence","userId":"a","status":"invisible"}')).toMatchObject({ code: "bad-message" });
    expect(decodeHubIn('{"type":"x"}')).toMatchObject({ code: "unknown-type" });
    expect(decodeHubIn("{")).toMatchObject({ code: "bad-json" });
  });

  it("are dates only as J-3 wants them", () => {
    expect(isIsoDate("2026-11-21T00:39:02.422Z")).toBe(true);
    for (const text of ["2026-11-21", "2026-11-21T00:39:02Z", "2026-13-41T00:39:02.422Z", "yesterday"]) expect(isIsoDate(text)).toBe(false);
  });
});
