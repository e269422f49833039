import { type CaseDefinition, Precondition } from "../../../../core/case.ts";
import { callFrame, rawCallFrame } from "../../codec.ts";
import { type CborValue, cidFromText, encodeCbor } from "../../dag-cbor.ts";
import { encodeEvent } from "../../events.ts";
import { integer, type LeafQuery, NULL, queryToCbor, text, WINDOW_MAX } from "../../messages.ts";
import { ask, firstGap, id, inLab, type Lab } from "../lab.ts";
import type { Answer, LeafSocket } from "../socket.ts";
import { reached } from "./order.ts";

const EVENTS = 3_500;
const LIMITS: readonly (number | bigint | undefined)[] = [1, 999, 1000, 1001, 1_000_000, 2n ** 53n, undefined];

const windows: CaseDefinition = {
  name: "subscriptions/windows",
  title: "A window holds at most 1000 positions, whatever limit is asked",
  ids: [id("CAP-03")],
  phase: "shared",
  limitMs: 90_000,
  run: inLab(async (lab) => {
    const owner = await lab.signIn();
    const stream = await lab.stream(owner);
    for (let from = 0; from < EVENTS; from += 500)
      await lab.mustAppend(
        owner,
        stream,
        Array.from({ length: 500 }, () => lab.post()),
      );
    for (const limit of LIMITS) {
      const most = limit === undefined || limit > WINDOW_MAX ? WINDOW_MAX : Number(limit);
      const bounds = limit === undefined ? {} : { limit };
      const answer = await lab.query(owner, stream, ask("log", bounds));
      if (!lab.check("CAP-03", answer.ok, "wrong-refusal", `limit ${limit} is taken`, answer.ok ? "" : answer.error, owner)) continue;
      const rows = await lab.rows(owner, stream, ask("log", bounds));
      lab.check("CAP-03", rows.length <= most, "over-limit", `at most ${most} positions for limit ${limit}`, `${rows.length}`, owner);
      lab.check("CAP-03", rows.length >= most, "lost", `${most} positions for limit ${limit}`, `${rows.length}`, owner);
      const start = EVENTS - (most === 1 ? 40 : EVENTS - 1);
      const subscription = await owner.subscribe(stream, ask("log", { start, ...bounds }));
      await reached([subscription], EVENTS);
      const widest = Math.max(...subscription.news.map((news) => news.rows.length));
      lab.check("CAP-03", widest <= most, "over-limit", `no news of more than ${most} positions for limit ${limit}`, `${widest}`, owner);
      const positions = subscription.rows.map((row) => row.stored.idx);
      const gap = firstGap(positions, start);
      lab.check(
        "CAP-03",
        gap === undefined && positions.length === EVENTS - start + 1,
        "lost",
        `paging gives positions ${start} to ${EVENTS} once`,
        gap ?? `${positions.length} rows`,
        owner,
      );
      await owner.call("stream/unsubscribe", { subscriptionId: subscription.id ?? "" });
    }
  }),
};

const ERR_MS_MAX = 2_000;
const NOBODY = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const NO_MODULE = "bafyreigzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzi";
/** Ids of frames written by hand, far from those that the socket gives out. */
const RAW_IDS = 700_000;

interface BadCall {
  readonly what: string;
  readonly name: string;
  readonly arg: CborValue;
  /** L-14: no answer at all is accepted as well. */
  readonly maySilent?: true;
}

function badCalls(stream: string): readonly BadCall[] {
  const query = (what: string, given: LeafQuery): BadCall => ({
    what,
    name: "stream/query",
    arg: { streamDid: stream, query: queryToCbor(given) },
  });
  return [
    { what: "a call without fields", name: "stream/query", arg: {}, maySilent: true },
    { what: "a list for a map", name: "stream/event_batch", arg: [], maySilent: true },
    { what: "events that are texts", name: "stream/event_batch", arg: { streamDid: stream, events: ["x"] }, maySilent: true },
    { what: "a stream that is a number", name: "stream/info", arg: { streamDid: 7 }, maySilent: true },
    { what: "a query without params", name: "stream/query", arg: { streamDid: stream, query: { name: "log" } }, maySilent: true },
    { what: "an unknown event", name: "stream/burn", arg: { streamDid: stream }, maySilent: true },
    { what: "an unknown stream", name: "stream/query", arg: { streamDid: NOBODY, query: queryToCbor(ask("log")) } },
    { what: "an append to an unknown stream", name: "stream/event_batch", arg: { streamDid: NOBODY, events: [Uint8Array.of(0xa0)] } },
    { what: "a module that is not there", name: "stream/create", arg: { moduleCid: cidFromText(NO_MODULE) ?? null } },
    {
      what: "an update to a module that is not there",
      name: "stream/update_module",
      arg: { streamDid: stream, moduleCid: cidFromText(NO_MODULE) ?? null },
    },
    {
      what: "a post without eid",
      name: "stream/event_batch",
      arg: { streamDid: stream, events: [encodeEvent({ kind: "post", room: "general" })] },
    },
    { what: "an event that is no DRISL", name: "stream/event_batch", arg: { streamDid: stream, events: [Uint8Array.of(0xff)] } },
    query("an unknown query", ask("nothing")),
    query("a parameter that is not declared", ask("log", { params: { nope: integer(1) } })),
    query("a parameter that is missing", ask("room")),
    query("null for a parameter that is not optional", ask("room", { params: { room: NULL } })),
    query("a parameter of the wrong kind", ask("room", { params: { room: integer(1) } })),
    query("limit 0", ask("log", { limit: 0 })),
    query("a negative limit", ask("log", { limit: -5 })),
    query("a negative start", ask("log", { start: -1 })),
    {
      what: "a subscription to an unknown query",
      name: "stream/subscribe_events",
      arg: { streamDid: stream, query: queryToCbor(ask("nothing")) },
    },
    {
      what: "a subscription without its parameter",
      name: "stream/subscribe_events",
      arg: { streamDid: stream, query: queryToCbor(ask("room")) },
    },
  ];
}

const badRequests: CaseDefinition = {
  name: "errors/bad-requests",
  title: "A bad request gets an error tied to it; the session and others live on",
  ids: [id("ERR-02")],
  phase: "shared",
  limitMs: 120_000,
  run: inLab(async (lab, t) => {
    const [owner, bystander] = await lab.signInMany(2);
    if (owner === undefined || bystander === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const watching = await bystander.subscribe(stream, ask("log", { start: 1 }));
    let socket: LeafSocket = await lab.signIn();
    let written = 0;
    const judge = async (what: string, answer: Answer, maySilent: boolean): Promise<void> => {
      const isSilent = "isSilent" in answer;
      lab.check("ERR-02", !answer.ok, "not-refused", `${what} is Err`, () => `Ok: ${JSON.stringify(answer)}`, socket);
      if (isSilent && !maySilent) lab.check("ERR-02", false, "silent", `${what} is answered within ${ERR_MS_MAX} ms`, answer.error, socket);
      // A closed socket is accepted where no answer is.
      if (!socket.isOpen && maySilent) socket = await lab.signIn();
      const good = await lab.append(socket, stream, [lab.post()]);
      if (good.ok) written += 1;
      lab.check("ERR-02", good.ok, "closed", `a good call works after ${what}`, good.ok ? "" : good.error, socket);
      if (!socket.isOpen) socket = await lab.signIn();
    };
    for (const { what, name, arg, maySilent } of badCalls(stream))
      await judge(what, await socket.call(name, arg, ERR_MS_MAX), maySilent ?? false);
    const raws: readonly (readonly [string, (call: number) => Uint8Array])[] = [
      ["bytes that are no CBOR", (call) => rawCallFrame("stream/query", Uint8Array.of(0xff, 0), call)],
      ["a text for bytes", (call) => rawCallFrame("stream/query", "hello", call)],
      ["bytes behind the value", (call) => rawCallFrame("stream/info", Uint8Array.from([...encodeCbor({ streamDid: stream }), 0]), call)],
    ];
    for (const [index, [what, frame]] of raws.entries())
      await judge(what, await socket.raw(frame(RAW_IDS + index), RAW_IDS + index, what, ERR_MS_MAX), true);
    // Without an id nobody waits for the answer; whether the append counts is open.
    void socket.raw(callFrame("stream/event_batch", { streamDid: NOBODY, events: [] }, undefined), -1, "a call without an id", 1);
    await judge(
      "a call without an id",
      await socket.call("stream/query", { streamDid: NOBODY, query: queryToCbor(ask("log")) }, ERR_MS_MAX),
      false,
    );
    await reached([watching], written);
    const positions = watching.rows.map((row) => row.stored.idx);
    lab.check(
      "ERR-02",
      firstGap(positions, 1) === undefined && positions.length === written,
      "lost",
      `a bystander got all ${written} events`,
      `${positions.length}`,
      bystander,
    );
    const { upTo } = await lab.count(owner, stream);
    lab.check("ERR-02", upTo === written, "ghost", `nothing of a bad request stands: ${written} events`, `${upTo}`, owner);
    await judgeOneText(lab, owner);
    t.report(id("ERR-02"), `${badCalls(stream).length + raws.length} kinds of bad requests`);
  }),
};

/** L-12: what is not there and what one may not see are not told apart by more than the error itself. */
async function judgeOneText(lab: Lab, owner: LeafSocket): Promise<void> {
  const answers = await Promise.all(
    [NOBODY, NOBODY.replace("aaaa", "bbbb")].map((did) => lab.query(owner, did, ask("room", { params: { room: text("general") } }))),
  );
  const texts = answers.map((answer) => (answer.ok ? "Ok" : answer.error.replace(/did:plc:\w+/g, "")));
  lab.check("ERR-02", new Set(texts).size === 1, "malformed", "one answer for streams that are not there", texts.join(" and "), owner);
}

export const limitCases: readonly CaseDefinition[] = [windows, badRequests];
