import { type CaseDefinition, type ClientDriver, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Json } from "../../../core/op.ts";
import type { CoId } from "../messages.ts";
import { contentsWith, stage } from "./client-stage.ts";
import { act, sendTo, SHALL_MS, shown, view } from "./support.ts";

const RES_06 = requirementId("JAZZ-RES-06");
const RES_07 = requirementId("JAZZ-RES-07");
const RES_08 = requirementId("JAZZ-RES-08");
const RES_09 = requirementId("JAZZ-RES-09");
const RES_10 = requirementId("JAZZ-RES-10");

const QUEUE = 5_000;
const DRAIN_MS_MAX = 30_000;

const offline: CaseDefinition = {
  name: "client/written-offline",
  title: "Messages written offline are in the timeline at once, in the queue, and on disk",
  ids: [RES_06],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { driver, state, shown: list } = await stage(t);
    await driver.call("setOffline", true);
    for (let n = 0; n < 10; n += 1) await driver.call("do", { do: "send", content: `offline ${n}` });
    const judge = async (when: string): Promise<void> => {
      const { queue } = await state();
      const there = (await list()).filter((each) => each.content.startsWith("offline ")).length;
      t.check(RES_06, there === 10, { reason: "lost", expected: `10 in the timeline ${when}`, seen: `${there}` });
      const whole = queue.filter((each) => each.type === "message" && each.data !== undefined && Number.isFinite(each.timestamp)).length;
      t.check(RES_06, whole === 10, {
        reason: "lost",
        expected: `10 items with type, data and timestamp in the queue ${when}`,
        seen: `${whole}`,
      });
    };
    await judge("at once");
    driver.kill();
    await driver.restart({ offline: true });
    await judge("after a crash, still offline");
  },
};

const closedSocket: CaseDefinition = {
  name: "client/closed-socket",
  title: "An item leaves the queue only when it is delivered: nothing is lost to a closed socket, nor to a crash",
  ids: [RES_08, RES_10],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 90_000,
  run: async (t) => {
    const set = await stage(t);
    const { driver, other, main, control, state } = set;
    const arrived = (prefix: string): readonly string[] => contentsWith(set, prefix);
    await control({ refuse: true, cut: true });
    await t.sleep(100);
    for (let n = 0; n < 10; n += 1) await driver.call("do", { do: "send", content: `unlucky ${n}` });
    await control({ refuse: false });
    await t.until(() => arrived("unlucky").length >= 10 && other.isOpen, 15_000);
    if (!other.isOpen) await act(other, { do: "online" });
    await t.until(() => arrived("unlucky").length >= 10, 15_000);
    t.check(RES_08, new Set(arrived("unlucky")).size === 10, {
      reason: "lost",
      expected: "10 messages written while the socket was closed",
      seen: `${new Set(arrived("unlucky")).size}`,
    });
    await t.until(async () => (await state()).queue.length === 0, 2 * SHALL_MS);
    const { queue } = await state();
    t.check(RES_08, queue.length === 0, {
      reason: "ghost",
      expected: "an empty queue once all is delivered",
      seen: `${queue.length} items`,
    });
    const k = 5 + t.prng.below(40);
    for (let n = 0; n < 100; n += 1) {
      if (n === k) driver.kill();
      if (n === k) await driver.restart();
      if (n === k) await t.until(async () => main in (await state()).threads, 2 * SHALL_MS);
      await driver.call("do", { do: "send", content: `crash ${n}` });
    }
    // Two drains at once.
    await Promise.all([driver.call("do", { do: "drain" }), driver.call("do", { do: "drain" })]);
    await t.until(() => arrived("crash").length >= 100, 30_000);
    const got = arrived("crash");
    t.check(RES_10, new Set(got).size === 100, {
      reason: "lost",
      expected: `each of 100 after a crash at ${k}`,
      seen: `${new Set(got).size}`,
    });
    t.check(RES_10, got.length === new Set(got).size, {
      reason: "doubled",
      expected: "each once",
      seen: `${got.length - new Set(got).size} again`,
    });
  },
};

const refusedItem: CaseDefinition = {
  name: "client/refused-item",
  title: "An item that fails is sent again and does not stop those after it",
  ids: [RES_09],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 90_000,
  run: async (t) => {
    const set = await stage(t);
    const { driver, other, control } = set;
    await control({ refuseFeed: { after: 2, times: 2 } });
    const ids: string[] = [];
    for (let n = 0; n < 10; n += 1) ids.push(await messageIdOf(driver, { do: "send", content: `item ${n}` }));
    const [, , refused = ""] = ids;
    await driver.call("do", { do: "edit", messageId: refused, content: "item 2, edited" });
    const arrived = (): readonly string[] => contentsWith(set, "item ");
    await t.until(() => arrived().length >= 9, SHALL_MS);
    t.check(RES_09, arrived().length >= 9, { reason: "lost", expected: "nine of ten while one is refused", seen: `${arrived().length}` });
    await t.until(() => arrived().length >= 10, 30_000);
    t.check(RES_09, new Set(arrived()).size === 10, {
      reason: "lost",
      expected: "the refused one in the end",
      seen: `${new Set(arrived()).size} of 10`,
    });
    t.check(RES_09, arrived().length === new Set(arrived()).size, {
      reason: "doubled",
      expected: "none twice",
      seen: arrived().join(", "),
    });
    await t.until(() => shown(other, refused)?.content === "item 2, edited", SHALL_MS);
    t.check(RES_09, shown(other, refused)?.content === "item 2, edited", {
      reason: "lost",
      expected: "the edit of the refused message after it",
      seen: JSON.stringify(shown(other, refused)?.content ?? null),
    });
  },
};

const longQueue: CaseDefinition = {
  name: "client/long-queue",
  title: "5,000 items written offline reach the others once and in order within 30 s, with a restart of the server in the middle",
  ids: [RES_07],
  phase: "exclusive",
  needs: ["clientDriver"],
  limitMs: 180_000,
  run: async (t) => {
    const { driver, other, main, control, state } = await stage(t);
    const message = await sendTo(t, other, [other], "the message that is reacted to");
    if (!(await t.until(async () => (await state()).threads[main]?.some(({ id }) => id === message) === true, SHALL_MS)))
      throw new Precondition("the message did not reach the client under test");
    await driver.call("setOffline", true);
    const from = other.seen.length;
    for (let n = 0; n < QUEUE; n += 1)
      await driver.call(
        "do",
        n % 10 === 0 ? { do: "send", content: `queued ${n}` } : { do: "react", messageId: message, emoji: `q${n}`, on: true },
      );
    const before = (await state()).queue.length;
    if (before !== QUEUE) throw new Precondition(`the queue holds ${before} of ${QUEUE} items`);
    const startMs = t.nowMs();
    await driver.call("setOffline", false);
    // What has come, in the order it came: number of the item, and whether its feed is the one that all reactions share.
    const arrived = (): readonly { readonly n: number; readonly isReaction: boolean }[] =>
      other.seen.slice(from).flatMap((each) => {
        const found = each.kind === "delivered" ? /"(?:content|emoji)":"(queued |q)(\d+)"/.exec(each.content) : null;
        return found === null ? [] : [{ n: Number(found[2]), isReaction: found[1] === "q" }];
      });
    await t.until(() => arrived().length > 0, DRAIN_MS_MAX);
    const atRestart = arrived().length;
    await control({ restart: true });
    if (await t.until(() => !other.isOpen, SHALL_MS)) await act(other, { do: "online" });
    await t.until(
      async () => arrived().length >= QUEUE && (await state()).queue.length === 0,
      Math.max(0, DRAIN_MS_MAX - (t.nowMs() - startMs)),
    );
    const all = arrived();
    const once = new Set(all.map(({ n }) => n));
    const left = (await state()).queue.length;
    t.report(
      RES_07,
      `${QUEUE} items in ${((t.nowMs() - startMs) / 1_000).toFixed(1)} s, the server restarted when ${atRestart} had arrived: ${once.size} arrived, ${all.length - once.size} of them twice, ${left} left in the queue`,
    );
    t.check(RES_07, once.size === QUEUE, {
      reason: "lost",
      expected: `each of ${QUEUE} at the receiver within 30 s`,
      seen: `${once.size}`,
    });
    t.check(RES_07, all.length === once.size, { reason: "doubled", expected: "each once", seen: `${all.length - once.size} again` });
    t.check(RES_07, left === 0, { reason: "ghost", expected: "an empty queue", seen: `${left} items` });
    const reactions = all.filter(({ isReaction }) => isReaction);
    t.check(
      RES_07,
      reactions.every(({ n }, index) => index === 0 || n > (reactions[index - 1]?.n ?? 0)),
      { reason: "disordered", expected: "one value's events in order", seen: "another order" },
    );
    const sent = (view(other).threads[main] ?? []).flatMap(({ content }) =>
      content.startsWith("queued ") ? [Number(content.slice(7))] : [],
    );
    t.check(RES_07, sent.length === QUEUE / 10 && sent.every((n, index) => n === index * 10), {
      reason: "disordered",
      expected: "the messages in the timeline in the order they were written",
      seen: `${sent.length} messages`,
    });
  },
};

async function messageIdOf(driver: ClientDriver, action: Json): Promise<CoId> {
  const answer = await driver.call("do", action);
  const id = typeof answer === "object" && answer !== null && "messageId" in answer ? answer["messageId"] : undefined;
  if (typeof id !== "string") throw new Precondition("the answer to `send` holds no messageId");
  return id;
}

/** What a client under test does with what it could not send. */
export const clientQueueCases: readonly CaseDefinition[] = [offline, closedSocket, refusedItem, longQueue];
