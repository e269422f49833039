import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Json } from "../../../core/op.ts";
import { contentsWith, SLACK_MS, stage } from "./client-stage.ts";
import { act, sendTo, SHALL_MS, shown, view } from "./support.ts";

const SESS_03 = requirementId("JAZZ-SESS-03");
const CONV_05 = requirementId("JAZZ-CONV-05");
const CONV_10 = requirementId("JAZZ-CONV-10");
const LAT_02 = requirementId("JAZZ-LAT-02");
const RES_11 = requirementId("JAZZ-RES-11");
const ERR_01 = requirementId("JAZZ-ERR-01");
const ERR_02 = requirementId("JAZZ-ERR-02");

/** J-11. */
const STREAM_GAP_MS_MAX = 500;

const merging: CaseDefinition = {
  name: "client/merging",
  title: "Merging gives the same in any order and repetition, at the client under test as in the model",
  ids: [CONV_05],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 90_000,
  run: async (t) => {
    const { driver, other, shown: list } = await stage(t);
    for (let round = 0; round < 20; round += 1) {
      const id = await sendTo(t, other, [other], `round ${round}`);
      if (!(await t.until(async () => (await list()).some((each) => each.id === id), SHALL_MS)))
        throw new Precondition("the message did not reach the client under test");
      await Promise.all([
        act(other, { do: "edit", message: id, content: `ours ${round}` }),
        driver.call("do", { do: "edit", messageId: id, content: `theirs ${round}` }),
        act(other, { do: "react", message: id, emoji: "👍", on: t.prng.below(2) === 0 }),
      ]);
      const mine = (): string => shown(other, id)?.content ?? "";
      await t.until(() => mine().includes("theirs") && mine().includes("ours"), SHALL_MS);
      const theirs = async (): Promise<string> => (await list()).find((each) => each.id === id)?.content ?? "";
      await t.until(async () => (await theirs()) === mine(), SHALL_MS);
      const isSame = t.check(CONV_05, (await theirs()) === mine(), {
        reason: "diverged",
        expected: JSON.stringify(mine()),
        seen: JSON.stringify(await theirs()),
      });
      if (!isSame) return;
    }
  },
};

const optimism: CaseDefinition = {
  name: "client/shows-at-once",
  title: "A sent message shows at once and once; hint and change lead to one message",
  ids: [ERR_01, SESS_03],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { driver, other, main, control, state, shown: list } = await stage(t);
    const startMs = t.nowMs();
    await driver.call("do", { do: "send", content: "mine" });
    const first = (await list()).filter((each) => each.content === "mine");
    t.check(ERR_01, first.length === 1 && t.nowMs() - startMs < 100 + SLACK_MS, {
      reason: first.length > 1 ? "doubled" : "late",
      expected: "one entry within 100 ms",
      seen: `${first.length} after ${(t.nowMs() - startMs).toFixed(0)} ms`,
    });
    await t.until(async () => (await state()).queue.length === 0, SHALL_MS);
    const after = (await list()).filter((each) => each.content === "mine");
    t.check(ERR_01, after.length === 1 && after[0]?.pending === false, {
      reason: after.length > 1 ? "doubled" : "lost",
      expected: "the same entry, confirmed",
      seen: JSON.stringify(after),
    });
    // The hint alone shows nothing final, then the change comes, then the hint again.
    const hint = {
      type: "message",
      data: { id: "co_zHintOnly", content: "hint only", author: "co_zSomebody", threadId: main, createdAt: new Date().toISOString() },
    };
    await control({ tell: hint });
    await t.sleep(700);
    const alone = (await list()).filter((each) => each.content === "hint only");
    t.check(SESS_03, alone.length === 0 || (alone.length === 1 && alone[0]?.pending === true), {
      reason: "ghost",
      expected: "a hint alone shows 0 or 1 pending",
      seen: JSON.stringify(alone),
    });
    const { id } = await act(other, { do: "send", content: "both ways" });
    await control({ tell: { type: "message", data: { ...hint.data, id, content: "both ways" } } });
    await control({ tell: { type: "message", data: { ...hint.data, id, content: "both ways" } } });
    await t.until(async () => (await list()).some((each) => each.id === id && !each.hint), SHALL_MS);
    const both = (await list()).filter((each) => each.content === "both ways");
    t.check(SESS_03, both.length === 1, {
      reason: both.length > 1 ? "doubled" : "lost",
      expected: "one message of hint and change",
      seen: `${both.length}`,
    });
  },
};

const gathering: CaseDefinition = {
  name: "client/gathers",
  title: "What comes in is gathered for 100 ms, and a steady stream is still shown",
  ids: [LAT_02],
  phase: "quiet",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { driver, other, shown: list } = await stage(t);
    const from = driver.events.length;
    const burstMs = t.nowMs();
    for (let n = 0; n < 50; n += 1) other.write({ do: "send", content: `burst ${n}` }, { marker: false });
    await t.until(async () => (await list()).filter((each) => each.content.startsWith("burst")).length === 50, SHALL_MS);
    await t.sleep(300);
    const renders = driver.events.slice(from).filter((each) => each.event === "render" && each["local"] !== true);
    const shownCount = (await list()).filter((each) => each.content.startsWith("burst")).length;
    t.check(LAT_02, shownCount === 50, { reason: "lost", expected: "all 50 of a burst", seen: `${shownCount}` });
    t.report(LAT_02, `${renders.length} renders for a burst of 50 in ${(t.nowMs() - burstMs).toFixed(0)} ms`);
    t.check(LAT_02, renders.length > 0 && renders.length <= 10, {
      reason: renders.length === 0 ? "silent" : "over-limit",
      expected: "a burst gathered into few renders",
      seen: `${renders.length}`,
    });
    await t.sleep(1_000);
    const streamFrom = driver.events.length;
    const streamMs = t.nowMs();
    for (let n = 0; n < 60; n += 1) {
      other.write({ do: "send", content: `stream ${n}` }, { marker: false });
      await t.sleep(Math.max(0, streamMs + (n + 1) * 50 - t.nowMs()));
    }
    const stream = (): readonly { readonly at: number }[] =>
      driver.events.slice(streamFrom).filter((each) => each.event === "render" && each["local"] !== true);
    const isShown = async (): Promise<readonly string[]> =>
      (await list()).map((each) => each.content).filter((each) => each.startsWith("stream"));
    await t.until(async () => (await isShown()).length === 60, SHALL_MS);
    await t.sleep(300);
    const times = stream().map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
    t.report(
      LAT_02,
      `${times.length} renders for a stream of 60, one each 50 ms; at most ${Math.max(0, ...gaps).toFixed(0)} ms between two`,
    );
    t.check(LAT_02, times.length >= 4 && Math.max(0, ...gaps) <= STREAM_GAP_MS_MAX + 2 * SLACK_MS, {
      reason: times.length < 4 ? "silent" : "late",
      expected: "a render at the latest each 500 ms of a steady stream",
      seen: `${times.length} renders, at most ${Math.max(0, ...gaps).toFixed(0)} ms apart`,
    });
    const order = await isShown();
    t.check(LAT_02, order.length === 60 && order.every((content, n) => content === `stream ${n}`), {
      reason: order.length < 60 ? "lost" : "disordered",
      expected: "60 in the order they were written",
      seen: `${order.length}: ${order.slice(0, 5).join(", ")}`,
    });
  },
};

const items: CaseDefinition = {
  name: "client/item-types",
  title: "Items of type message, reaction and edit are carried out; unknown ones stay visible",
  ids: [RES_11],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const set = await stage(t);
    const { driver, other, state } = set;
    const enqueue = (type: string, data: Json): Promise<Json> =>
      driver.call("do", { do: "enqueue", item: { type, data, timestamp: Date.now() } });
    await enqueue("foo", {});
    await enqueue("retry", {});
    const { queue, failed } = await state();
    t.check(RES_11, queue.some((each) => each.type === "foo") || failed.length > 0, {
      reason: "lost",
      expected: "an unknown item stays visible",
      seen: "it is gone",
    });
    await enqueue("message", { do: "send", content: "by item" });
    await t.until(() => contentsWith(set, "by item").length > 0, SHALL_MS);
    const made = contentsWith(set, "by item").length;
    t.check(RES_11, made === 1, {
      reason: made > 1 ? "doubled" : "absent",
      expected: "an item of type message is carried out",
      seen: `${made} messages`,
    });
    const id = (view(other).threads[set.main] ?? []).find((each) => each.content === "by item")?.id;
    if (id === undefined) return;
    await enqueue("reaction", { do: "react", messageId: id, emoji: "👍", on: true });
    await enqueue("edit", { do: "edit", messageId: id, content: "by item, edited" });
    const isDone = (): boolean => shown(other, id)?.content === "by item, edited" && shown(other, id)?.reactions["👍"]?.length === 1;
    await t.until(isDone, SHALL_MS);
    t.check(RES_11, isDone(), {
      reason: "absent",
      expected: "a reaction and an edit, carried out",
      seen: JSON.stringify(shown(other, id)),
    });
  },
};

const warning: CaseDefinition = {
  name: "client/warns-once",
  title: "A lost connection is told once, not once an attempt, and what was written is sent later",
  ids: [ERR_02],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const set = await stage(t);
    const { driver, other, control } = set;
    const lostFrom = driver.events.length;
    await control({ refuse: true, cut: true });
    await t.sleep(7_500);
    const warnings = driver.events.slice(lostFrom).filter((each) => each.event === "notice" && each["level"] === "warning").length;
    t.check(ERR_02, warnings === 1, {
      reason: warnings === 0 ? "silent" : "doubled",
      expected: "one warning a loss, not one an attempt",
      seen: `${warnings}`,
    });
    await driver.call("do", { do: "send", content: "written meanwhile" });
    await control({ refuse: false });
    if (!other.isOpen) await act(other, { do: "online" });
    await t.until(() => contentsWith(set, "written meanwhile").length > 0, 20_000);
    const arrived = contentsWith(set, "written meanwhile").length;
    t.check(ERR_02, arrived === 1, {
      reason: arrived > 1 ? "doubled" : "lost",
      expected: "what was written is sent later",
      seen: `${arrived} times`,
    });
  },
};

const reactive: CaseDefinition = {
  name: "client/reactive-space",
  title: "What changes in a space from outside is seen unasked within 5 s",
  ids: [CONV_10],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { other, state } = await stage(t);
    await act(other, { do: "channel", name: "made outside" });
    const isSeen = async (): Promise<boolean> =>
      Object.values((await state()).spaces).some((space) => space.channels.some((channel) => channel?.name === "made outside"));
    await t.until(isSeen, SHALL_MS);
    t.check(CONV_10, await isSeen(), { reason: "stale", expected: "the new channel", seen: "the channels of before" });
    t.report(CONV_10, "channels are judged; members and joined spaces are not changed from outside here");
  },
};

/** What a client under test shows. */
export const clientViewCases: readonly CaseDefinition[] = [merging, optimism, gathering, items, warning, reactive];
