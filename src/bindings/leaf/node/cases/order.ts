import { type CaseDefinition, Precondition } from "../../../../core/case.ts";
import type { ChatEvent } from "../../events.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import type { BasicModule } from "../../messages.ts";
import type { LogRow } from "../../log-rows.ts";
import { ask, firstGap, gapReason, id, inLab, type Lab } from "../lab.ts";
import type { LeafSocket, Subscription } from "../socket.ts";

/** Storms of a whole case on a busy machine. */
const STORM_MS_MAX = 45_000;

const WRITERS = 8;
const EVENTS = 500;
const READERS = 8;
/** Appends of one writer that wait for their answers at a time. */
const IN_FLIGHT = 25;

/** Appends one event a batch, a few at a time; gives the answers that were refusals. */
async function writeAll(
  lab: Lab,
  socket: LeafSocket,
  stream: string,
  events: readonly ChatEvent[],
  inFlight: number,
): Promise<readonly string[]> {
  const refused: string[] = [];
  for (let from = 0; from < events.length; from += inFlight) {
    const answers = await Promise.all(events.slice(from, from + inFlight).map((event) => lab.append(socket, stream, [event])));
    refused.push(...answers.flatMap((answer) => (answer.ok ? [] : [answer.error])));
  }
  return refused;
}

const oneOrder: CaseDefinition = {
  name: "streams/one-order",
  title: "All readers of one stream see one order",
  ids: [id("ORD-01")],
  phase: "shared",
  limitMs: 90_000,
  run: inLab(async (lab) => {
    const writers = await lab.signInMany(WRITERS);
    const readers = await lab.signInMany(READERS);
    const [owner] = writers;
    if (owner === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const subscriptions = await Promise.all(readers.map((reader) => reader.subscribe(stream, ask("log", { start: 1 }))));
    const refused = await Promise.all(
      writers.map((writer) =>
        writeAll(
          lab,
          writer,
          stream,
          Array.from({ length: EVENTS }, () => lab.post()),
          IN_FLIGHT,
        ),
      ),
    );
    const wrong = refused.flat()[0];
    if (wrong !== undefined) throw new Precondition(`an append was refused: ${wrong}`);
    await reached(subscriptions, WRITERS * EVENTS);
    const [first, ...others] = subscriptions;
    const order = (first?.rows ?? []).map(named);
    for (const [index, subscription] of [...others, ...(first === undefined ? [] : [first])].entries()) {
      const rows = subscription.rows;
      const positions = rows.map((row) => row.stored.idx);
      const gap = positions.findIndex((position, at) => at > 0 && position <= (positions[at - 1] ?? 0));
      lab.check(
        "ORD-01",
        gap === -1,
        "disordered",
        "positions ascend",
        () => `${positions[gap - 1]}, then ${positions[gap]} at reader ${index}`,
        subscription.socket,
      );
      const mine = rows.map(named);
      const at = mine.findIndex((name, place) => order[place] !== undefined && order[place] !== name);
      lab.check(
        "ORD-01",
        at === -1 || gap !== -1,
        "disordered",
        `${order[at]}, as at reader 0`,
        () => `${mine[at]} in place ${at + 1}`,
        subscription.socket,
      );
      lab.check(
        "ORD-01",
        rows.length === WRITERS * EVENTS,
        rows.length < WRITERS * EVENTS ? "lost" : "doubled",
        `${WRITERS * EVENTS} events`,
        `${rows.length}`,
        subscription.socket,
      );
    }
  }),
};

function named({ stored }: LogRow): string {
  return `${stored.idx} ${stored.event.eid ?? ""}`;
}

/** Waits until all of them have come to a position, or to the end of the time. */
export async function reached(subscriptions: readonly Subscription[], position: number, withinMs: number = STORM_MS_MAX): Promise<void> {
  await Promise.all(
    subscriptions.map((each) => each.socket.until(() => each.last >= position || each.socket.closed !== undefined, withinMs)),
  );
}

const PIPELINED = 1_000;

const sendingOrder: CaseDefinition = {
  name: "streams/sending-order",
  title: "Events of one author on one socket keep their sending order, also when no answer is waited for",
  ids: [id("ORD-03")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab) => {
    const author = await lab.signIn();
    const stream = await lab.stream(author);
    const events = Array.from({ length: PIPELINED }, () => lab.post());
    await writeAll(lab, author, stream, events, PIPELINED);
    const subscription = await author.subscribe(stream, ask("log", { start: 1 }));
    await reached([subscription], PIPELINED);
    const sent = new Map(events.map((event, index) => [event.eid, index]));
    const places = subscription.rows.map((row) => sent.get(row.stored.event.eid) ?? -1);
    if (places.length < 2) throw new Precondition("the events could not be read");
    const at = places.findIndex((place, index) => index > 0 && place < (places[index - 1] ?? 0));
    lab.check(
      "ORD-03",
      at === -1,
      "disordered",
      "the author's counter ascends with idx",
      () => `… ${places.slice(Math.max(0, at - 3), at + 2).join(", ")} …`,
      author,
    );
  }),
};

const LIVE_SUBSCRIPTIONS = 50;
const LIVE_SECONDS = 4;
const LIVE_RATE = 200;
const LIMITS = [1, 2, 3, 7, 10, 50, 100, 499, 500, 1000] as const;
const BATCHES = [1, 1, 1, 2, 5, 20, 100, 500] as const;

const historyToLive: CaseDefinition = {
  name: "subscriptions/history-to-live",
  title: "The change from history to live loses and repeats nothing, at any limit and batch size",
  ids: [id("ORD-04")],
  phase: "shared",
  limitMs: 120_000,
  run: inLab(async (lab, t) => {
    const [writer, ...readers] = await lab.signInMany(6);
    if (writer === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(writer);
    await lab.mustAppend(
      writer,
      stream,
      Array.from({ length: 500 }, () => lab.post()),
    );
    let written = 500;
    let isWriting = true;
    const subscriptions: Subscription[] = [];
    const writing = (async () => {
      const endMs = t.nowMs() + LIVE_SECONDS * 1000;
      while (t.nowMs() < endMs) {
        const size = t.prng.pick(BATCHES);
        const answer = await lab.append(
          writer,
          stream,
          Array.from({ length: size }, () => lab.post()),
        );
        if (answer.ok) written += size;
        await t.sleep(Math.max(1, (1000 * size) / LIVE_RATE / 4));
      }
      isWriting = false;
    })();
    for (let n = 0; n < LIVE_SUBSCRIPTIONS; n += 1) {
      const reader = readers[n % readers.length];
      if (reader !== undefined)
        subscriptions.push(await reader.subscribe(stream, ask("log", { start: 1, limit: LIMITS[n % LIMITS.length] ?? 1000 })));
      if (isWriting) await t.sleep((LIVE_SECONDS * 800) / LIVE_SUBSCRIPTIONS);
    }
    await writing;
    await reached(subscriptions, written, 60_000);
    for (const [n, subscription] of subscriptions.entries()) {
      const positions = subscription.rows.map((row) => row.stored.idx);
      const gap = firstGap(positions, 1);
      const limit = LIMITS[n % LIMITS.length];
      lab.check(
        "ORD-04",
        gap === undefined,
        gapReason(positions, 1),
        `positions 1, 2, 3 … without gap at limit ${limit}`,
        gap ?? "",
        subscription.socket,
      );
      lab.check(
        "ORD-04",
        positions.length >= written,
        "lost",
        `all ${written} events at limit ${limit}`,
        `${positions.length}`,
        subscription.socket,
      );
    }
  }),
};

const ATOMIC_WRITERS = 8;
const ATOMIC_ROUNDS = 8;
const ATOMIC_SIZES = [1, 2, 5, 20, 100, 500] as const;

const atomicBatches: CaseDefinition = {
  name: "streams/atomic-batches",
  title: "A batch stands side by side in its order, or nothing of it stands",
  ids: [id("ORD-06"), id("SEC-03")],
  phase: "shared",
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const writers = await lab.signInMany(ATOMIC_WRITERS);
    const [owner] = writers;
    if (owner === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const seen = lab.post();
    await lab.mustAppend(owner, stream, [seen]);
    const taken: (readonly ChatEvent[])[] = [];
    const refused: (readonly ChatEvent[])[] = [];
    await Promise.all(
      writers.map(async (writer, place) => {
        for (let round = 0; round < ATOMIC_ROUNDS; round += 1) {
          const batch = Array.from({ length: ATOMIC_SIZES[(round + place) % ATOMIC_SIZES.length] ?? 1 }, () => lab.post());
          const isBad = round % 2 === 1;
          // At the start, in the middle, at the end.
          const at = [0, Math.floor(batch.length / 2), batch.length - 1][(round + place) % 3] ?? 0;
          const events = isBad ? batch.map((event, index) => (index === at ? { ...event, eid: seen.eid ?? "" } : event)) : batch;
          const answer = await lab.append(writer, stream, events);
          if (answer.ok) taken.push(events);
          else if (isBad) refused.push(events);
          else t.inconclusive(id("ORD-06"), `an append that should stand was refused: ${answer.error}`);
          if (isBad)
            lab.check(
              "SEC-03",
              !answer.ok,
              "not-refused",
              `a batch with a forbidden event in place ${at + 1} of ${events.length} is Err`,
              "Ok",
              writer,
            );
        }
      }),
    );
    const all = taken.reduce((sum, batch) => sum + batch.length, 1);
    const subscription = await owner.subscribe(stream, ask("log", { start: 1 }));
    await reached([subscription], all);
    await t.sleep(500);
    const rows = subscription.rows;
    const gap = firstGap(
      rows.map((row) => row.stored.idx),
      1,
    );
    lab.check("ORD-06", gap === undefined, "lost", "no position is left out by a refused batch", gap ?? "", owner);
    const places = new Map(rows.map((row) => [row.stored.event.eid, row.stored.idx]));
    for (const batch of taken) {
      const first = places.get(batch[0]?.eid) ?? NaN;
      const at = batch.findIndex((event, index) => places.get(event.eid) !== first + index);
      lab.check(
        "ORD-06",
        at === -1,
        places.has(batch[at]?.eid) ? "disordered" : "lost",
        `a batch of ${batch.length} stands side by side from ${first}`,
        () => `event ${at + 1} is at ${places.get(batch[at]?.eid)}`,
        owner,
      );
    }
    for (const batch of refused) {
      const ghost = batch.find((event) => event.eid !== seen.eid && places.has(event.eid));
      lab.check(
        "ORD-06",
        ghost === undefined,
        "ghost",
        `nothing of a refused batch of ${batch.length} stands`,
        () => `${ghost?.eid} is at ${places.get(ghost?.eid)}`,
        owner,
      );
    }
    const { n } = await lab.count(owner, stream);
    lab.check("ORD-06", n === all, n > all ? "ghost" : "lost", `${all} rows in the view`, `${n}`, owner);
  }),
};

/** SQL by which a module might reach for the log, and where it stands in the module. */
const ATTACKS: readonly (readonly [string, Partial<BasicModule>])[] = [
  ["an update in the materializer", { materializer: "update events.events set payload = x'a0'" }],
  ["a deletion in the materializer", { materializer: "delete from events.events where idx = 1" }],
  [
    "an insertion in the authorizer",
    { authorizer: "insert into events.events (idx, user, payload) values (1000, 'did:example:x', x'a0')" },
  ],
  ["an update in the authorizer", { authorizer: "update events.events set user = 'did:example:x'" }],
  ["a state materializer that deletes", { stateMaterializer: "delete from events.events" }],
  ["an attachment in the materializer", { materializer: "attach ':memory:' as other" }],
  ["a pragma in the materializer", { materializer: "pragma events.user_version = 7" }],
  ["the end of the transaction", { materializer: "rollback" }],
];

const immutable: CaseDefinition = {
  name: "streams/immutable",
  title: "Events are append-only and immutable, also for the SQL of a module",
  ids: [id("ORD-02")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const owner = await lab.signIn();
    const stream = await lab.stream(owner);
    await lab.mustAppend(
      owner,
      stream,
      Array.from({ length: 50 }, () => lab.post()),
    );
    const before = await readLog(lab, owner, stream);
    const [first] = before;
    if (first === undefined) throw new Precondition("the log could not be read");
    await lab.mustAppend(owner, stream, [{ kind: "delete", eid: lab.post().eid ?? "", target: first.stored.event.eid ?? "" }]);
    await lab.mustAppend(owner, stream, [
      { kind: "edit", eid: lab.post().eid ?? "", target: first.stored.event.eid ?? "", body: "other words" },
    ]);
    judgeSame(lab, owner, before, await readLog(lab, owner, stream), "after an edit and a deletion of the message");
    if (!t.has("moduleUpload")) return;
    for (const [what, part] of ATTACKS) {
      const attacked = await lab.stream(owner);
      await lab.mustAppend(owner, attacked, [lab.post(), lab.post()]);
      const was = await readLog(lab, owner, attacked);
      const moduleCid = await lab.upload(owner, { ...REFERENCE_MODULE, ...part });
      // It may be refused here already, or at the append: what counts is that the log stands.
      await owner.call("stream/update_module", { streamDid: attacked, moduleCid });
      const appended =
        part.stateMaterializer === undefined
          ? await lab.append(owner, attacked, [lab.post()])
          : await lab.appendState(owner, attacked, [Uint8Array.of(0xa0)]);
      const moduleAfter = await owner.call("stream/info", { streamDid: attacked });
      const now = await readLog(lab, owner, attacked);
      judgeSame(
        lab,
        owner,
        was,
        now.slice(0, was.length),
        `after ${what} (append ${appended.ok ? "Ok" : "Err"}, info ${moduleAfter.ok ? "Ok" : "Err"})`,
      );
      const extra = now.length - was.length - (appended.ok && part.stateMaterializer === undefined ? 1 : 0);
      lab.check("ORD-02", extra === 0, "ghost", `no further event ${what}`, `${extra} more`, owner);
    }
    const query = await lab.stream(owner, {
      ...REFERENCE_MODULE,
      queries: [...REFERENCE_MODULE.queries, { name: "burn", sql: "delete from events.events; select 1 as one", params: [] }],
    });
    await lab.mustAppend(owner, query, [lab.post()]);
    const was = await readLog(lab, owner, query);
    const burnt = await lab.query(owner, query, ask("burn"));
    lab.check("ORD-02", !burnt.ok, "not-refused", "a query that writes the log is Err", "Ok", owner);
    judgeSame(lab, owner, was, await readLog(lab, owner, query), "after a query that deletes");
  }),
};

/** The whole log by `stream/query`, at most one window. */
export async function readLog(lab: Lab, socket: LeafSocket, stream: string): Promise<readonly LogRow[]> {
  const subscription = await socket.subscribe(stream, ask("log", { start: 1 }));
  await socket.until(() => subscription.news.some((news) => !news.hasMore));
  await socket.call("stream/unsubscribe", { subscriptionId: subscription.id ?? "" });
  return subscription.rows;
}

/** Each event is where it was, byte by byte. */
export function judgeSame(
  lab: Lab,
  socket: LeafSocket,
  before: readonly LogRow[],
  after: readonly LogRow[],
  when: string,
  of: string = "ORD-02",
): void {
  lab.check(of, after.length >= before.length, "lost", `${before.length} events ${when}`, `${after.length}`, socket);
  for (const [index, row] of before.entries()) {
    const now = after[index];
    if (now === undefined) return;
    const isSame =
      now.stored.idx === row.stored.idx && now.stored.user === row.stored.user && Buffer.compare(now.payload, row.payload) === 0;
    if (
      !lab.check(
        of,
        isSame,
        "damaged",
        `event ${row.stored.idx} as it was, ${when}`,
        `${now.stored.idx} by ${now.stored.user}: ${Buffer.from(now.payload).toString("hex").slice(0, 120)}`,
        socket,
      )
    )
      return;
  }
}

export const orderCases: readonly CaseDefinition[] = [oneOrder, sendingOrder, historyToLive, atomicBatches, immutable];
