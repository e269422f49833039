import { expect, test } from "vitest";
import type { Detail } from "../../core/observation.ts";
import { createPrng } from "../../core/prng.ts";
import type { Frame, Outbox, Session } from "../../core/session.ts";
import { readFrame, serverFrame, type WireFrame } from "./codec.ts";
import { type CborValue, decodeCbor, encodeCbor, isMap } from "./dag-cbor.ts";
import { encodeEvent, markEvent } from "./events.ts";
import { integer, sqlToCbor, text } from "./messages.ts";
import { createSession } from "./session.ts";

const DID = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const SUBSCRIPTION = "01M7XQ6T43CRD0TB9NNQJ9ZZ78";

interface World {
  readonly session: Session;
  readonly out: Outbox;
  readonly seen: Detail[];
  readonly sent: Frame[];
  wakeAtMs: number;
  closes: number;
  connects: number;
}

function world(options: { reconnect?: boolean; history?: boolean } = {}): World {
  const session = createSession({
    room: "did:plc:stream",
    basePath: "",
    dialect: "published",
    prng: createPrng("s"),
    keepaliveMs: undefined,
    reconnect: options.reconnect ?? false,
    readOnJoin: false,
    run: "r",
    ...(options.history === undefined ? {} : { history: options.history }),
  });
  const seen: Detail[] = [];
  const sent: Frame[] = [];
  const made: World = {
    session,
    seen,
    sent,
    wakeAtMs: Infinity,
    closes: 0,
    connects: 0,
    out: {
      connect: () => void (made.connects += 1),
      send: (frame) => void sent.push(frame),
      close: () => void (made.closes += 1),
      http: () => {},
      needCredential: () => session.reply("credential", { user: DID, headers: {}, query: { token: "jwt" }, protocols: [] }, 0, made.out),
      wakeAt: (atMs) => void (made.wakeAtMs = atMs),
      observe: (detail) => void seen.push(detail),
      delivered: (delivery) => void seen.push(delivery),
    },
  };
  return made;
}

function lastCall({ sent }: World): Extract<WireFrame, { kind: "event" }> & { readonly fields: CborValue } {
  const read = readFrame(sent.at(-1) ?? "");
  if (!read.ok || read.value.kind !== "event" || !(read.value.arg instanceof Uint8Array)) throw new Error("no call");
  const decoded = decodeCbor(read.value.arg);
  return { ...read.value, fields: decoded.ok ? decoded.value : null };
}

function answer(made: World, value: CborValue, nowMs = 0): void {
  made.session.frame(serverFrame({ kind: "ack", id: lastCall(made).id ?? -1, payload: encodeCbor(value) }), nowMs, made.out);
}

function signIn(made: World): void {
  made.session.start(0, made.out);
  made.session.opened(0, made.out);
  made.session.frame('0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}', 0, made.out);
  made.session.frame(serverFrame({ kind: "connect", data: { sid: "y" } }), 0, made.out);
  made.session.frame(serverFrame({ kind: "event", name: "authenticated", arg: { did: DID }, id: undefined }), 0, made.out);
}

function row(idx: number): CborValue {
  const payload = encodeEvent(markEvent({ kind: "post", room: "general", body: `n ${idx}` }, { run: "r", author: 1, n: idx }));
  return { idx: sqlToCbor(integer(idx)), user: sqlToCbor(text(DID)), payload: sqlToCbor({ kind: "blob", value: payload }) };
}

function news(made: World, positions: readonly number[], hasMore = false): void {
  const payload = encodeCbor({ subscriptionId: SUBSCRIPTION, response: { Ok: { rows: positions.map(row), has_more: hasMore } } });
  made.session.frame(serverFrame({ kind: "event", name: "stream/subscription_response", arg: payload, id: undefined }), 0, made.out);
}

const isJoined = ({ seen }: World): boolean => seen.some((each) => each.kind === "lifecycle" && each.event === "joined");
const problems = ({ seen }: World): readonly string[] => seen.flatMap((each) => (each.kind === "problem" ? [each.reason] : []));

test("signs in with its token, subscribes, and is in once the subscription is confirmed", () => {
  const made = world();
  signIn(made);
  expect(readFrame(made.sent[0] ?? "")).toEqual({ ok: true, value: { kind: "connect", data: { token: "jwt" } } });
  expect(lastCall(made).name).toBe("stream/subscribe_events");
  expect(isJoined(made)).toBe(false);
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  expect(isJoined(made)).toBe(true);
  news(made, []);
  news(made, [4, 5]);
  expect(made.seen.filter((each) => each.kind === "delivered").map((each) => each.position)).toEqual([4, 5]);
  expect(problems(made)).toEqual([]);
});

test("answers pings, and gives up a server that falls silent", () => {
  const made = world();
  signIn(made);
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  made.session.frame("2", 1000, made.out);
  expect(made.sent.at(-1)).toBe("3");
  expect(made.wakeAtMs).toBe(46_000);
  made.session.wake(46_000, made.out);
  expect(problems(made)).toEqual(["silent"]);
  expect(made.closes).toBe(1);
});

test("with history it is in once the past has come, and a gap in the past is a loss", () => {
  const made = world({ history: true });
  signIn(made);
  expect(isMap(lastCall(made).fields) && lastCall(made).fields).toMatchObject({ query: { start: 1 } });
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  news(made, [1, 2], true);
  expect(isJoined(made)).toBe(false);
  news(made, [4], false);
  expect(isJoined(made)).toBe(true);
  expect(problems(made)).toEqual(["lost"]);
  expect(made.seen.some((each) => each.kind === "delivered")).toBe(false);
});

test("a refused sign-in and a refused subscription are told as such", () => {
  const made = world();
  made.session.start(0, made.out);
  made.session.opened(0, made.out);
  made.session.frame('0{"pingInterval":1,"pingTimeout":1}', 0, made.out);
  made.session.frame(serverFrame({ kind: "event", name: "error", arg: "no", id: undefined }), 0, made.out);
  expect(made.seen).toEqual([{ kind: "rejected", code: "login", text: "no" }]);
  const other = world();
  signIn(other);
  answer(other, { Err: "members only" });
  expect(other.seen.at(-1)).toMatchObject({ kind: "rejected", code: "subscribe", text: "members only" });
});

test("after a lost connection it resumes behind its last position and sends again what had no answer", () => {
  const made = world({ reconnect: true });
  signIn(made);
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  news(made, [7]);
  const marker = { run: "r", author: 3, n: 1, intact: true };
  made.session.invoke({ kind: "write", id: 1, plannedMs: 0, value: { kind: "post", room: "general", body: "hi" }, marker }, 0, made.out);
  const first = lastCall(made).fields;
  made.session.closed(1006, "", 100, made.out);
  expect(made.wakeAtMs).toBeGreaterThan(100);
  made.session.wake(made.wakeAtMs, made.out);
  expect(made.connects).toBe(2);
  made.session.opened(2000, made.out);
  made.session.frame('0{"pingInterval":25000,"pingTimeout":20000}', 2000, made.out);
  made.session.frame(serverFrame({ kind: "event", name: "authenticated", arg: { did: DID }, id: undefined }), 2000, made.out);
  expect(lastCall(made).fields).toMatchObject({ query: { start: 8 } });
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  news(made, [8, 9]);
  expect(lastCall(made)).toMatchObject({ name: "stream/event_batch", fields: first });
  answer(made, { Err: "SQLite failure: `Unauthorized: duplicate r-3-1`" });
  expect(made.seen.at(-1)).toEqual({ kind: "accepted", op: 1 });
});

test("news that overtake the answer to the subscription are kept for it", () => {
  const made = world();
  signIn(made);
  news(made, [3]);
  expect(made.seen.some((each) => each.kind === "delivered")).toBe(false);
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  expect(made.seen.at(-1)).toMatchObject({ kind: "delivered", position: 3, marker: { author: 1, n: 3, intact: true } });
});

test("a view that the events do not give is found, at the position that it names", () => {
  const made = world({ history: true });
  signIn(made);
  answer(made, { Ok: { subscriptionId: SUBSCRIPTION } });
  news(made, [1, 2]);
  const roomRow = (idx: number, upTo: number): CborValue => {
    const body = markEvent({ kind: "post", room: "general", body: `n ${idx}` }, { run: "r", author: 1, n: idx }).body ?? "";
    return {
      upTo: sqlToCbor(integer(upTo)),
      idx: sqlToCbor(integer(idx)),
      eid: sqlToCbor(text(`r-1-${idx}`)),
      user: sqlToCbor(text(DID)),
      room: sqlToCbor(text("general")),
      body: sqlToCbor(text(body)),
      deleted: sqlToCbor(integer(0)),
    };
  };
  made.session.invoke({ kind: "read", id: 9, plannedMs: 0 }, 0, made.out);
  answer(made, { Ok: [roomRow(1, 3), roomRow(2, 3), roomRow(3, 3)] });
  // The third event has not come yet: the answer waits for it.
  expect(problems(made)).toEqual([]);
  news(made, [3]);
  expect(problems(made)).toEqual([]);
  made.session.invoke({ kind: "read", id: 10, plannedMs: 0 }, 0, made.out);
  answer(made, { Ok: [roomRow(1, 3), roomRow(2, 3)] });
  expect(problems(made)).toEqual(["diverged"]);
});

test("nothing that a server sends makes it throw", () => {
  const made = world();
  signIn(made);
  for (const frame of [
    "",
    "9",
    "0{}",
    "42",
    new Uint8Array(),
    Uint8Array.of(0xc1),
    serverFrame({ kind: "ack", id: 4, payload: 7 }),
    serverFrame({ kind: "event", name: "boo", arg: null, id: undefined }),
  ])
    made.session.frame(frame, 0, made.out);
  expect(problems(made).every((reason) => reason === "malformed")).toBe(true);
});
