import fc from "fast-check";
import { describe, it } from "vitest";
import type { Detail } from "../../core/observation.ts";
import { createPrng } from "../../core/prng.ts";
import type { Credential, Session, SessionOptions } from "../../core/session.ts";
import { HEARTBEAT, SYNC_REQUEST } from "./codec.ts";
import { MemoryServer, Recorder } from "./memory-server.ts";
import { createSession, joinPath } from "./session.ts";

const options: SessionOptions = {
  room: "r",
  basePath: "",
  dialect: "published",
  prng: createPrng("s"),
  keepaliveMs: undefined,
  reconnect: false,
  readOnJoin: false,
  run: "run",
};
const credential: Credential = { user: "me", headers: { cookie: "c" }, query: {}, protocols: ["p"] };
const selfJoined = JSON.stringify({ type: "USER_JOINED", payload: { userId: "me", memberCount: 1 } });
const error = JSON.stringify({ type: "ERROR", payload: "Room not found" });
const state = {
  mediaUrl: "u",
  mediaType: "t",
  isPlaying: false,
  currentTime: 0,
  playbackSpeed: 1,
  lastUpdatedBy: "other",
  lastUpdated: "t",
};
const full = (playbackState: unknown): string =>
  JSON.stringify({
    type: "SYNC_FULL_STATE",
    payload: {
      roomId: "r",
      name: "abc",
      hostId: "h",
      isPublic: true,
      maxParticipants: 2,
      createdAt: "t",
      members: ["h", "me"],
      playbackState,
    },
  });

function opened(changes: Partial<SessionOptions> = {}): { readonly session: Session; readonly out: Recorder } {
  const session = createSession({ ...options, ...changes });
  const out = new Recorder();
  session.start(0, out);
  session.reply("credential", credential, 1, out);
  session.opened(10, out);
  return { session, out };
}

function joined(changes: Partial<SessionOptions> = {}): { readonly session: Session; readonly out: Recorder } {
  const both = opened(changes);
  both.session.frame(selfJoined, 20, both.out);
  return both;
}

const last = (out: Recorder): Detail | undefined => out.seen.at(-1);
const connects = (out: Recorder): number => out.effects.filter((each) => each.effect === "connect").length;

describe("joining", () => {
  it("asks for a credential, shows it at the room's socket, and is confirmed by its own name", ({ expect }) => {
    const { session, out } = opened();
    expect(out.effects.filter((each) => each.effect === "needCredential" || each.effect === "connect")).toEqual([
      { effect: "needCredential", tag: "credential" },
      { effect: "connect", path: "/rooms/r/ws", protocols: ["p"], headers: { cookie: "c" } },
    ]);
    expect(out.seen).toEqual([{ kind: "connected", user: "me" }]);
    session.frame(selfJoined, 20, out);
    expect(last(out)).toEqual({ kind: "lifecycle", event: "joined", user: "me" });
    session.frame(selfJoined, 30, out);
    expect(out.seen.length).toBe(2);
  });

  it("encodes room and query for a URL", ({ expect }) => {
    expect(joinPath("/api/v1", "../a b", { authToken: "a+b=&c", ü: "" })).toBe(
      "/api/v1/rooms/..%2Fa%20b/ws?authToken=a%2Bb%3D%26c&%C3%BC=",
    );
    expect(joinPath("", "\uD800", {})).toBe("/rooms/%EF%BF%BD/ws");
  });

  it("asks for the state when told to, once, counted from the opening", ({ expect }) => {
    const { session, out } = joined({ readOnJoin: true });
    expect(out.sent).toEqual([SYNC_REQUEST]);
    session.frame(full(null), 40, out);
    expect(last(out)).toEqual({ kind: "snapshot", op: -1, askedMs: 10, content: "null", members: ["h", "me"] });
    session.wake(5_000, out);
    expect(out.sent).toEqual([SYNC_REQUEST]);
  });

  it("is confirmed by the answer where a server announces nobody", ({ expect }) => {
    const { session, out } = opened({ readOnJoin: true });
    expect(out.alarmMs).toBe(2_010);
    session.wake(2_010, out);
    session.frame(full(state), 2_020, out);
    expect(out.sent).toEqual([SYNC_REQUEST]);
    expect(out.seen.map((each) => each.kind)).toEqual(["connected", "invoked", "lifecycle", "snapshot"]);
  });

  it("is not confirmed by another's name", ({ expect }) => {
    const { session, out } = opened();
    session.frame(JSON.stringify({ type: "USER_JOINED", payload: { userId: "you", memberCount: 2 } }), 20, out);
    expect(last(out)).toEqual({ kind: "presence", event: "joined", user: "you", count: 2 });
  });
});

describe("refusals", () => {
  it("before the join end the session, which closes when the server does not", ({ expect }) => {
    const { session, out } = opened({ reconnect: true });
    session.frame(error, 20, out);
    expect(last(out)).toEqual({ kind: "rejected", code: "error", text: "Room not found" });
    session.wake(5_020, out);
    expect(out.effects.at(-1)).toEqual({ effect: "close", code: 1000, reason: "" });
    session.closed(1006, "", 5_030, out);
    expect(last(out)).toMatchObject({ kind: "disconnected", wanted: false });
    expect(out.alarmMs).toBe(Infinity);
  });

  it("may be a close alone", ({ expect }) => {
    const { session, out } = opened({ reconnect: true });
    session.closed(4403, "full", 20, out);
    expect(out.seen.slice(1)).toEqual([
      { kind: "rejected", code: "close-4403", text: "full" },
      { kind: "disconnected", code: 4403, reason: "full", wanted: false },
    ]);
    expect(out.alarmMs).toBe(Infinity);
  });

  it("of the upgrade by a 4xx are final, other failures are tried again", ({ expect }) => {
    for (const [status, isFinal] of [
      [404, true],
      [401, true],
      [302, true],
      [429, false],
      [503, false],
      [0, false],
    ] as const) {
      const session = createSession({ ...options, reconnect: true });
      const out = new Recorder();
      session.start(0, out);
      session.reply("credential", credential, 1, out);
      session.reply("connect", { failure: "no", status }, 2, out);
      expect(last(out)?.kind, `${status}`).toBe(isFinal ? "rejected" : "disconnected");
      expect(Number.isFinite(out.alarmMs), `${status}`).toBe(!isFinal);
    }
  });

  it("after the join leave it as it is", ({ expect }) => {
    const { session, out } = joined();
    session.frame(JSON.stringify({ type: "validation", on: "message", message: "Expected union value", errors: [] }), 30, out);
    expect(last(out)).toEqual({ kind: "rejected", code: "validation", text: "Expected union value" });
    session.invoke({ id: 1, plannedMs: 40, kind: "keepalive" }, 40, out);
    expect(out.sent).toEqual([HEARTBEAT]);
  });
});

describe("acts", () => {
  it("become frames, observed before they go out", ({ expect }) => {
    const { session, out } = joined();
    const marker = { run: "run", author: 4, n: 1, intact: true };
    session.invoke({ id: 1, plannedMs: 25, kind: "write", value: { isPlaying: true }, marker }, 30, out);
    expect(out.effects.at(-2)).toEqual({ effect: "observe", detail: { kind: "invoked", op: 1, act: "write", plannedMs: 25, marker } });
    expect(out.sent[0]).toMatch(
      /^{"type":"UPDATE_PLAYBACK","payload":{"isPlaying":true,"mediaUrl":"https:\/\/media\.example\/clip\.mp4#r=run&a=4&n=1&s=2[0-9a-f]{8}"}}$/,
    );
    session.invoke({ id: 2, plannedMs: 31, kind: "write", value: {} }, 31, out);
    expect(out.sent[1]).toBe('{"type":"UPDATE_PLAYBACK","payload":{}}');
  });

  it("without a socket are not sent and not observed", ({ expect }) => {
    const { session, out } = joined();
    session.closed(1006, "", 30, out);
    const count = out.effects.length;
    session.invoke({ id: 1, plannedMs: 40, kind: "read" }, 40, out);
    expect(out.effects.length).toBe(count);
  });

  it("of reading are answered in the order asked, and a state nobody asked for says so", ({ expect }) => {
    const { session, out } = joined();
    session.invoke({ id: 7, plannedMs: 30, kind: "read" }, 30, out);
    session.invoke({ id: 8, plannedMs: 31, kind: "read" }, 31, out);
    for (const atMs of [40, 41, 42]) session.frame(full(state), atMs, out);
    const snapshots = out.seen.flatMap((each) => (each.kind === "snapshot" ? [[each.op, each.askedMs]] : []));
    expect(snapshots).toEqual([
      [7, 30],
      [8, 31],
      [undefined, 10],
    ]);
  });

  it("of leaving close the socket, and that close was wanted", ({ expect }) => {
    const { session, out } = joined({ reconnect: true, keepaliveMs: 1_000 });
    session.invoke({ id: 9, plannedMs: 30, kind: "leave" }, 30, out);
    expect(out.effects.at(-1)).toEqual({ effect: "close", code: 1000, reason: "" });
    session.closed(1000, "", 31, out);
    expect(last(out)).toEqual({ kind: "disconnected", code: 1000, reason: "", wanted: true });
    expect(out.alarmMs).toBe(Infinity);
  });

  it("of presence are a mistake of the caller", ({ expect }) => {
    const { session, out } = joined();
    expect(() => session.invoke({ id: 1, plannedMs: 0, kind: "presence", value: 1 }, 0, out)).toThrow(RangeError);
  });
});

describe("what the room says", () => {
  it("becomes observations", ({ expect }) => {
    const { session, out } = joined();
    session.frame(JSON.stringify({ type: "USER_LEFT", payload: { userId: "h", memberCount: 1 } }), 30, out);
    expect(last(out)).toEqual({ kind: "presence", event: "left", user: "h", count: 1 });
    session.frame(JSON.stringify({ type: "HOST_CHANGED", payload: { newHostId: "me" } }), 31, out);
    expect(last(out)).toEqual({ kind: "lifecycle", event: "host", user: "me" });
    session.frame(JSON.stringify({ type: "PLAYBACK_UPDATED", payload: state }), 32, out);
    expect(out.effects.at(-1)).toMatchObject({ effect: "delivered", shared: true, delivery: { kind: "delivered", author: "other" } });
    for (const frame of ["{oops", "null", '{"type":"NOPE"}', new Uint8Array([1])]) {
      session.frame(frame, 33, out);
      expect(last(out)).toMatchObject({ kind: "problem", reason: "malformed" });
    }
  });

  it("of its own end is the end", ({ expect }) => {
    const { session, out } = joined({ reconnect: true });
    session.closed(4410, "", 30, out);
    expect(out.seen.slice(-2)).toEqual([
      { kind: "lifecycle", event: "gone" },
      { kind: "disconnected", code: 4410, reason: "", wanted: false },
    ]);
    expect(out.alarmMs).toBe(Infinity);
  });
});

describe("heartbeats", () => {
  it("begin at a random phase after the join and keep to their grid, however late they are woken", ({ expect }) => {
    const { session, out } = joined({ keepaliveMs: 30_000 });
    const firstMs = out.alarmMs;
    expect(firstMs).toBeGreaterThanOrEqual(20);
    expect(firstMs).toBeLessThan(30_020);
    session.wake(firstMs, out);
    expect(out.alarmMs).toBe(firstMs + 30_000);
    session.wake(firstMs + 95_000, out);
    expect(out.alarmMs).toBe(firstMs + 120_000);
    expect(out.sent).toEqual([HEARTBEAT, HEARTBEAT]);
  });

  it("do not come before the join", ({ expect }) => {
    const { session, out } = opened({ keepaliveMs: 1_000 });
    session.wake(100_000, out);
    expect(out.sent).toEqual([]);
  });

  it("have phases that differ between seeds", ({ expect }) => {
    const phases = new Set(["a", "b", "c"].map((seed) => joined({ keepaliveMs: 30_000, prng: createPrng(seed) }).out.alarmMs));
    expect(phases.size).toBe(3);
  });
});

describe("coming back", () => {
  it("waits 1, 2, 4 … 30 s, shortened by up to half, and starts over after a join", ({ expect }) => {
    const { session, out } = joined({ reconnect: true });
    session.closed(1006, "", 0, out);
    for (const fullMs of [1, 2, 4, 8, 16, 30, 30].map((seconds) => seconds * 1_000)) {
      expect(out.alarmMs).toBeGreaterThanOrEqual(fullMs / 2);
      expect(out.alarmMs).toBeLessThanOrEqual(fullMs);
      session.wake(out.alarmMs, out);
      session.reply("credential", credential, 0, out);
      session.reply("connect", { failure: "refused", status: 0 }, 0, out);
    }
    session.wake(out.alarmMs, out);
    session.reply("credential", credential, 0, out);
    session.opened(0, out);
    session.frame(selfJoined, 0, out);
    session.closed(1006, "", 0, out);
    expect(out.alarmMs).toBeLessThanOrEqual(1_000);
  });

  it("does not happen when it is not wanted, nor before its time", ({ expect }) => {
    const once = joined();
    once.session.closed(1006, "", 30, once.out);
    once.session.wake(100_000, once.out);
    expect(connects(once.out)).toBe(1);
    const again = joined({ reconnect: true });
    again.session.closed(1012, "restart", 30, again.out);
    expect(again.out.seen).toContainEqual({ kind: "lifecycle", event: "stopping" });
    again.session.wake(31, again.out);
    expect(again.out.effects.filter((each) => each.effect === "needCredential").length).toBe(1);
  });

  it("forgets questions that the lost socket can no longer answer", ({ expect }) => {
    const { session, out } = joined({ reconnect: true });
    session.invoke({ id: 1, plannedMs: 0, kind: "read" }, 30, out);
    session.closed(1006, "", 40, out);
    session.wake(2_000, out);
    session.reply("credential", credential, 2_000, out);
    session.opened(2_010, out);
    session.frame(selfJoined, 2_020, out);
    session.frame(full(state), 2_030, out);
    expect(last(out)).toMatchObject({ kind: "snapshot", askedMs: 2_010 });
    expect(last(out)).not.toHaveProperty("op");
  });
});

describe("with a room in memory", () => {
  it("every member gets every update once, with its marker intact", ({ expect }) => {
    const server = new MemoryServer("r");
    const names = ["a", "b", "c"];
    const sessions = names.map((name) => createSession({ ...options, prng: createPrng(name) }));
    const outs = sessions.map((session, index) => server.add(names[index] ?? "", session));
    for (let n = 1; n <= 5; n += 1) {
      sessions[0]?.invoke(
        { id: n, plannedMs: 0, kind: "write", value: { currentTime: n }, marker: { run: "run", author: 0, n, intact: true } },
        0,
        outs[0] as Recorder,
      );
    }
    server.settle();
    for (const out of outs) {
      const got = out.seen.flatMap((each) => (each.kind === "delivered" ? [each.marker] : []));
      expect(got).toEqual([1, 2, 3, 4, 5].map((n) => ({ run: "run", author: 0, n, intact: true })));
    }
  });

  it("a member that was cut comes back and asks again", ({ expect }) => {
    const server = new MemoryServer("r");
    const out = server.add("me", createSession({ ...options, reconnect: true, readOnJoin: true }));
    server.cut("me");
    server.pass(1_000);
    expect(out.seen.map((each) => each.kind)).toEqual([
      "connected",
      "lifecycle",
      "invoked",
      "snapshot",
      "disconnected",
      "connected",
      "lifecycle",
      "invoked",
      "snapshot",
    ]);
  });

  it("one that does not exist refuses", ({ expect }) => {
    const out = new MemoryServer("other").add("me", createSession({ ...options, reconnect: true }));
    expect(out.seen.map((each) => each.kind)).toEqual(["connected", "rejected", "disconnected"]);
  });
});

const near = fc.oneof(
  fc.constantFrom(selfJoined, error, full(null), full(state), JSON.stringify({ type: "PLAYBACK_UPDATED", payload: state })),
  fc
    .record({
      type: fc.constantFrom(
        "USER_JOINED",
        "USER_LEFT",
        "HOST_CHANGED",
        "PLAYBACK_UPDATED",
        "SYNC_FULL_STATE",
        "ERROR",
        "validation",
        "__proto__",
      ),
      payload: fc.oneof(fc.jsonValue(), fc.constant(state)),
    })
    .map((message) => JSON.stringify(message)),
  fc.json(),
  fc.string(),
  fc.uint8Array({ maxLength: 64 }),
);
const event = fc.oneof(
  { weight: 5, arbitrary: near.map((frame) => (session: Session, nowMs: number, out: Recorder) => session.frame(frame, nowMs, out)) },
  fc
    .constantFrom(1000, 1001, 1006, 4404, 4410)
    .map((code) => (session: Session, nowMs: number, out: Recorder) => session.closed(code, "", nowMs, out)),
  fc
    .constantFrom("read", "keepalive", "leave")
    .map(
      (kind) => (session: Session, nowMs: number, out: Recorder) =>
        session.invoke({ id: 1, plannedMs: nowMs, kind: kind as "read" }, nowMs, out),
    ),
  fc
    .constantFrom(credential, { failure: "x" }, { failure: "x", status: 404 }, { status: 200, headers: {}, body: "" })
    .chain((answer) =>
      fc
        .constantFrom("credential", "connect", "other")
        .map((tag) => (session: Session, nowMs: number, out: Recorder) => session.reply(tag, answer, nowMs, out)),
    ),
  fc.constant((session: Session, nowMs: number, out: Recorder) => session.opened(nowMs, out)),
  fc.constant((session: Session, nowMs: number, out: Recorder) => session.wake(nowMs, out)),
);

describe("whatever comes, in whatever order", () => {
  it("nothing throws, and no event makes more than a handful of effects", ({ expect }) => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.boolean(), (events, reconnect) => {
        const session = createSession({ ...options, reconnect, readOnJoin: true, keepaliveMs: 500, prng: createPrng("fuzz") });
        const out = new Recorder();
        session.start(0, out);
        for (const [index, act] of events.entries()) {
          const before = out.effects.length;
          act(session, index * 400, out);
          expect(out.effects.length - before).toBeLessThanOrEqual(6);
        }
      }),
      { numRuns: 400 },
    );
  });
});
