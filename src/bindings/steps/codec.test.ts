import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { codecOf, type Dialect, readClientFrame, readServerFrame } from "./codec.ts";
import { hostile } from "./hostile.ts";
import { canonicalJson, parseJson } from "./json.ts";
import { markersIn, markerOfPresence, markerOfStep, markPresence, markText, readMarker } from "./marker.ts";
import { packagePresence } from "./upstream.ts";
import type { Json } from "../../core/op.ts";

interface Golden {
  readonly from: "client" | "server";
  readonly transport: string;
  readonly text: string;
  readonly note: string;
}

function golden(dialect: Dialect): readonly Golden[] {
  const name = dialect === "documented" ? "steps-documented" : "steps";
  const lines = readFileSync(new URL(`./golden/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Golden).filter(({ transport }) => transport === "text");
}

/** What a message says, whatever the order of its fields. */
const canonical = (text: string): string => canonicalJson(parseJson(text) ?? null);

test.each(["documented", "upstream"] as const)(
  "every recorded frame of %s is read, and those of clients are written as they were",
  (dialect) => {
    const codec = codecOf(dialect);
    const frames = golden(dialect);
    expect(frames.length).toBeGreaterThan(35);
    for (const { from, text, note } of frames) {
      if (from === "server") {
        expect(readServerFrame(codec, text).ok, note).toBe(true);
        continue;
      }
      const parsed = readClientFrame(codec, text);
      if (text.includes('"nope"')) {
        expect(parsed, note).toMatchObject({ ok: false, code: "unknown_type" });
        continue;
      }
      expect(parsed.ok, note).toBe(true);
      if (!parsed.ok || parsed.value.message.type === "presence" || parsed.value.message.type === "join") continue;
      const fields = JSON.parse(text) as {
        readonly timestamp?: number;
        readonly roomId?: string;
        readonly userId?: string;
        readonly clientId?: string;
      };
      const to = { room: fields.roomId ?? "", user: fields.clientId ?? fields.userId ?? "", epochMs: fields.timestamp ?? 0 };
      expect(canonical(codec.writeClient(parsed.value.message, to)), note).toBe(canonical(text));
    }
  },
);

test("a server's messages are written as the package records them", () => {
  const codec = codecOf("upstream");
  for (const { from, text, note } of golden("upstream")) {
    const parsed = from === "server" ? readServerFrame(codec, text) : undefined;
    if (parsed?.ok !== true || parsed.value.type === "presence") continue;
    const { roomId, clientId } = JSON.parse(text) as { readonly roomId: string; readonly clientId: string };
    expect(canonical(codec.writeServer(parsed.value, { room: roomId, user: clientId, epochMs: 0 })), note).toBe(canonical(text));
  }
});

test("presence passes a server of either dialect untouched", () => {
  const documented = codecOf("documented");
  const text =
    '{"type":"presence","users":{"ben":{"cursor":{"pos":4,"coords":{"x":1.5,"y":2}},"selection":{"from":4,"to":2},"metadata":{"a":[1]}}},"timestamp":5}';
  const parsed = readClientFrame(documented, text);
  if (!parsed.ok || parsed.value.message.type !== "presence") throw new Error("not read");
  expect(canonical(documented.writeServer(parsed.value.message, { room: "", user: "", epochMs: 5 }))).toBe(canonical(text));
  const upstream = codecOf("upstream");
  const other =
    '{"type":"presence","roomId":"r","clientId":"ben","presence":{"user":{"id":"ben","name":"Ben"},"cursor":{"from":4,"to":2},"meta":{"a":1}}}';
  const read = readClientFrame(upstream, other);
  if (!read.ok || read.value.message.type !== "presence") throw new Error("not read");
  expect(canonical(upstream.writeServer(read.value.message, { room: "r", user: "x", epochMs: 5 }))).toBe(canonical(other));
  expect(packagePresence("ann", { cursor: { pos: 3 } })).toEqual({ user: { id: "ann" }, cursor: { from: 3, to: 3 } });
});

test.each(["documented", "upstream"] as const)("every hostile frame is refused by %s", (dialect) => {
  for (const { name, frame } of hostile) expect(readClientFrame(codecOf(dialect), frame).ok, name).toBe(false);
});

test("an absent version is bad in one dialect and the present one in the other", () => {
  const steps = { type: "steps", steps: [], userId: "a", clientId: "a", roomId: "r", timestamp: 0 };
  expect(readClientFrame(codecOf("documented"), JSON.stringify(steps))).toMatchObject({ ok: false, code: "bad_message" });
  expect(readClientFrame(codecOf("upstream"), JSON.stringify(steps))).toMatchObject({ ok: true });
});

test("a marker tells its text from any other", () => {
  const marker = { run: "r1", author: 3, n: 17, intact: true };
  const text = markText("wörd ", marker);
  expect(readMarker(text)).toEqual(marker);
  expect(readMarker(`x${text}`)).toMatchObject({ intact: false });
  const step: Json = {
    stepType: "replace",
    from: 1,
    to: 1,
    slice: { content: [{ type: "paragraph", content: [{ type: "text", text }] }] },
  };
  expect(markerOfStep(step)).toEqual(marker);
  expect(markersIn({ type: "doc", content: [{ type: "paragraph", content: [{ type: "text", text: text + text }] }] })).toEqual([
    "r1/3/17",
    "r1/3/17",
  ]);
  const presence = markPresence({ cursor: { pos: 4 } }, marker);
  expect(markerOfPresence(presence)).toEqual(marker);
  expect(markerOfPresence({ ...presence, cursor: { pos: 5 } })).toMatchObject({ intact: false });
});
