import { expect, test } from "vitest";
import type { Ledger } from "../../core/ledger.ts";
import type { Frame, Outbox, Session } from "../../core/session.ts";
import { createAlarms } from "./alarms.ts";
import { createNodeClient, type NodeClient } from "./client.ts";
import type { Transport, TransportEvents } from "./transport.ts";

/** A transport without a socket, whose connections' ends the test holds; `cuts` counts. */
function fakeTransport(): { readonly transport: Transport; readonly ends: TransportEvents[]; readonly ways: unknown[]; cuts: number } {
  const fake: ReturnType<typeof fakeTransport> = {
    transport: {
      connect: ({ url, via }, events) => {
        fake.ends.push(events);
        fake.ways.push([url, via?.port]);
        return {
          send: () => undefined,
          close: () => undefined,
          cut: () => {
            fake.cuts += 1;
          },
        };
      },
    },
    ends: [],
    ways: [],
    cuts: 0,
  };
  return fake;
}

interface Fixture {
  readonly client: NodeClient;
  readonly out: Outbox;
  readonly fake: ReturnType<typeof fakeTransport>;
  readonly told: unknown[];
  readonly frames: Frame[];
  readonly kept: (Uint8Array | undefined)[];
}

/** A client that is connecting, whose session writes down what it is told and calls every frame a broadcast. */
function create(more: Pick<Parameters<typeof createNodeClient>[0], "legs" | "via" | "regained"> = {}): Fixture {
  const told: unknown[] = [];
  const frames: Frame[] = [];
  const kept: (Uint8Array | undefined)[] = [];
  let out: Outbox | undefined;
  const fake = fakeTransport();
  const session: Session = {
    start: (_, box) => {
      out = box;
      box.connect("/r", [], {});
    },
    opened: () => told.push("opened"),
    frame: (frame, _, box) => {
      frames.push(frame);
      box.delivered({ kind: "delivered", marker: undefined, content: "" } as never, frame, true);
    },
    expected: (decoded) => told.push(["expected", decoded]),
    reply: (tag, answer) => told.push([tag, answer]),
    closed: (code, reason) => told.push(["closed", code, reason]),
    invoke: () => undefined,
    wake: () => undefined,
  };
  const ledger = {
    recognise: (_: number, bytes: Uint8Array, start: number) => (bytes[start] === 0x21 ? { decoded: "known" } : undefined),
    // As the real ledger keeps an entry's bytes.
    delivered: (_: number, __: unknown, ___: unknown, bytes: Uint8Array | undefined) => kept.push(bytes?.slice()),
  } as unknown as Ledger;
  const alarms = createAlarms(() => 0);
  const client = createNodeClient({
    session,
    url: "http://127.0.0.1:1",
    headers: {},
    ca: undefined,
    localAddress: undefined,
    transport: fake.transport,
    alarms,
    nowMs: () => 0,
    credential: () => Promise.reject(new Error("none")),
    http: () => Promise.reject(new Error("none")),
    observe: () => undefined,
    ...more,
    ledger: { ledger, slot: 0 },
  });
  client.start();
  alarms.stop();
  if (out === undefined) throw new Error("the session was not started");
  return { client, out, fake, told, frames, kept };
}

test.each([
  ["a Uint8Array", new Uint8Array(16)],
  ["a Buffer, whose slice does not copy", Buffer.alloc(16)],
])("what session and ledger keep of a frame outlives the read buffer: %s", (_, shared) => {
  const { fake, frames, kept } = create();
  shared.set(Buffer.from("..bytes"));
  fake.ends[0]?.frame(shared, 2, 7, false);
  shared.fill(0);
  shared.set(Buffer.from("...words"));
  fake.ends[0]?.frame(shared, 3, 8, true);
  shared.fill(0);
  expect(frames).toEqual([new Uint8Array(Buffer.from("bytes")), "words"]);
  expect(kept.map((bytes) => Buffer.from(bytes ?? []).toString())).toEqual(["bytes", "words"]);
});

test("a frame that the ledger recognises is not decoded", () => {
  const { fake, frames, told } = create();
  const expects = (isText: boolean): boolean | undefined => fake.ends[0]?.expects(Buffer.from("!"), 0, 1, isText);
  expect(expects(true)).toBe(false);
  fake.ends[0]?.frame(Buffer.from("x"), 0, 1, true);
  expect([expects(true), expects(false)]).toEqual([true, false]);
  expect(frames).toEqual(["x"]);
  expect(told).toEqual([["expected", "known"]]);
});

test("a socket that was given up for another is cut, and what it tells is not heard", () => {
  const { fake, out, told, frames } = create();
  out.connect("/again", [], {});
  expect(fake.cuts).toBe(1);
  fake.ends[0]?.opened();
  fake.ends[0]?.frame(Buffer.from("x"), 0, 1, true);
  fake.ends[0]?.closed(1006, "");
  fake.ends[0]?.refused(0, "");
  expect([told, frames]).toEqual([[], []]);
  fake.ends[1]?.opened();
  expect(told).toEqual(["opened"]);
});

test("nothing is heard of a client that was stopped, and it does not connect again", () => {
  const { client, fake, out, told } = create();
  client.stop();
  fake.ends[0]?.opened();
  out.connect("/again", [], {});
  expect([fake.cuts, fake.ends.length, told]).toEqual([1, 1, []]);
});

test("a refused upgrade says where it was sent to, or the body's beginning", () => {
  const answers = [
    { headers: { location: "https://else.example/" }, body: "moved" },
    { headers: {}, body: "x".repeat(1000) },
    { headers: {}, body: "" },
    undefined,
  ];
  const failures = answers.map((answer) => {
    const { fake, told } = create();
    fake.ends[0]?.refused(403, "Forbidden", answer);
    return told[0];
  });
  expect(failures).toEqual(
    ["Forbidden: https://else.example/", `Forbidden: ${"x".repeat(200)}`, "Forbidden", "Forbidden"].map((failure) => [
      "connect",
      { failure, status: 403 },
    ]),
  );
});

test("a further connection goes the client's way, is cut with it and ends with it; the client is back when both are", () => {
  let regained = 0;
  const legs = { elsewhere: "ws://127.0.0.2:1/hub" };
  const { client, fake, out } = create({ via: { host: "127.0.0.1", port: 9 }, legs, regained: () => (regained += 1) });
  const session = (): Session => ({
    start: (_, box) => box.connect("", [], {}),
    opened: () => undefined,
    frame: () => undefined,
    expected: () => undefined,
    reply: () => undefined,
    closed: () => undefined,
    invoke: () => undefined,
    wake: () => undefined,
  });
  out.leg?.("hub", "/hub", session());
  const elsewhere = out.leg?.("elsewhere", "/hub", session());
  expect(fake.ways).toEqual([
    ["ws://127.0.0.1:1/r", 9],
    ["ws://127.0.0.1:1/hub", 9],
    ["ws://127.0.0.2:1/hub", undefined],
  ]);
  elsewhere?.stop();
  expect(fake.cuts).toBe(1);
  fake.ends[1]?.opened();
  client.cut();
  expect(fake.cuts).toBe(3);
  fake.ends[0]?.opened();
  expect(regained).toBe(1);
  client.stop();
  expect(fake.cuts).toBe(5);
  out.leg?.("hub", "/hub", session());
  expect(fake.ways).toHaveLength(3);
});
