import { describe, expect, it } from "vitest";
import type { Detail } from "../../core/observation.ts";
import { createPrng } from "../../core/prng.ts";
import type { HttpRequest, Outbox, Session } from "../../core/session.ts";
import { markersIn, readClientFrame, serverFrame } from "./codec.ts";
import type { ClientMessage } from "./messages.ts";
import { loroDocuments } from "./node/loro.ts";
import { entityId } from "./rooms.ts";
import { createSession } from "./session.ts";

const ROOM = entityId("room");
const USER = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const CREDENTIAL = { user: USER, headers: { authorization: "Bearer jwt" }, query: {}, protocols: [] };

interface Bench {
  readonly session: Session;
  readonly seen: Detail[];
  readonly sent: ClientMessage[];
  readonly asked: HttpRequest[];
  readonly connects: { readonly path: string; readonly protocols: readonly string[] }[];
  readonly out: Outbox;
  wakeAtMs: number;
  credentials: number;
}

function bench(reconnect = false): Bench {
  const made: Bench = {
    session: createSession(
      {
        room: ROOM,
        basePath: "",
        dialect: "published",
        prng: createPrng(String(Math.random())),
        keepaliveMs: undefined,
        reconnect,
        readOnJoin: false,
        run: "run",
      },
      loroDocuments,
    ),
    seen: [],
    sent: [],
    asked: [],
    connects: [],
    wakeAtMs: Infinity,
    credentials: 0,
    out: {
      connect: (path, protocols) => void made.connects.push({ path, protocols }),
      send: (frame) => {
        const parsed = readClientFrame(frame);
        if (parsed.ok) made.sent.push(parsed.value);
      },
      close: () => made.session.closed(1000, "", 0, made.out),
      http: (_tag, request) => void made.asked.push(request),
      needCredential: () => {
        made.credentials += 1;
      },
      wakeAt: (atMs) => {
        made.wakeAtMs = atMs;
      },
      observe: (detail) => void made.seen.push(detail),
      delivered: (delivery) => void made.seen.push(delivery),
    },
  };
  return made;
}

/** Up to the open socket. */
function open(each: Bench, token = "T"): void {
  const { session, out } = each;
  session.reply("credential", CREDENTIAL, 0, out);
  session.reply("token", { status: 200, headers: {}, body: JSON.stringify({ token }) }, 0, out);
  session.opened(0, out);
}

/** The server's part: every update comes back to its sender and goes to the others, once. */
function echo(from: Bench, to: readonly Bench[] = [from]): void {
  for (const message of from.sent.splice(0))
    if (message.type === "sendUpdate")
      for (const each of to) each.session.frame(serverFrame({ type: "handleUpdate", entityId: ROOM, update: message.update }), 1, each.out);
}

function joined(reconnect = false, others: readonly Bench[] = []): Bench {
  const each = bench(reconnect);
  each.session.start(0, each.out);
  open(each);
  echo(each, [each, ...others]);
  return each;
}

const write = (each: Bench, n: number): void =>
  each.session.invoke(
    { kind: "write", id: n, plannedMs: 0, value: { do: "type", at: 0, text: `w${n}` }, marker: { run: "run", author: 1, n, intact: true } },
    0,
    each.out,
  );

function shown(each: Bench): string | undefined {
  each.session.invoke({ kind: "read", id: 99, plannedMs: 0 }, 0, each.out);
  const last = each.seen.at(-1);
  return last?.kind === "snapshot" ? last.content : undefined;
}

describe("a session", () => {
  it("fetches a token, shows it as the second sub-protocol, subscribes, and is joined by the echo of its hello", () => {
    const each = bench();
    each.session.start(0, each.out);
    open(each, "TOKEN");
    expect(each.asked).toEqual([{ method: "GET", path: "/xrpc/chat.roomy.v0.sync.token", headers: CREDENTIAL.headers }]);
    expect(each.connects).toEqual([{ path: `/sync/as/${USER}`, protocols: ["authorization", "TOKEN"] }]);
    expect(each.sent.map(({ type }) => type)).toEqual(["subscribe", "sendUpdate"]);
    expect(each.seen.some(({ kind }) => kind === "lifecycle")).toBe(false);
    echo(each);
    expect(each.seen.at(-1)).toEqual({ kind: "lifecycle", event: "joined", user: USER });
  });

  it("carries its marker in the bytes of its update, and tells its echo as a delivery", () => {
    const each = joined();
    write(each, 1);
    const [message] = each.sent;
    expect(message?.type === "sendUpdate" && markersIn(message.update)).toEqual([{ run: "run", author: 1, n: 1, intact: true }]);
    echo(each);
    expect(each.seen.at(-1)).toMatchObject({ kind: "delivered", marker: { n: 1, intact: true } });
  });

  it("shows the same as another that has the same updates, in whatever order", () => {
    const one = bench();
    one.session.start(0, one.out);
    open(one);
    const two = joined(false, [one]);
    echo(one, [one, two]);
    for (let n = 1; n <= 5; n += 1) write(one, n);
    for (let n = 6; n <= 10; n += 1) write(two, n);
    expect(shown(one)).not.toBe(shown(two));
    echo(two, [one, two]);
    echo(one, [one, two]);
    expect(shown(one)).toBe(shown(two));
  });

  it("comes back with a fresh token, its present version, and what may not have arrived", () => {
    const each = joined(true);
    write(each, 1);
    each.sent.length = 0;
    each.session.closed(1006, "", 10, each.out);
    write(each, 2);
    expect(each.sent).toEqual([]);
    each.session.wake(each.wakeAtMs, each.out);
    open(each, "SECOND");
    expect([each.credentials, each.asked.length]).toEqual([2, 2]);
    expect(each.connects.at(-1)?.protocols).toEqual(["authorization", "SECOND"]);
    expect(each.sent.map(({ type }) => type)).toEqual(["subscribe", "sendUpdate", "sendUpdate", "sendUpdate"]);
    const [subscribe] = each.sent;
    expect(subscribe?.type === "subscribe" && subscribe.versionVector.length).toBeGreaterThan(1);
    echo(each);
    each.session.closed(1006, "", 20, each.out);
    each.session.wake(each.wakeAtMs, each.out);
    open(each);
    // Both were confirmed by the echo of the hello behind them: only a new hello is left to send.
    expect(each.sent.map(({ type }) => type)).toEqual(["subscribe", "sendUpdate"]);
  });

  it.each([
    ["text", "hello", "malformed"],
    [
      "an update of another document",
      serverFrame({ type: "handleUpdate", entityId: entityId("other"), update: new Uint8Array(1) }),
      "foreign",
    ],
  ] as const)("reports %s and goes on", (_what, frame, reason) => {
    const each = joined();
    each.session.frame(frame, 0, each.out);
    expect(each.seen.at(-1)).toMatchObject({ kind: "problem", reason });
  });

  it("reports an update that Loro cannot read when it looks at it", () => {
    const each = joined();
    each.session.frame(serverFrame({ type: "handleUpdate", entityId: ROOM, update: Uint8Array.of(1, 2, 3) }), 0, each.out);
    shown(each);
    expect(each.seen.some((detail) => detail.kind === "problem" && detail.reason === "damaged")).toBe(true);
  });

  it.each([403, 401, 400])("takes a %s at the token route for final", (status) => {
    const each = bench(true);
    each.session.start(0, each.out);
    each.session.reply("credential", CREDENTIAL, 0, each.out);
    each.session.reply("token", { status, headers: {}, body: '{"error":"no"}' }, 0, each.out);
    expect(each.seen.at(-1)).toMatchObject({ kind: "rejected", code: `http-${status}` });
    expect(each.wakeAtMs).toBe(Infinity);
  });

  it.each([503, 429])("comes back after a %s", (status) => {
    const each = bench(true);
    each.session.start(0, each.out);
    each.session.reply("credential", CREDENTIAL, 0, each.out);
    each.session.reply("token", { status, headers: {}, body: "" }, 0, each.out);
    expect(each.wakeAtMs).toBeLessThan(1_000);
  });
});
