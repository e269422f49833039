import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { compareText } from "../fold.ts";
import type { CoId } from "../messages.ts";
import { accountOf, act, allShow, breach, network, openSpace, QUIESCE_MS_MAX, sendTo, SHALL_MS, shown, view } from "./support.ts";

const ORD_01 = requirementId("JAZZ-ORD-01");
const ORD_02 = requirementId("JAZZ-ORD-02");
const ORD_03 = requirementId("JAZZ-ORD-03");
const ORD_04 = requirementId("JAZZ-ORD-04");
const ORD_05 = requirementId("JAZZ-ORD-05");
const ORD_06 = requirementId("JAZZ-ORD-06");

const ACCOUNTS = 10;
const ITEMS = 100;
const HOUR_MS = 3_600_000;

/** What was written, as the model orders it (J-5). */
interface Written {
  readonly account: CoId;
  readonly value: CoId;
  readonly madeAt: number;
}

function modelOf(written: readonly Written[]): readonly CoId[] {
  const sorted = [...written].sort(
    (left, right) => left.madeAt - right.madeAt || compareText(left.account, right.account) || compareText(left.value, right.value),
  );
  return [...new Set(sorted.map((each) => each.value))];
}

/** Judges a replica's list against the model: what is missing is lost, the rest must stand in order. */
function judgeOrder(t: CaseContext, id: typeof ORD_01, client: CaseClient, model: readonly CoId[], main: CoId): void {
  const got = view(client).orders[main] ?? [];
  const missing = model.filter((each) => !got.includes(each));
  if (!t.check(id, missing.length === 0, breach(t, client, "lost", `${model.length} items in the list`, `${missing.length} are missing`)))
    return;
  const isSame = got.length === model.length && got.every((each, index) => each === model[index]);
  const at = got.findIndex((each, index) => each !== model[index]);
  t.check(id, isSame, breach(t, client, "disordered", "the items by (madeAt, account, id)", `another one at place ${at} of ${got.length}`));
}

/** Waits until every replica lists so many. */
function allList(t: CaseContext, clients: readonly CaseClient[], main: CoId, count: number, withinMs: number): Promise<boolean> {
  return t.until(() => clients.every((client) => (view(client).orders[main]?.length ?? 0) >= count), withinMs);
}

const merged: CaseDefinition = {
  name: "ordering/merged-feeds",
  title: "A timeline is all accounts' logs merged and sorted by madeAt on every replica",
  ids: [ORD_01],
  phase: "shared",
  limitMs: 120_000,
  run: async (t) => {
    const { clients } = await openSpace(t, ACCOUNTS);
    const written: Written[] = [];
    const base = Date.now() - HOUR_MS;
    // Few messages, listed often: what is judged is the merging of logs. One listed twice counts at its least place.
    const feeds: CoId[] = [];
    let main = "";
    for (const client of clients) {
      for (let n = 0; n < 10; n += 1) {
        const madeAt = base + t.prng.below(HOUR_MS);
        const outcome = await act(client, { do: "send", content: `${client.number}/${n}`, createdAt: madeAt });
        main = outcome.main;
        feeds.push(outcome.id);
        written.push({ account: outcome.account, value: outcome.id, madeAt });
      }
    }
    for (const client of clients) {
      for (let n = 10; n < ITEMS; n += 1) {
        const value = t.prng.pick(feeds);
        const madeAt = base + t.prng.below(HOUR_MS);
        client.write({ do: "post", value, madeAt }, { marker: false });
        written.push({ account: accountOf(client), value, madeAt });
      }
    }
    const model = modelOf(written);
    const isSame = (client: CaseClient): boolean => view(client).orders[main]?.join() === model.join();
    await t.until(() => clients.every(isSame), QUIESCE_MS_MAX);
    for (const client of clients) judgeOrder(t, ORD_01, client, model, main);
  },
};

const ties: CaseDefinition = {
  name: "ordering/ties",
  title: "Messages of one madeAt stand in one order, however late a replica loads them",
  ids: [ORD_02],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { room, clients } = await openSpace(t, 5);
    const madeAt = Date.now();
    const written: Written[] = [];
    let main = "";
    const replicas = [...clients];
    for (let n = 0; n < 4; n += 1) {
      for (const client of clients) {
        const outcome = await act(client, { do: "send", content: `tie ${client.number}/${n}`, createdAt: madeAt });
        main = outcome.main;
        written.push({ account: outcome.account, value: outcome.id, madeAt });
      }
      if (n < 3) replicas.push(await t.open({ room }));
    }
    const model = modelOf(written);
    await allList(t, replicas, main, model.length, SHALL_MS);
    for (const client of replicas) judgeOrder(t, ORD_02, client, model, main);
  },
};

const late: CaseDefinition = {
  name: "ordering/late-arrival",
  title: "A late message with an earlier madeAt goes to its place in the past",
  ids: [ORD_03],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [away, ...others] = clients;
    if (away === undefined) throw new Precondition("nobody joined");
    await network(t, away, false);
    const from = Date.now();
    const early = await act(away, { do: "send", content: "early", createdAt: from });
    const written: Written[] = [{ account: early.account, value: early.id, madeAt: from }];
    for (const [index, client] of others.entries()) {
      for (let n = 1; n <= 10; n += 1) {
        const madeAt = from + n * 6_000 - index * 1_000;
        const outcome = await act(client, { do: "send", content: `later ${n}`, createdAt: madeAt });
        written.push({ account: outcome.account, value: outcome.id, madeAt });
      }
    }
    await t.sleep(500);
    await network(t, away, true);
    const model = modelOf(written);
    await allList(t, clients, early.main, model.length, QUIESCE_MS_MAX);
    for (const client of clients) judgeOrder(t, ORD_03, client, model, early.main);
  },
};

const firstPost: CaseDefinition = {
  name: "ordering/first-post",
  title: "The first post makes an account's log; of two devices that post first at once, both items stay",
  ids: [ORD_04],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { room, clients } = await openSpace(t, 2);
    const [author, other] = clients;
    if (author === undefined || other === undefined) throw new Precondition("two are needed");
    const createdAt = Date.now() - 1_000;
    const post = await act(author, { do: "send", content: "my first", createdAt });
    await t.until(() => shown(other, post.id) !== undefined, SHALL_MS);
    const message = shown(other, post.id);
    t.check(
      ORD_04,
      message !== undefined && view(other).orders[post.main]?.join() === post.id,
      breach(t, other, "lost", "one item with the message's id", JSON.stringify(view(other).orders[post.main])),
    );
    t.check(
      ORD_04,
      message === undefined || message.createdAt === createdAt,
      breach(t, other, "damaged", `createdAt ${createdAt}`, String(message?.createdAt)),
    );
    const user = await t.user();
    const one = await t.open({ room, user });
    const two = await t.open({ room, user });
    const all = [...clients, one, two];
    const posts = await Promise.all([one, two].map((device) => act(device, { do: "send", content: `device ${device.number}` })));
    t.check(ORD_04, accountOf(one) === accountOf(two), breach(t, two, "damaged", "one account on both devices", "two accounts"));
    await t.until(() => all.every((client) => posts.every(({ id }) => shown(client, id) !== undefined)), SHALL_MS);
    for (const client of all) {
      const there = posts.filter(({ id }) => shown(client, id)?.author === accountOf(one)).length;
      t.check(ORD_04, there === 2, breach(t, client, "lost", "both devices' first items", `${there} of 2`));
    }
  },
};

const twice: CaseDefinition = {
  name: "ordering/listed-twice",
  title: "An id that comes twice is listed once, and one without its message does not break the list",
  ids: [ORD_05],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [author] = clients;
    if (author === undefined) throw new Precondition("nobody joined");
    const { id, main } = await act(author, { do: "send", content: "listed twice", createdAt: Date.now() - 10_000 });
    await act(author, { do: "post", value: id, madeAt: Date.now() });
    if (!(await allShow(t, clients, id))) throw new Precondition("the message did not reach everybody");
    await t.sleep(300);
    // A value that is known to its author only, and listed already.
    const held = await act(author, {
      do: "feed",
      held: true,
      event: { kind: "create", author: accountOf(author), threadId: main, content: "late feed", createdAt: Date.now() },
    });
    const other = clients[1] ?? author;
    await act(other, { do: "post", value: held.id, madeAt: Date.now() });
    const after = await act(other, { do: "send", content: "after the hole" });
    await t.until(
      () => clients.slice(1).every((client) => shown(client, after.id) !== undefined && shown(client, id) !== undefined),
      SHALL_MS,
    );
    for (const client of clients.slice(1)) {
      const times = (view(client).orders[main] ?? []).filter((each) => each === id).length;
      t.check(ORD_05, times <= 1, breach(t, client, "doubled", "the id once", `${times} times`));
      const isShown = shown(client, id) !== undefined && shown(client, after.id) !== undefined;
      t.check(ORD_05, isShown, breach(t, client, "lost", "the rest of the list while one message is missing", "a part of it is not shown"));
    }
    await t.sleep(SHALL_MS);
    await act(author, { do: "release" });
    await t.until(() => clients.every((client) => shown(client, held.id) !== undefined), SHALL_MS);
    for (const client of clients)
      t.check(
        ORD_05,
        shown(client, held.id) !== undefined,
        breach(t, client, "lost", "the late message once its feed has come", "it is not shown"),
      );
  },
};

const sources: CaseDefinition = {
  name: "ordering/timeline-source",
  title: "A thread's own timeline is used where there is one, else that of the channel's main thread",
  ids: [ORD_06],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 2);
    const [author, other] = clients;
    if (author === undefined || other === undefined) throw new Precondition("two are needed");
    const inMain = await sendTo(t, author, clients, "in the main thread");
    const own = await act(author, { do: "thread", timeline: true });
    const bare = await act(author, { do: "thread", timeline: false });
    for (const client of clients) for (const thread of [own.id, bare.id]) await act(client, { do: "follow", thread });
    const hasBoth = (client: CaseClient): boolean => own.id in view(client).orders && bare.id in view(client).orders;
    if (!(await t.until(() => clients.every(hasBoth), SHALL_MS))) {
      for (const client of clients)
        t.check(ORD_06, hasBoth(client), breach(t, client, "lost", "both threads at this replica", "one could not be loaded"));
      return;
    }
    const inOwn = await act(author, { do: "send", content: "in the thread", thread: own.id });
    await t.until(() => view(other).orders[own.id]?.length === 1, SHALL_MS);
    for (const client of clients) {
      const { orders } = view(client);
      const seen = `${orders[own.id]?.length} in the thread, ${orders[bare.id]?.length} in the one without`;
      t.check(ORD_06, orders[own.id]?.join() === inOwn.id, breach(t, client, "lost", "the thread's own message through the thread", seen));
      t.check(
        ORD_06,
        orders[bare.id]?.join() === inMain,
        breach(t, client, "foreign", "the main thread's through one without a timeline", seen),
      );
    }
  },
};

export const orderingCases: readonly CaseDefinition[] = [merged, ties, late, firstPost, twice, sources];
