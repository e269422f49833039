import { expect, test } from "vitest";
import type { Detail, Delivered } from "../../core/observation.ts";
import type { Op } from "../../core/op.ts";
import { createPrng } from "../../core/prng.ts";
import type { Frame, Outbox, Session } from "../../core/session.ts";
import { flatEditing } from "./flat.ts";
import { prosemirrorEditing } from "./node/prosemirror.ts";
import { createSession } from "./session.ts";
import type { Editing } from "./editing.ts";

/** What a session asked for, and the session itself, joined to nothing: the test plays the server. */
class Desk implements Outbox {
  readonly sent: Record<string, unknown>[] = [];
  readonly seen: Detail[] = [];
  readonly paths: string[] = [];
  closedWith: number | undefined;
  alarmMs = Infinity;
  nowMs = 0;
  readonly session: Session;

  constructor(editing: Editing = prosemirrorEditing("basic"), dialect = "documented") {
    this.session = createSession(
      { room: "a b", basePath: "", dialect, prng: createPrng("desk"), keepaliveMs: undefined, reconnect: true, readOnJoin: true, run: "r" },
      { editing, epochMs: () => 1_795_200_000_000 },
    );
  }

  connect(path: string): void {
    this.paths.push(path);
  }

  send(frame: Frame): void {
    this.sent.push(JSON.parse(String(frame)) as Record<string, unknown>);
  }

  close(code: number): void {
    this.closedWith = code;
  }

  http(): void {}

  needCredential(): void {
    this.session.reply("credential", { user: "ann", headers: {}, query: {}, protocols: [] }, this.nowMs, this);
  }

  wakeAt(atMs: number): void {
    this.alarmMs = atMs;
  }

  observe(detail: Detail): void {
    this.seen.push(detail);
  }

  delivered(delivery: Delivered): void {
    this.seen.push(delivery);
  }

  hear(message: Record<string, unknown>): void {
    this.session.frame(JSON.stringify({ timestamp: 1, ...message }), this.nowMs, this);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    if (this.alarmMs <= this.nowMs) this.session.wake(this.nowMs, this);
  }

  join(version = 0, text = ""): void {
    this.session.opened(this.nowMs, this);
    this.snapshot(version, text);
    this.hear({ type: "presence", users: {} });
  }

  snapshot(version: number, text: string): void {
    const paragraph = text === "" ? { type: "paragraph" } : { type: "paragraph", content: [{ type: "text", text }] };
    this.hear({ type: "doc-snapshot", version, doc: { type: "doc", content: [paragraph] } });
  }

  write(n: number, at = 0): void {
    const op: Op = {
      kind: "write",
      id: n,
      plannedMs: this.nowMs,
      value: { do: "type", at, text: "w" },
      marker: { run: "r", author: 1, n, intact: true },
    };
    this.session.invoke(op, this.nowMs, this);
  }

  batches(): readonly { readonly version: number; readonly steps: readonly { readonly from: number }[] }[] {
    return this.sent.filter(({ type }) => type === "steps") as never;
  }

  of(kind: Detail["kind"]): readonly Detail[] {
    return this.seen.filter((each) => each.kind === kind);
  }
}

const foreign = (version: number, text = "xx", from = 1): Record<string, unknown> => ({
  type: "steps",
  steps: [{ stepType: "replace", from, to: from, slice: { content: [{ type: "text", text }] } }],
  version,
  userId: "ben",
});

function started(editing?: Editing): Desk {
  const desk = new Desk(editing);
  desk.session.start(0, desk);
  desk.join();
  return desk;
}

test("a session joins by itself, and tells what it was given", () => {
  const desk = started();
  expect(desk.paths).toEqual(["/collab/a%20b"]);
  expect(desk.sent[0]).toMatchObject({ type: "join", userId: "ann", timestamp: 1_795_200_000_000 });
  expect(desk.of("lifecycle")).toEqual([{ kind: "lifecycle", event: "joined", user: "ann" }]);
  expect(desk.of("snapshot")).toMatchObject([{ position: 0, members: ["ann"] }]);
});

test("one batch is in flight at a time; what is typed meanwhile goes together", () => {
  const desk = started();
  desk.write(1);
  desk.write(2);
  desk.write(3);
  expect(desk.batches()).toHaveLength(1);
  desk.hear({ type: "ack", ackType: "steps", ok: true, version: 1 });
  expect(desk.of("accepted")).toEqual([{ kind: "accepted", op: 1, position: 1 }]);
  desk.pass(200);
  expect(desk.batches()[1]).toMatchObject({ version: 1 });
  expect(desk.batches()[1]?.steps).toHaveLength(2);
});

test("steps of others do not start a new sending before the verdict; the refusal's document does, rebased", () => {
  const desk = started();
  desk.write(1);
  desk.hear(foreign(1));
  expect(desk.batches()).toHaveLength(1);
  desk.hear({ type: "error", code: "version_mismatch", message: "the room is at version 1" });
  expect(desk.batches()).toHaveLength(1);
  desk.pass(200);
  desk.snapshot(1, "xx");
  expect(desk.batches()[1]).toMatchObject({ version: 1 });
  desk.hear({ type: "ack", ackType: "steps", ok: true, version: 2 });
  expect(desk.of("accepted")).toHaveLength(1);
  expect(desk.of("problem")).toEqual([]);
});

test("a gap is filled from the history", () => {
  const desk = started();
  desk.hear(foreign(3));
  expect(desk.sent.at(-1)).toMatchObject({ type: "history-request", sinceVersion: 0 });
  const steps = [1, 2, 3].map((version) => (foreign(version) as { steps: unknown[] }).steps[0]);
  desk.hear({ type: "history", fromVersion: 0, toVersion: 3, steps, userIds: ["ben", "ben", "ben"] });
  desk.session.invoke({ kind: "read", id: 9, plannedMs: 0 }, 0, desk);
  desk.snapshot(3, "xxxxxx");
  expect(desk.of("problem")).toEqual([]);
});

test("a document that the steps do not give is found out", () => {
  const desk = started();
  desk.hear(foreign(1));
  desk.session.invoke({ kind: "read", id: 9, plannedMs: 0 }, 0, desk);
  desk.snapshot(1, "xy");
  expect(desk.of("problem")).toMatchObject([{ reason: "diverged" }]);
});

test.each([true, false])("a batch cut off before its answer is sent again unless it was taken (%s)", (isTaken) => {
  const desk = started();
  desk.write(1);
  desk.session.closed(1006, "", 0, desk);
  desk.write(2);
  desk.pass(2_000);
  desk.session.opened(desk.nowMs, desk);
  desk.snapshot(1, "?");
  expect(desk.sent.at(-1)).toMatchObject({ type: "history-request", sinceVersion: 0 });
  const steps = isTaken ? desk.batches()[0]?.steps : (foreign(1) as { steps: unknown[] }).steps;
  desk.hear({ type: "history", fromVersion: 0, toVersion: 1, steps, userIds: [isTaken ? "ann" : "ben"] });
  desk.pass(200);
  expect(desk.batches()).toHaveLength(2);
  expect(desk.batches()[1]).toMatchObject({ version: 1 });
  expect(desk.batches()[1]?.steps).toHaveLength(isTaken ? 1 : 2);
});

test("attempts to come back wait longer each time, and anew after a success", () => {
  const desk = started();
  const waits: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    desk.session.closed(1006, "", desk.nowMs, desk);
    waits.push(desk.alarmMs - desk.nowMs);
    desk.pass(desk.alarmMs - desk.nowMs);
  }
  for (const [n, wait] of waits.entries()) expect(Math.abs(wait / (1_000 * 2 ** n) - 1)).toBeLessThanOrEqual(0.2);
  desk.join();
  desk.session.closed(1006, "", desk.nowMs, desk);
  expect(desk.alarmMs - desk.nowMs).toBeLessThanOrEqual(1_200);
});

test("a leave is said, and the socket closed", () => {
  const desk = started();
  desk.session.invoke({ kind: "leave", id: 5, plannedMs: 0 }, 0, desk);
  expect(desk.sent.at(-1)).toMatchObject({ type: "leave", userId: "ann" });
  expect(desk.closedWith).toBe(1000);
});

test("what a server sends never throws", () => {
  const desk = started();
  const odd = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"type":"steps","timestamp":1}',
    '{"type":"ack","timestamp":1}',
    '{"type":"history","timestamp":1}',
    '{"type":"presence","users":[],"timestamp":1}',
  ];
  for (const frame of [...odd, new Uint8Array([1, 2])]) desk.session.frame(frame, 0, desk);
  desk.hear({ type: "steps", steps: [null, { stepType: "zz" }], version: 2, userId: "ben" });
  desk.hear({ type: "doc-snapshot", version: 7, doc: { type: "nope" } });
  expect(desk.of("problem").length).toBeGreaterThan(odd.length - 1);
});

test("without a document model the same session counts versions and types at the start", () => {
  const desk = started(flatEditing);
  desk.hear(foreign(1));
  desk.write(1);
  expect(desk.batches()[0]).toMatchObject({ version: 1, steps: [{ from: 1, to: 1 }] });
});
