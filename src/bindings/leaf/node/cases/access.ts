import { type CaseDefinition, Precondition } from "../../../../core/case.ts";
import { rowText } from "../../messages.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import { ask, id, inLab, type Lab, whole } from "../lab.ts";
import type { Answer, LeafSocket, Subscription } from "../socket.ts";

const WATCH_MS = 2_000;
const STREAMS = 20;
const READERS = 20;
const ROUNDS = 4;

const ownStreamsOnly: CaseDefinition = {
  name: "subscriptions/own-streams-only",
  title: "A subscriber gets the events of its streams only, and nothing after unsubscribing",
  ids: [id("ISO-01")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const owner = await lab.signIn();
    const streams: string[] = [];
    for (let n = 0; n < STREAMS; n += 1) streams.push(await lab.stream(owner));
    const readers = await lab.signInMany(READERS);
    const homes = new Map<string, string>();
    const taken: { readonly stream: string; readonly subscription: Subscription }[] = [];
    await Promise.all(
      readers.map(async (reader) => {
        for (const stream of streams)
          if (t.prng.below(4) === 0) taken.push({ stream, subscription: await reader.subscribe(stream, ask("log", { start: 1 })) });
      }),
    );
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(
        streams.map((stream) => {
          const event = lab.post();
          homes.set(event.eid ?? "", stream);
          return lab.mustAppend(owner, stream, [event]);
        }),
      );
    }
    await Promise.all(taken.map(({ subscription }) => subscription.socket.until(() => subscription.last >= ROUNDS)));
    await t.sleep(300);
    for (const { stream, subscription } of taken) {
      const foreign = subscription.rows.find((row) => homes.get(row.stored.event.eid ?? "") !== stream);
      lab.check(
        "ISO-01",
        foreign === undefined,
        "foreign",
        `only events of ${stream}`,
        () => `${foreign?.stored.event.eid} of ${homes.get(foreign?.stored.event.eid ?? "")}`,
        subscription.socket,
      );
    }
    await judgeEnds(lab, owner, taken);
  }),
};

/** Another socket cannot end a subscription; its own ends it at once, and once. */
async function judgeEnds(
  lab: Lab,
  owner: LeafSocket,
  taken: readonly { readonly stream: string; readonly subscription: Subscription }[],
): Promise<void> {
  const [first, ...rest] = taken;
  const other = rest.find(({ subscription }) => subscription.socket !== first?.subscription.socket)?.subscription.socket;
  if (first === undefined || other === undefined) throw new Precondition("nobody subscribed");
  const { stream, subscription } = first;
  const subscriptionId = subscription.id ?? "";
  const wasSubscribed = (answer: Answer): string => (answer.ok ? String(Reflect.get(Object(answer.value), "wasSubscribed")) : answer.error);
  const stolen = await other.call("stream/unsubscribe", { subscriptionId });
  lab.check(
    "ISO-01",
    wasSubscribed(stolen) === "false" || !stolen.ok,
    "not-refused",
    "another socket's subscription is none of this one's",
    wasSubscribed(stolen),
    other,
  );
  const before = subscription.last;
  await lab.mustAppend(owner, stream, [lab.post()]);
  const goesOn = await subscription.socket.until(() => subscription.last > before);
  lab.check("ISO-01", goesOn, "lost", "the subscription goes on after another socket tried to end it", "nothing came", subscription.socket);
  const ended = await subscription.socket.call("stream/unsubscribe", { subscriptionId });
  const count = subscription.news.length;
  lab.check("ISO-01", wasSubscribed(ended) === "true", "malformed", "wasSubscribed: true", wasSubscribed(ended), subscription.socket);
  await lab.mustAppend(owner, stream, [lab.post()]);
  await lab.t.sleep(WATCH_MS / 2);
  lab.check(
    "ISO-01",
    subscription.news.length === count,
    "leaked",
    "no news after the answer to unsubscribe",
    `${subscription.news.length - count} more`,
    subscription.socket,
  );
  const again = await subscription.socket.call("stream/unsubscribe", { subscriptionId });
  lab.check(
    "ISO-01",
    wasSubscribed(again) === "false",
    "malformed",
    "the second time wasSubscribed: false",
    wasSubscribed(again),
    subscription.socket,
  );
}

const membersOnly: CaseDefinition = {
  name: "access/members-only",
  title: "Who may not read or write a stream is refused, and told nothing",
  ids: [id("ISO-02")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const [owner, stranger] = await lab.signInMany(2);
    if (owner === undefined || stranger === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const secret = `secret ${t.prng.below(1e9)}`;
    await lab.mustAppend(owner, stream, [lab.post({ kind: "grant", did: owner.did ?? "" }), lab.post({ body: secret })]);
    const own = await lab.count(owner, stream);
    const refused = (what: string, answer: Answer): void => {
      lab.check(
        "ISO-02",
        !answer.ok,
        "not-refused",
        `${what} by one that is no member is Err`,
        () => `Ok: ${JSON.stringify(answer)}`,
        stranger,
      );
      if (!answer.ok)
        lab.check(
          "ISO-02",
          !answer.error.includes(secret),
          "leaked",
          `the refusal of ${what} tells nothing of the content`,
          answer.error,
          stranger,
        );
    };
    refused("an append", await lab.append(stranger, stream, [lab.post()]));
    for (const name of ["log", "count"]) refused(`the query ${name}`, await lab.query(stranger, stream, ask(name)));
    const subscription = await stranger.subscribe(stream, ask("log", { start: 1 }));
    await t.sleep(WATCH_MS / 4);
    lab.check(
      "ISO-02",
      subscription.rowCount === 0,
      "leaked",
      "a subscription of one that is no member gives no row",
      `${subscription.rowCount} rows`,
      stranger,
    );
    const moduleCid = await lab.upload(stranger, REFERENCE_MODULE);
    refused("update_module", await stranger.call("stream/update_module", { streamDid: stream, moduleCid }));
    refused("clear_state", await stranger.call("stream/clear_state", { streamDid: stream }));
    refused("set_handle", await stranger.call("stream/set_handle", { streamDid: stream, handle: "stolen.test" }));
    const after = await lab.count(owner, stream);
    lab.check(
      "ISO-02",
      after.n === own.n && after.upTo === own.upTo,
      "ghost",
      `the stream is at ${own.upTo} still`,
      `at ${after.upTo} with ${after.n} messages`,
      owner,
    );
    const [row] = await lab.rows(owner, stream, ask("log", { start: 2, limit: 1 }));
    lab.check("ISO-02", whole(row, "idx") === 2, "absent", "a member reads", rowText(row ?? {}), owner);
  }),
};

const authorIsTheCaller: CaseDefinition = {
  name: "access/author-is-the-caller",
  title: "The author of an event is the authenticated DID, whatever the event or the call says",
  ids: [id("SEC-02")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const [owner, other] = await lab.signInMany(2);
    if (owner === undefined || other === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const [mine, theirs] = [owner.did ?? "", other.did ?? ""];
    const tries: readonly (readonly [string, () => Promise<Answer>])[] = [
      ["`user` in the call", () => lab.append(owner, stream, [lab.post()], { user: theirs })],
      ["`did` in the call", () => lab.append(owner, stream, [lab.post()], { did: theirs })],
      ["`userOverride`", () => lab.append(owner, stream, [lab.post()], { userOverride: theirs })],
      ["`did` in the payload", () => lab.append(owner, stream, [{ ...lab.post(), did: theirs }])],
      ["nothing of it", () => lab.append(owner, stream, [lab.post()])],
    ];
    let upTo = 0;
    for (const [what, act] of tries) {
      const answer = await act();
      const count = await lab.count(owner, stream);
      if (!answer.ok) {
        lab.check(
          "SEC-02",
          count.upTo === upTo,
          "ghost",
          `a refused append with ${what} leaves the stream at ${upTo}`,
          `at ${count.upTo}`,
          owner,
        );
        continue;
      }
      upTo += 1;
      const [row] = await lab.rows(owner, stream, ask("log", { start: upTo, limit: 1 }));
      const user = row?.["user"];
      lab.check(
        "SEC-02",
        user?.kind === "text" && user.value === mine,
        "foreign",
        `with ${what} the author is ${mine}`,
        user?.kind === "text" ? user.value : "nobody",
        owner,
      );
    }
    if (upTo === 0) throw new Precondition("no append was taken");
    if (!t.has("stateEvents") || !t.has("moduleUpload")) return;
    const stateful = await lab.stream(owner, {
      ...REFERENCE_MODULE,
      stateInitSql: "create table if not exists state.who (user text)",
      stateMaterializer: "insert into state.who select user from event",
      queries: [...REFERENCE_MODULE.queries, { name: "who", sql: "select distinct user from state.who", params: [] }],
    });
    for (const more of [{ user: theirs }, { userOverride: theirs }, {}])
      await lab.appendState(owner, stateful, [Uint8Array.of(0xa0)], more);
    const rows = await lab.rows(owner, stateful, ask("who"));
    lab.check(
      "SEC-02",
      rows.length === 1 && rowText(rows[0] ?? {}) === `user: text ${mine}`,
      "foreign",
      `the author of state events is ${mine}`,
      rows.map(rowText).join("; "),
      owner,
    );
  }),
};

const everyEventIsJudged: CaseDefinition = {
  name: "access/every-event-is-judged",
  title: "The authorizer judges every event of a batch, each on what those before it did",
  ids: [id("SEC-03")],
  phase: "shared",
  run: inLab(async (lab) => {
    const [owner, other] = await lab.signInMany(2);
    if (owner === undefined || other === undefined) throw new Precondition("nobody");
    const stream = await lab.stream(owner);
    const first = lab.post();
    await lab.mustAppend(owner, stream, [first]);
    const twin = lab.post();
    const foreignEdit = lab.post({ kind: "edit", target: first.eid ?? "" });
    const grantOwner = lab.post({ kind: "grant", did: owner.did ?? "" });
    const forbidden: readonly (readonly [string, LeafSocket, readonly ReturnType<Lab["post"]>[]])[] = [
      ["one eid twice in a batch", owner, [twin, twin]],
      ["a stored eid at the start", owner, [{ ...lab.post(), eid: first.eid ?? "" }, lab.post(), lab.post()]],
      ["a stored eid in the middle", owner, [lab.post(), { ...lab.post(), eid: first.eid ?? "" }, lab.post()]],
      ["a stored eid at the end", owner, [lab.post(), lab.post(), { ...lab.post(), eid: first.eid ?? "" }]],
      ["an edit of another's message", other, [lab.post(), foreignEdit]],
      ["a grant, and then a post of the one it shuts out", other, [grantOwner, lab.post()]],
    ];
    for (const [what, socket, batch] of forbidden) {
      const before = await lab.count(owner, stream);
      const answer = await lab.append(socket, stream, batch);
      lab.check("SEC-03", !answer.ok, "not-refused", `a batch with ${what} is Err`, "Ok", socket);
      const after = await lab.count(owner, stream);
      if (!answer.ok)
        lab.check(
          "SEC-03",
          after.n === before.n && after.upTo === before.upTo,
          "ghost",
          `the stream stays at ${before.upTo}`,
          `at ${after.upTo}`,
          owner,
        );
    }
    const own = lab.post();
    const allowed = await lab.append(owner, stream, [
      own,
      lab.post({ kind: "edit", target: own.eid ?? "" }),
      lab.post({ kind: "grant", did: owner.did ?? "" }),
      lab.post(),
    ]);
    lab.check(
      "SEC-03",
      allowed.ok,
      "wrong-refusal",
      "a post, its edit, a grant to oneself and a post are Ok in this order",
      allowed.ok ? "" : allowed.error,
      owner,
    );
  }),
};

export const accessCases: readonly CaseDefinition[] = [ownStreamsOnly, membersOnly, authorIsTheCaller, everyEventIsJudged];
