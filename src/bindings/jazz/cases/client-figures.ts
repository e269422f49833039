import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Json } from "../../../core/op.ts";
import type { CoId } from "../messages.ts";
import { metricsOf, SLACK_MS, stage } from "./client-stage.ts";
import { acceptedCount, act, sendTo, SHALL_MS } from "./support.ts";

const CAP_01 = requirementId("JAZZ-CAP-01");
const CAP_02 = requirementId("JAZZ-CAP-02");
const OBS_01 = requirementId("JAZZ-OBS-01");
const OBS_02 = requirementId("JAZZ-OBS-02");
const OBS_03 = requirementId("JAZZ-OBS-03");

const CACHE_MAX = 1_000;
const MESSAGES = 1_500;
const LIST = 200_000;
/** Items of one transaction: about 90 kB. */
const ITEMS_A_WRITE = 1_000;
const MARGIN = 5;
const SHOWN = { first: 100_000, last: 100_019 } as const;
/** What a client loads of a long list unasked: some screens of it. */
const UNASKED_MAX = 500;
const STATE_MS_MAX = 1_000;
const HOUR_MS = 3_600_000;
/** A client tells its metrics at its own pace. */
const TOLD_MS_MAX = 5_000;

const cache: CaseDefinition = {
  name: "client/cache",
  title: "The cache holds at most 1,000 messages, setting a held one drops nothing, and what was dropped is loaded again",
  ids: [CAP_01],
  phase: "exclusive",
  needs: ["clientDriver"],
  limitMs: 180_000,
  run: async (t) => {
    const { driver, other, main, state, shown } = await stage(t);
    const ids: CoId[] = [];
    let most = 0;
    const write = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) ids.push((await act(other, { do: "send", content: `message ${ids.length}` })).id);
      const last = ids.at(-1);
      const isThere = await t.until(async () => {
        most = Math.max(most, (await state()).cacheSize);
        return (await shown()).some(({ id }) => id === last);
      }, 30_000);
      if (!isThere) throw new Precondition(`message ${ids.length} did not reach the client under test`);
    };
    const setAgain = async (id: CoId): Promise<{ readonly before: number; readonly after: number }> => {
      const before = (await state()).cacheSize;
      await act(other, { do: "edit", message: id, content: `edited ${id}` });
      const isSeen = await t.until(
        async () => (await shown()).some((each) => each.id === id && each.content.startsWith("edited")),
        SHALL_MS,
      );
      if (!isSeen) throw new Precondition("an edit did not reach the client under test");
      return { before, after: (await state()).cacheSize };
    };
    await write(10);
    const small = await setAgain(ids[5] ?? "");
    while (ids.length < MESSAGES) await write(Math.min(500, MESSAGES - ids.length));
    const full = await setAgain(ids.at(-2) ?? "");
    most = Math.max(most, full.before, full.after);
    t.check(CAP_01, most <= CACHE_MAX, { reason: "over-limit", expected: `at most ${CACHE_MAX} messages held`, seen: `${most}` });
    for (const { before, after } of [small, full])
      t.check(CAP_01, after >= before, { reason: "lost", expected: `a held message is set again: still ${before} held`, seen: `${after}` });
    let readable = 0;
    for (const [n, id] of ids.slice(0, 500).entries()) {
      const answer = await driver.call("do", { do: "read", messageId: id });
      if (contentOf(answer)?.startsWith(n === 5 ? "edited" : `message ${n}`) === true) readable += 1;
    }
    t.check(CAP_01, readable === 500, { reason: "lost", expected: "the first 500 of 1,500 can be read", seen: `${readable}` });
    const { cacheSize, threads } = await state();
    t.check(CAP_01, cacheSize <= CACHE_MAX, {
      reason: "over-limit",
      expected: `at most ${CACHE_MAX} held after reading`,
      seen: `${cacheSize}`,
    });
    t.report(
      CAP_01,
      `${ids.length} messages: at most ${most} held, ${threads[main]?.length ?? 0} shown, ${readable} of the first 500 read`,
    );
  },
};

function contentOf(answer: Json): string | undefined {
  const message = typeof answer === "object" && answer !== null && "message" in answer ? answer["message"] : undefined;
  const content = typeof message === "object" && message !== null && "content" in message ? message["content"] : undefined;
  return typeof content === "string" ? content : undefined;
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** An id that looks like one and names nothing. */
function nobody(n: number): CoId {
  let text = "";
  for (let rest = n + 1; rest > 0; rest = Math.floor(rest / BASE58.length)) text = `${BASE58[rest % BASE58.length]}${text}`;
  return `co_z${text.padStart(27, "1")}`;
}

const longList: CaseDefinition = {
  name: "client/long-list",
  title: "Of 200,000 items only those that are seen are loaded, and the sorted list is there within a second",
  ids: [CAP_02],
  phase: "exclusive",
  needs: ["clientDriver"],
  limitMs: 180_000,
  run: async (t) => {
    const madeAt = Date.now() - HOUR_MS;
    const values: CoId[] = Array.from({ length: LIST }, (_, n) => nobody(n));
    const { driver, main, control, state, shown } = await stage(t, {
      loadMsMax: 60_000,
      before: async (other) => {
        const { account, main: threadId } = await act(other, { do: "load", id: "" });
        for (let n = SHOWN.first - MARGIN; n <= SHOWN.last + MARGIN; n += 1) {
          const event = { kind: "create", author: account, threadId, content: `item ${n}`, createdAt: madeAt + n } as const;
          values[n] = (await act(other, { do: "feed", event })).id;
        }
        for (let from = 0; from < LIST; from += ITEMS_A_WRITE)
          await act(other, { do: "posts", values: values.slice(from, from + ITEMS_A_WRITE), madeAt: madeAt + from });
        const writes = SHOWN.last - SHOWN.first + 1 + 2 * MARGIN + LIST / ITEMS_A_WRITE;
        if (!(await t.until(() => acceptedCount(other) >= writes, 60_000))) throw new Precondition("the long list was not confirmed");
      },
    });
    const listed = new Set(values);
    const askedFor = async (): Promise<readonly CoId[]> => (await control({})).loaded.filter((id) => listed.has(id));
    const unasked = (await askedFor()).length;
    t.check(CAP_02, unasked <= UNASKED_MAX, {
      reason: "over-limit",
      expected: `some screens of ${LIST} messages, at most ${UNASKED_MAX}, before anybody scrolls`,
      seen: `${unasked}${unasked >= 4_000 ? " and more" : ""}`,
    });
    const before = new Set(await askedFor());
    await driver.call("do", { do: "show", threadId: main, ...SHOWN });
    const wanted = values.slice(SHOWN.first, SHOWN.last + 1);
    const hasAll = async (): Promise<boolean> => {
      const held = new Set((await shown()).map(({ id }) => id));
      return wanted.every((id) => held.has(id));
    };
    await t.until(hasAll, 2 * SHALL_MS);
    const startMs = t.nowMs();
    const there = (await shown()).filter(({ id }) => wanted.includes(id));
    const tookMs = t.nowMs() - startMs;
    t.check(CAP_02, there.length === wanted.length && there.every(({ id }, index) => id === wanted[index]), {
      reason: there.length < wanted.length ? "absent" : "disordered",
      expected: `items ${SHOWN.first} to ${SHOWN.last} in order`,
      seen: `${there.length} of them`,
    });
    t.check(CAP_02, tookMs <= STATE_MS_MAX, { reason: "late", expected: "the list within a second", seen: `${tookMs.toFixed(0)} ms` });
    const allowed = new Set(values.slice(SHOWN.first - MARGIN, SHOWN.last + 1 + MARGIN));
    const loaded = (await askedFor()).filter((id) => !before.has(id));
    const beyond = loaded.filter((id) => !allowed.has(id)).length;
    t.check(CAP_02, beyond === 0, {
      reason: "over-limit",
      expected: `the visible range and ${MARGIN} beside it`,
      seen: `${beyond} others`,
    });
    const { messageCount } = await state();
    t.report(
      CAP_02,
      `${messageCount ?? LIST} items: ${unasked} loaded unasked, ${loaded.length} for a range of ${wanted.length}; the list in ${tookMs.toFixed(0)} ms`,
    );
  },
};

const stateMetrics: CaseDefinition = {
  name: "client/real-time-metrics",
  title: "The metrics of a client are true: queue, uptime, errors, mean latency",
  ids: [OBS_01],
  phase: "shared",
  needs: ["clientDriver", "clientMetrics"],
  limitMs: 90_000,
  run: async (t) => {
    const { driver, state, control } = await stage(t);
    const latest = (): Readonly<Record<string, Json>> | undefined => metricsOf(driver, "real_time_metrics").at(-1);
    const number = (name: string): number => Number(latest()?.[name] ?? Number.NaN);
    const told = (fits: () => boolean): Promise<boolean> => t.until(() => latest() !== undefined && fits(), TOLD_MS_MAX);
    if (!t.check(OBS_01, await told(() => true), { reason: "silent", expected: "real_time_metrics", seen: "none" })) return;
    for (const name of ["averageLatency", "syncQueueSize", "connectionUptime", "errorCount"])
      t.check(OBS_01, Number.isFinite(number(name)), {
        reason: "malformed",
        expected: `${name} as a number`,
        seen: JSON.stringify(latest()),
      });
    t.check(OBS_01, number("averageLatency") === 0, {
      reason: "miscounted",
      expected: "averageLatency 0 before any",
      seen: `${number("averageLatency")}`,
    });
    t.check(OBS_01, number("errorCount") === 0, { reason: "miscounted", expected: "no errors yet", seen: `${number("errorCount")}` });
    for (let n = 0; n < 5; n += 1) await driver.call("do", { do: "send", content: `measured ${n}` });
    await t.until(async () => (await state()).queue.length === 0, SHALL_MS);
    const mean = (): number => {
      const times = metricsOf(driver, "message_delivery")
        .flatMap((each) => (each["success"] === true ? [Number(each["deliveryTime"])] : []))
        .slice(-100);
      return times.length === 0 ? Number.NaN : times.reduce((left, right) => left + right, 0) / times.length;
    };
    const isMean = (): boolean => Math.abs(number("averageLatency") - mean()) <= 1;
    await told(isMean);
    t.check(OBS_01, isMean(), {
      reason: "miscounted",
      expected: `averageLatency ${mean().toFixed(1)}, the mean of what was delivered`,
      seen: `${number("averageLatency")}`,
    });
    const uptime = number("connectionUptime");
    await t.sleep(2_000);
    await told(() => number("connectionUptime") >= uptime + 1_000);
    const grown = number("connectionUptime") - uptime;
    t.check(OBS_01, grown >= 1_000 && grown <= 4_000, {
      reason: "miscounted",
      expected: "connectionUptime grows with time",
      seen: `${grown} ms in 2 s`,
    });
    await control({ refuse: true, cut: true });
    for (let n = 0; n < 3; n += 1) await driver.call("do", { do: "send", content: `waiting ${n}` });
    const waiting = (await state()).queue.length;
    await told(() => number("syncQueueSize") === waiting);
    t.check(OBS_01, number("syncQueueSize") === waiting, {
      reason: "miscounted",
      expected: `syncQueueSize ${waiting}`,
      seen: `${number("syncQueueSize")}`,
    });
    await told(() => number("errorCount") > 0 && number("connectionUptime") === 0);
    t.check(OBS_01, number("errorCount") > 0, {
      reason: "miscounted",
      expected: "the lost connection counted",
      seen: `errorCount ${number("errorCount")}`,
    });
    await control({ refuse: false });
    const isBack = await t.until(async () => (await state()).connection.sync === "online", 20_000);
    if (!isBack) throw new Precondition("the client did not come back");
    const backMs = t.nowMs();
    await told(() => number("connectionUptime") > 0);
    const anew = number("connectionUptime");
    t.check(OBS_01, anew > 0 && anew <= t.nowMs() - backMs + 1_000 + SLACK_MS, {
      reason: "miscounted",
      expected: "connectionUptime of the present connection",
      seen: `${anew} ms`,
    });
  },
};

const eventMetrics: CaseDefinition = {
  name: "client/event-metrics",
  title: "Deliveries, typing and presence are told, and what is lost is no success",
  ids: [OBS_02],
  phase: "shared",
  needs: ["clientDriver", "clientMetrics"],
  limitMs: 60_000,
  run: async (t) => {
    const { driver, main, control, state } = await stage(t);
    const sent = async (content: string): Promise<Json | undefined> => {
      const answer = await driver.call("do", { do: "send", content });
      return typeof answer === "object" && answer !== null && "messageId" in answer ? answer["messageId"] : undefined;
    };
    const deliveries = (id: Json | undefined): readonly Readonly<Record<string, Json>>[] =>
      metricsOf(driver, "message_delivery").filter((each) => each["messageId"] === id);
    const good = await sent("arrives");
    await t.until(() => deliveries(good).length > 0, SHALL_MS);
    const [delivery] = deliveries(good);
    t.check(OBS_02, delivery?.["success"] === true, {
      reason: "absent",
      expected: "message_delivery with success",
      seen: JSON.stringify(delivery ?? null),
    });
    t.check(OBS_02, Number(delivery?.["deliveryTime"]) >= 0, {
      reason: "malformed",
      expected: "a deliveryTime of 0 or more",
      seen: JSON.stringify(delivery ?? null),
    });
    await control({ refuseFeed: { after: 0, times: 1_000_000 } });
    const lost = await sent("is lost");
    await t.sleep(SHALL_MS);
    const isStillQueued = (await state()).queue.length > 0;
    t.check(
      OBS_02,
      deliveries(lost).every((each) => each["success"] !== true),
      {
        reason: "miscounted",
        expected: "no success for a message that the server refuses",
        seen: JSON.stringify(deliveries(lost)),
      },
    );
    t.report(OBS_02, `a refused message is ${isStillQueued ? "kept in the queue" : "given up"}`);
    const userId = "co_zSomebodyElse";
    for (const isTyping of [true, false]) await control({ tell: { type: "typing", userId, isTyping, threadId: main } });
    for (const status of ["away", "online"]) await control({ tell: { type: "presence", userId, status } });
    const typing = (): readonly Json[] =>
      metricsOf(driver, "typing_indicator")
        .filter((each) => each["userId"] === userId)
        .map((each) => each["isTyping"] ?? null);
    const presence = (): readonly Json[] =>
      metricsOf(driver, "presence_change")
        .filter((each) => each["userId"] === userId)
        .map((each) => each["status"] ?? null);
    await t.until(() => typing().length >= 2 && presence().length >= 2, SHALL_MS);
    t.check(OBS_02, typing().map(String).join() === "true,false", {
      reason: "absent",
      expected: "typing_indicator true, then false",
      seen: typing().map(String).join(),
    });
    t.check(OBS_02, presence().map(String).join() === "away,online", {
      reason: "absent",
      expected: "presence_change away, then online",
      seen: presence().map(String).join(),
    });
    const stamps = [...metricsOf(driver, "typing_indicator"), ...metricsOf(driver, "presence_change")].map((each) => each["timestamp"]);
    t.check(
      OBS_02,
      stamps.every((each) => typeof each === "number" && Number.isInteger(each)),
      {
        reason: "malformed",
        expected: "timestamps in ms",
        seen: JSON.stringify(stamps),
      },
    );
  },
};

const counters: CaseDefinition = {
  name: "client/unread",
  title: "What a client counts of new messages is shown",
  ids: [OBS_03],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { driver, other, main, state, shown } = await stage(t, {
      before: async (member) => void (await act(member, { do: "send", content: "there before" })),
    });
    const first = await state();
    if (first.messageCount === undefined || first.unreadCount === undefined) return t.report(OBS_03, "the client has no counters");
    const ids = [await sendTo(t, other, [other], "one"), await sendTo(t, other, [other], "two"), await sendTo(t, other, [other], "three")];
    await t.until(async () => (await shown()).length >= 4, SHALL_MS);
    await driver.call("do", { do: "send", content: "own" });
    const after = await state();
    await act(other, { do: "edit", message: ids[0] ?? "", content: "one, edited" });
    await act(other, { do: "delete", message: ids[1] ?? "" });
    await t.until(async () => (await shown()).some(({ content }) => content === "one, edited"), SHALL_MS);
    const last = await state();
    t.report(
      OBS_03,
      `after first load ${first.unreadCount} unread of ${first.messageCount}; after 3 foreign and 1 own ${after.unreadCount} of ${after.messageCount}; ` +
        `after an edit and a deletion ${last.unreadCount} of ${last.messageCount}; thread ${main.slice(0, 8)}`,
    );
  },
};

/** What a client under test holds in memory, and what it tells of itself. */
export const clientFigureCases: readonly CaseDefinition[] = [cache, longList, stateMetrics, eventMetrics, counters];
