import { type CaseDefinition, Precondition } from "../../../../core/case.ts";
import { encodeCbor, real } from "../../dag-cbor.ts";
import type { ChatEvent, StoredEvent } from "../../events.ts";
import { Views, viewsAt } from "../../fold.ts";
import { type BasicModule, integer, NULL, rowText, sqlText, type SqlValue, text } from "../../messages.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import { ask, id, inLab, type Lab, whole } from "../lab.ts";
import type { LeafSocket, Subscription } from "../socket.ts";
import { readLog, reached } from "./order.ts";

const HISTORY = 10_000;
const BATCH = 500;
const ROOMS = ["general", "random", "help"] as const;

/** A mixed history: posts, edits, deletions, and kinds that the views do not know. */
function mixed(lab: Lab, own: string[]): ChatEvent {
  const { prng } = lab.t;
  const post = lab.post({ room: prng.pick(ROOMS) });
  const target = own.length === 0 || prng.below(4) > 0 ? undefined : prng.pick(own);
  if (target !== undefined) return { ...post, kind: prng.pick(["edit", "delete"]), target };
  if (prng.below(10) === 0) return { ...post, kind: "wave" };
  own.push(post.eid ?? "");
  return post;
}

async function fill(lab: Lab, socket: LeafSocket, stream: string, count: number): Promise<void> {
  const own: string[] = [];
  for (let from = 0; from < count; from += BATCH)
    await lab.mustAppend(
      socket,
      stream,
      Array.from({ length: Math.min(BATCH, count - from) }, () => mixed(lab, own)),
    );
}

function storedOf(subscription: Subscription): readonly StoredEvent[] {
  return subscription.rows.map((row) => row.stored);
}

const function_: CaseDefinition = {
  name: "views/function-of-the-stream",
  title: "State is a function of the stream: replays with different limits, and the server's own views, agree",
  ids: [id("CONV-01")],
  phase: "shared",
  limitMs: 120_000,
  run: inLab(async (lab) => {
    const [owner, other] = await lab.signInMany(2);
    if (owner === undefined || other === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    await fill(lab, owner, stream, HISTORY);
    const one = await owner.subscribe(stream, ask("log", { start: 1 }));
    const two = await other.subscribe(stream, ask("log", { start: 1, limit: 137 }));
    await reached([one, two], HISTORY, 60_000);
    const [left, right] = [viewsAt(storedOf(one), HISTORY), viewsAt(storedOf(two), HISTORY)];
    lab.check(
      "CONV-01",
      left.upTo === HISTORY && right.upTo === HISTORY,
      "lost",
      `both replays come to ${HISTORY}`,
      `${left.upTo} and ${right.upTo}`,
      other,
    );
    lab.check("CONV-01", left.text() === right.text(), "diverged", "two replays give the same views", () => difference(left, right), other);
    for (const room of ROOMS) await compareRoom(lab, owner, stream, storedOf(one), room, "CONV-01");
  }),
};

function difference(left: Views, right: Views): string {
  const [one, two] = [left.messages(), right.messages()];
  const at = one.findIndex((message, index) => JSON.stringify(message) !== JSON.stringify(two[index]));
  return `message ${at + 1}: ${JSON.stringify(one[at])} and ${JSON.stringify(two[at])}`;
}

/** The view `room`, row by row, against the fold of the events up to the position that it names. */
async function compareRoom(
  lab: Lab,
  socket: LeafSocket,
  stream: string,
  events: readonly StoredEvent[],
  room: string,
  of: string,
): Promise<void> {
  const rows = await lab.rows(socket, stream, ask("room", { params: { room: text(room) } }));
  const upTo = whole(rows[0], "upTo");
  const reachedTo = events.at(-1)?.idx ?? 0;
  if (!(upTo <= reachedTo)) throw new Precondition(`the view is at ${upTo}, and the events end at ${reachedTo}`);
  const own = viewsAt(events, upTo).roomTexts(room);
  const texts = rows.map(rowText);
  const at = own.findIndex((line, index) => line !== texts[index]);
  const isEqual = at === -1 && own.length === texts.length;
  const reason = texts.length < own.length ? "lost" : "diverged";
  lab.check(
    of,
    isEqual,
    of === "CONV-01" ? "diverged" : reason === "lost" ? "stale" : "diverged",
    `the view ${room} at ${upTo}: ${own[Math.max(0, at)] ?? "no more rows"}`,
    () => texts[Math.max(0, at)] ?? "no row",
    socket,
  );
}

const agree: CaseDefinition = {
  name: "views/agree-at-one-position",
  title: "The server's views and the fold of the events agree at one position, also while others write",
  ids: [id("CONV-02")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const [owner, reader] = await lab.signInMany(2);
    if (owner === undefined || reader === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const events = await reader.subscribe(stream, ask("log", { start: 1 }));
    await compareRoom(lab, reader, stream, storedOf(events), "general", "CONV-02");
    const own: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      const writing = Promise.all(Array.from({ length: 5 }, () => lab.append(owner, stream, [mixed(lab, own)])));
      const asked = await Promise.all(ROOMS.map((room) => lab.rows(reader, stream, ask("room", { params: { room: text(room) } }))));
      await writing;
      const latest = Math.max(...asked.map((rows) => whole(rows[0], "upTo")));
      await reader.until(() => events.last >= latest);
      const stored = storedOf(events);
      for (const [index, rows] of asked.entries()) {
        const room = ROOMS[index] ?? "";
        const upTo = whole(rows[0], "upTo");
        const expected = viewsAt(stored, upTo).roomTexts(room);
        const texts = rows.map(rowText);
        const at = expected.findIndex((line, place) => line !== texts[place]);
        const holds = at === -1 && texts.length === expected.length;
        lab.check(
          "CONV-02",
          holds,
          "diverged",
          `the view ${room} at ${upTo} is the fold of the events: ${expected[Math.max(0, at)] ?? "no more"}`,
          () => texts[Math.max(0, at)] ?? "no row",
          reader,
        );
      }
      await t.sleep(5);
    }
    await compareRoom(lab, reader, stream, storedOf(events), "empty", "CONV-02");
  }),
};

const rebuilt: CaseDefinition = {
  name: "views/rebuilt",
  title: "Views made anew by an equal module are those that were made step by step",
  ids: [id("CONV-03")],
  phase: "shared",
  needs: ["moduleUpload"],
  limitMs: 60_000,
  run: inLab(async (lab) => {
    const owner = await lab.signIn();
    const stream = await lab.stream(owner);
    await fill(lab, owner, stream, 1_000);
    const before = await Promise.all(ROOMS.map((room) => lab.rows(owner, stream, ask("room", { params: { room: text(room) } }))));
    const moduleCid = await lab.upload(owner, { ...REFERENCE_MODULE, initSql: `${REFERENCE_MODULE.initSql}\n-- once more` });
    const answer = await owner.call("stream/update_module", { streamDid: stream, moduleCid });
    if (!lab.check("CONV-03", answer.ok, "not-refused", "an equal module is taken", answer.ok ? "" : answer.error, owner)) return;
    const after = await Promise.all(ROOMS.map((room) => lab.rows(owner, stream, ask("room", { params: { room: text(room) } }))));
    for (const [index, rows] of before.entries()) {
      const [was, is] = [rows.map(rowText), (after[index] ?? []).map(rowText)];
      const at = was.findIndex((line, place) => line !== is[place]);
      lab.check(
        "CONV-03",
        at === -1 && was.length === is.length,
        "diverged",
        `${was[Math.max(at, 0)]}`,
        () => is[Math.max(at, 0)] ?? "no row",
        owner,
      );
    }
  }),
};

const ownAppend: CaseDefinition = {
  name: "views/own-append",
  title: "After the answer to an append its event is in the next read, on any socket",
  ids: [id("CONV-04")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const [owner, other] = await lab.signInMany(2);
    if (owner === undefined || other === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const second = t.has("secondUrl") && t.urls[1] !== undefined ? await lab.signIn(undefined, t.urls[1]) : undefined;
    for (let n = 1; n <= 25; n += 1) {
      const event = lab.post();
      const answer = await lab.append(owner, stream, [event]);
      if (!answer.ok) throw new Precondition(`an append was refused: ${answer.error}`);
      lab.check("CONV-04", answer.value === null, "malformed", "an append is answered Ok null", JSON.stringify(answer.value) ?? "", owner);
      const [count, rows] = await Promise.all([lab.count(other, stream), lab.rows(owner, stream, ask("log", { start: n, limit: 5 }))]);
      lab.check("CONV-04", count.upTo >= n, "stale", `count is at ${n} or later`, `at ${count.upTo}`, other);
      lab.check(
        "CONV-04",
        whole(rows[0], "idx") === n,
        "stale",
        `log has position ${n} right after the answer`,
        `${rows.length === 0 ? "no row" : rowText(rows[0] ?? {}).slice(0, 200)}`,
        owner,
      );
      if (second !== undefined && n % 5 === 0) {
        const isThere = await t.until(async () => (await lab.count(second, stream)).upTo >= n, 2_000);
        lab.check("CONV-04", isThere, "stale", `another process is at ${n} within 2 s`, "it is not", second);
      }
    }
  }),
};

const STATE_MODULE: BasicModule = {
  ...REFERENCE_MODULE,
  stateInitSql: "create table if not exists state.seen_up_to (user text primary key, at integer not null check (at < 1000))",
  stateMaterializer:
    "insert into state.seen_up_to select user, drisl_extract(payload, '.at') from event where true on conflict (user) do update set at = excluded.at",
  queries: [...REFERENCE_MODULE.queries, { name: "seen", sql: "select user, at from state.seen_up_to order by user", params: [] }],
};

function seenUpTo(at: number): Uint8Array {
  return encodeCbor({ at });
}

const state: CaseDefinition = {
  name: "views/state-events",
  title: "State events do not enter the log; state follows its own rules",
  ids: [id("CONV-05")],
  phase: "shared",
  needs: ["stateEvents", "moduleUpload"],
  limitMs: 60_000,
  run: inLab(async (lab) => {
    const [owner, other] = await lab.signInMany(2);
    if (owner === undefined || other === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner, STATE_MODULE);
    const seen = async (): Promise<string> => (await lab.rows(owner, stream, ask("seen"))).map(rowText).join("; ");
    const expected = (values: readonly (readonly [LeafSocket, number])[]): string =>
      values
        .map(([socket, at]) => ({ user: text(socket.did ?? ""), at: integer(at) }))
        .toSorted((left, right) => (left.user.kind === "text" && right.user.kind === "text" && left.user.value < right.user.value ? -1 : 1))
        .map(rowText)
        .join("; ");
    const written: string[] = [];
    for (let round = 1; round <= 5; round += 1) {
      const events = [lab.post(), lab.post()];
      written.push(...events.map((event) => event.eid ?? ""));
      await lab.mustAppend(owner, stream, events);
      const answer = await lab.appendState(owner, stream, [seenUpTo(round), seenUpTo(round * 10)]);
      if (!lab.check("CONV-05", answer.ok, "lost", "a state batch is Ok", answer.ok ? "" : answer.error, owner)) return;
      lab.check(
        "CONV-05",
        (await seen()) === expected([[owner, round * 10]]),
        "stale",
        `state shows ${round * 10} after the answer`,
        await seen(),
        owner,
      );
    }
    const failing = await lab.appendState(owner, stream, [seenUpTo(51), seenUpTo(5_000), seenUpTo(52)]);
    lab.check("CONV-05", !failing.ok, "not-refused", "a state batch whose second event breaks a constraint is Err", "Ok", owner);
    lab.check("CONV-05", (await seen()) === expected([[owner, 50]]), "ghost", "a failing state batch leaves nothing", await seen(), owner);
    await lab.appendState(other, stream, [seenUpTo(7)]);
    const both = expected([
      [owner, 50],
      [other, 7],
    ]);
    const log = await readLog(lab, owner, stream);
    const eids = log.map((row) => row.stored.event.eid ?? "");
    lab.check(
      "CONV-05",
      log.every((row, index) => row.stored.idx === index + 1) && JSON.stringify(eids) === JSON.stringify(written),
      "ghost",
      `the log holds the ${written.length} events and nothing else`,
      () => `${log.length} entries: ${eids.join(", ")}`,
      owner,
    );
    const moduleCid = await lab.upload(owner, { ...STATE_MODULE, initSql: `${STATE_MODULE.initSql}\n-- once more` });
    const updated = await owner.call("stream/update_module", { streamDid: stream, moduleCid });
    if (!updated.ok) throw new Precondition(`an equal module was refused: ${updated.error}`);
    lab.check("CONV-05", (await seen()) === both, "lost", `state is the same after update_module: ${both}`, await seen(), owner);
    const cleared = await owner.call("stream/clear_state", { streamDid: stream });
    lab.check(
      "CONV-05",
      cleared.ok && (await seen()) === "",
      "ghost",
      "after clear_state nothing is left",
      cleared.ok ? await seen() : cleared.error,
      owner,
    );
    await lab.appendState(owner, stream, [seenUpTo(3)]);
    lab.check("CONV-05", (await seen()) === expected([[owner, 3]]), "lost", "state can be used again", await seen(), owner);
    const after = await readLog(lab, owner, stream);
    lab.check(
      "CONV-05",
      after.length === log.length,
      after.length > log.length ? "ghost" : "lost",
      `the log has ${log.length} events still`,
      `${after.length}`,
      owner,
    );
  }),
};

const BIG = 2n ** 53n + 1n;
const [INT64_MIN, INT64_MAX] = [-(2n ** 63n), 2n ** 63n - 1n];

const VALUES: readonly (readonly [string, SqlValue, string])[] = [
  ["the integer 1", integer(1), "integer"],
  ["the float 1", { kind: "real", value: 1 }, "real"],
  ["the float -0.5", { kind: "real", value: -0.5 }, "real"],
  ["the float 1e300", { kind: "real", value: 1e300 }, "real"],
  ["0", integer(0), "integer"],
  ["-1", integer(-1), "integer"],
  ["2^53 + 1", integer(BIG), "integer"],
  ["the greatest integer", integer(INT64_MAX), "integer"],
  ["the least integer", integer(INT64_MIN), "integer"],
  ["an empty text", text(""), "text"],
  ["a text of all planes", text("aß水🐟\u0000z"), "text"],
  ["all bytes", { kind: "blob", value: Uint8Array.from({ length: 256 }, (_, byte) => byte) }, "blob"],
  ["no bytes", { kind: "blob", value: new Uint8Array() }, "blob"],
  ["null", NULL, "null"],
];

const VALUE_MODULE: BasicModule = {
  ...REFERENCE_MODULE,
  queries: [
    { name: "echo", sql: "select $p as value, typeof($p) as kind", params: [{ name: "p", kind: "any", optional: true }] },
    {
      name: "extract",
      sql: "select drisl_extract(payload, '.v') as value, typeof(drisl_extract(payload, '.v')) as kind from events where idx = $start",
      params: [],
    },
  ],
};

const values: CaseDefinition = {
  name: "views/values",
  title: "Values keep their kind and bits from parameter and payload to row",
  ids: [id("CONV-06")],
  phase: "shared",
  needs: ["moduleUpload"],
  run: inLab(async (lab) => {
    const owner = await lab.signIn();
    const stream = await lab.stream(owner, VALUE_MODULE);
    for (const [what, value, kind] of VALUES) {
      const [row] = await lab.rows(owner, stream, ask("echo", { params: { p: value } }));
      const seen = row?.["value"];
      lab.check(
        "CONV-06",
        sqlText(seen) === sqlText(value),
        "damaged",
        `${what} as a parameter comes back as ${sqlText(value).slice(0, 100)}`,
        sqlText(seen),
        owner,
      );
      lab.check(
        "CONV-06",
        sqlText(row?.["kind"]) === `text ${kind}`,
        "damaged",
        `${what} is ${kind} to SQL`,
        sqlText(row?.["kind"]),
        owner,
      );
    }
    let idx = 0;
    for (const [what, value, kind] of VALUES) {
      const cbor = value.kind === "null" ? null : value.kind === "real" ? real(value.value) : value.value;
      const answer = await lab.append(owner, stream, [encodeCbor({ v: cbor })]);
      if (!answer.ok) throw new Precondition(`a payload was refused: ${answer.error}`);
      idx += 1;
      const [row] = await lab.rows(owner, stream, ask("extract", { start: idx, limit: 1 }));
      lab.check(
        "CONV-06",
        sqlText(row?.["value"]) === sqlText(value) && sqlText(row?.["kind"]) === `text ${kind}`,
        "damaged",
        `${what} in a payload comes back as ${sqlText(value).slice(0, 100)}`,
        sqlText(row?.["value"]),
        owner,
      );
    }
  }),
};

export const viewCases: readonly CaseDefinition[] = [function_, agree, rebuilt, ownAppend, state, values];
