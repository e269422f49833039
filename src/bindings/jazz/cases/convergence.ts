import { type CaseClient, type CaseContext, type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { CoId } from "../messages.ts";
import {
  accountOf,
  act,
  allShow,
  breach,
  differenceOf,
  differing,
  openSpace,
  quiesce,
  QUIESCE_MS_MAX,
  sendTo,
  SHALL_MS,
  shown,
  view,
} from "./support.ts";

const CONV_01 = requirementId("JAZZ-CONV-01");
const CONV_02 = requirementId("JAZZ-CONV-02");
const CONV_03 = requirementId("JAZZ-CONV-03");
const CONV_04 = requirementId("JAZZ-CONV-04");
const CONV_07 = requirementId("JAZZ-CONV-07");
const CONV_09 = requirementId("JAZZ-CONV-09");

const ROUNDS = 200;
const PLAIN_ROUNDS = 60;
/** Rounds whose messages are settled together: one second of quiet for all of them. */
const BATCH = 20;

const CONTENTS: readonly (readonly [string, string])[] = [
  ["empty", ""],
  ["unicode", "Grüße, 世界 👩‍👩‍👧 \u202e\u0000 é"],
  ["line breaks", "one\ntwo\r\nthree\u2028four"],
  ["markup", "<script>alert(1)</script> & [x](javascript:y)"],
  ["100 kB", "0123456789".repeat(10_000)],
];

const arrives: CaseDefinition = {
  name: "convergence/arrives-once",
  title: "A message turns up at every other client, once, with the same content",
  ids: [CONV_01],
  phase: "shared",
  limitMs: 90_000,
  run: async (t) => {
    for (const count of [2, 20]) {
      const { clients } = await openSpace(t, count);
      const [author, ...others] = clients;
      if (author === undefined) throw new Precondition("nobody joined");
      for (const [name, content] of count === 2 ? CONTENTS : CONTENTS.slice(1, 3)) await oneArrives(t, author, others, name, content);
      for (const client of clients) client.write({ do: "send", content: `by ${client.number}` });
      await quiesce(t, clients);
    }
    await t.judge({ delivery: CONV_01 });
  },
};

async function oneArrives(t: CaseContext, author: CaseClient, others: readonly CaseClient[], name: string, content: string): Promise<void> {
  const { id, main } = await act(author, { do: "send", content });
  await allShow(t, others, id);
  for (const client of others) {
    const message = shown(client, id);
    if (!t.check(CONV_01, message !== undefined, breach(t, client, "lost", `the message (${name}) within ${SHALL_MS} ms`, "it never came")))
      continue;
    const times = view(client).orders[main]?.filter((each) => each === id).length ?? 0;
    t.check(CONV_01, times === 1, breach(t, client, "doubled", `the message (${name}) once`, `${times} times`));
    t.check(
      CONV_01,
      message?.content === content,
      breach(t, client, "damaged", `the content (${name}) as it was written`, JSON.stringify(message?.content).slice(0, 200)),
    );
  }
}

const bothEdits: CaseDefinition = {
  name: "convergence/concurrent-edits",
  title: "Two clients edit one message at the same time: both edits survive on all replicas, in 200 rounds",
  ids: [CONV_02, CONV_03, CONV_07],
  phase: "shared",
  limitMs: 150_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [author, one, two] = clients;
    if (author === undefined || one === undefined || two === undefined) throw new Precondition("three are needed");
    let both = 0;
    for (let from = 0; from < ROUNDS; from += BATCH) {
      const ids = await Promise.all(
        Array.from({ length: BATCH }, (_, n) => act(author, { do: "send", content: "Original content", createdAt: Date.now() + from + n })),
      );
      if (!(await t.until(() => ids.every(({ id }) => clients.every((client) => shown(client, id) !== undefined)), QUIESCE_MS_MAX)))
        throw new Precondition("the messages to edit did not reach everybody");
      const latest = new Map<CoId, number>();
      for (const { id } of ids) {
        const at = Date.now();
        // Neither has seen the other's: both edits are made before either frame can have come back.
        await Promise.all([
          act(one, { do: "edit", message: id, content: "Edited by client1", at }),
          act(two, { do: "edit", message: id, content: "Edited by client2", at: at + t.prng.below(50) }).then(() => latest.set(id, at)),
        ]);
        await t.sleep(t.prng.below(8));
      }
      await t.until(() => ids.every(({ id }) => clients.every((client) => hasBoth(client, id))), QUIESCE_MS_MAX);
      for (const { id } of ids) {
        const isWhole = clients.map((client) => judgeRound(t, client, id, latest.get(id) ?? 0)).every(Boolean);
        if (isWhole) both += 1;
      }
    }
    t.report(CONV_02, `both edits survived on all replicas in ${both} of ${ROUNDS} rounds`);
    for (const client of await differing(t, clients))
      t.check(CONV_03, false, breach(t, client, "diverged", "the same on all replicas", "another text than at the first client"));
    t.check(CONV_03, true, { reason: "diverged", expected: "", seen: "" });
  },
};

function hasBoth(client: CaseClient, id: CoId): boolean {
  const content = shown(client, id)?.content ?? "";
  return content.includes("Edited by client1") && content.includes("Edited by client2");
}

function judgeRound(t: CaseContext, client: CaseClient, id: CoId, editedAt: number): boolean {
  const message = shown(client, id);
  const isWhole = t.check(
    CONV_02,
    hasBoth(client, id),
    breach(t, client, "lost", "both edits in the final text", JSON.stringify(message?.content ?? null)),
  );
  const updatedAt = message?.updatedAt;
  if (isWhole)
    t.check(
      CONV_07,
      updatedAt !== undefined && Number.isFinite(updatedAt) && updatedAt >= editedAt,
      breach(t, client, "stale", `updatedAt of the later edit, ${editedAt} or after`, String(updatedAt)),
    );
  return isWhole;
}

const manyEditors: CaseDefinition = {
  name: "convergence/many-editors",
  title: "After concurrent edits by 2, 3 and 10 all replicas show the same, a late joiner's too",
  ids: [CONV_03],
  phase: "shared",
  limitMs: 90_000,
  run: async (t) => {
    const { room, clients } = await openSpace(t, 10);
    const [author] = clients;
    if (author === undefined) throw new Precondition("nobody joined");
    for (const count of [2, 3, 10]) {
      const id = await sendTo(t, author, clients, "Original content");
      await Promise.all(clients.slice(0, count).map((client) => act(client, { do: "edit", message: id, content: `by ${client.number}` })));
      const late = await t.open({ room });
      await judgeSame(t, [...clients, late], `after edits by ${count}`);
      const lines = shown(late, id)?.content.split("\n").length;
      t.check(CONV_03, lines === count, breach(t, late, "lost", `${count} edits in the text at the late joiner`, `${lines} lines`));
      await late.close();
    }
  },
};

const plain: CaseDefinition = {
  name: "convergence/plain-values",
  title: "Concurrent assignments of one key, and additions to one list, lead to equal replicas",
  ids: [CONV_03],
  phase: "shared",
  limitMs: 90_000,
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [, one, two] = clients;
    if (one === undefined || two === undefined) throw new Precondition("three are needed");
    for (let round = 0; round < PLAIN_ROUNDS; round += 1) {
      await act(one, { do: "assign", key: `k${round % 7}`, value: `one ${round}` });
      await act(one, { do: "append", value: `one ${round}` });
      if (t.prng.below(2) === 0) await t.sleep(t.prng.below(6));
      await act(two, { do: "assign", key: `k${round % 7}`, value: `two ${round}` });
      await act(two, { do: "append", value: `two ${round}` });
      if (round % 20 === 19) await t.sleep(50);
    }
    await judgeSame(t, clients, `after ${PLAIN_ROUNDS} rounds`);
    for (const client of clients) {
      const { list } = view(client);
      t.check(CONV_03, list.length === 2 * PLAIN_ROUNDS, breach(t, client, "lost", `${2 * PLAIN_ROUNDS} additions`, `${list.length}`));
    }
  },
};

async function judgeSame(t: CaseContext, clients: readonly CaseClient[], when: string): Promise<void> {
  const bad = await differing(t, clients);
  for (const client of clients)
    t.check(
      CONV_03,
      !bad.includes(client),
      breach(t, client, "diverged", `the same on all replicas ${when}`, differenceOf(clients[0], client)),
    );
}

const replaces: CaseDefinition = {
  name: "convergence/edits-in-turn",
  title: "Edits one after the other replace: the old text does not come back",
  ids: [CONV_04, CONV_07],
  phase: "shared",
  run: async (t) => {
    const { clients } = await openSpace(t, 3);
    const [author, other] = clients;
    if (author === undefined || other === undefined) throw new Precondition("two are needed");
    const id = await sendTo(t, author, clients, "first");
    for (const client of clients) {
      const message = shown(client, id);
      t.check(
        CONV_07,
        message?.updatedAt === undefined,
        breach(t, client, "malformed", "no updatedAt of a message that was never edited", String(message?.updatedAt)),
      );
    }
    await act(author, { do: "edit", message: id, content: "second" });
    const hasSeen = await t.until(() => shown(other, id)?.content === "second", SHALL_MS);
    if (!t.check(CONV_04, hasSeen, breach(t, other, "lost", "the edit at the other client", shown(other, id)?.content ?? "no message")))
      return;
    await act(other, { do: "edit", message: id, content: "third" });
    await t.until(() => clients.every((client) => shown(client, id)?.content === "third"), SHALL_MS);
    for (const client of clients) {
      const content = shown(client, id)?.content ?? "";
      t.check(
        CONV_04,
        content === "third",
        breach(t, client, content.includes("third") ? "doubled" : "lost", '"third" alone', JSON.stringify(content)),
      );
    }
  },
};

const reactions: CaseDefinition = {
  name: "convergence/reactions",
  title: "Reactions and hides begin empty and merge by element",
  ids: [CONV_09],
  phase: "shared",
  run: async (t) => {
    const { clients } = await openSpace(t, 10);
    const [author] = clients;
    if (author === undefined) throw new Precondition("nobody joined");
    const { id, main } = await act(author, { do: "send", content: "react to this" });
    if (!(await allShow(t, clients, id))) throw new Precondition("the message did not reach everybody");
    for (const client of clients) {
      const message = shown(client, id);
      const isEmpty = message !== undefined && Object.keys(message.reactions).length === 0 && message.hiddenIn.length === 0;
      t.check(CONV_09, isEmpty, breach(t, client, "ghost", "no reactions and hides at first", JSON.stringify(message)));
    }
    await Promise.all(clients.map((client) => act(client, { do: "react", message: id, emoji: "👍", on: true })));
    await act(author, { do: "react", message: id, emoji: "👍", on: true });
    await Promise.all(clients.slice(0, 2).map((client) => act(client, { do: "hide", message: id, thread: main })));
    const wanted = clients.map(accountOf).sort().join();
    const isThere = (client: CaseClient): boolean => [...(shown(client, id)?.reactions["👍"] ?? [])].sort().join() === wanted;
    await t.until(() => clients.every((client) => isThere(client) && shown(client, id)?.hiddenIn.length === 1), SHALL_MS);
    for (const client of clients) {
      const got = shown(client, id)?.reactions["👍"]?.length ?? 0;
      t.check(CONV_09, isThere(client), breach(t, client, got > clients.length ? "doubled" : "lost", "10 reactions, one a user", `${got}`));
      const hides = shown(client, id)?.hiddenIn.length ?? 0;
      t.check(CONV_09, hides === 1, breach(t, client, hides > 1 ? "doubled" : "lost", "hidden in one thread", `in ${hides}`));
    }
  },
};

export const convergenceCases: readonly CaseDefinition[] = [arrives, bothEdits, manyEditors, plain, replaces, reactions];
