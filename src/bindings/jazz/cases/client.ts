import { type CaseClient, type CaseContext, type CaseDefinition, type ClientDriver, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import type { Json } from "../../../core/op.ts";
import type { CoId } from "../messages.ts";
import { act, sendTo, SHALL_MS, shown, view } from "./support.ts";

const SESS_03 = requirementId("JAZZ-SESS-03");
const CONV_10 = requirementId("JAZZ-CONV-10");
const RES_09 = requirementId("JAZZ-RES-09");
const CONV_05 = requirementId("JAZZ-CONV-05");
const LAT_02 = requirementId("JAZZ-LAT-02");
const RES_01 = requirementId("JAZZ-RES-01");
const RES_02 = requirementId("JAZZ-RES-02");
const RES_03 = requirementId("JAZZ-RES-03");
const RES_04 = requirementId("JAZZ-RES-04");
const RES_06 = requirementId("JAZZ-RES-06");
const RES_08 = requirementId("JAZZ-RES-08");
const RES_10 = requirementId("JAZZ-RES-10");
const RES_11 = requirementId("JAZZ-RES-11");
const ERR_01 = requirementId("JAZZ-ERR-01");
const ERR_02 = requirementId("JAZZ-ERR-02");

const WAITS_MS = [2_000, 4_000, 8_000, 16_000, 30_000] as const;
const SILENCE_MS = 60_000;
const TOLERANCE = 0.1;
/** A timer and a connection on a busy machine. */
const SLACK_MS = 150;

interface Shown {
  readonly id: CoId;
  readonly content: string;
  readonly pending: boolean;
  readonly hint: boolean;
}

interface ClientState {
  readonly connection: { readonly sync: string };
  readonly spaces: Readonly<Record<CoId, { readonly channels: readonly ({ readonly name: string } | null)[] }>>;
  readonly threads: Readonly<Record<CoId, readonly Shown[]>>;
  readonly queue: readonly { readonly type: string; readonly timestamp: number; readonly data: Json }[];
  readonly failed: readonly Json[];
}

/** A harness-owned server, a member of ours in its space, and the client under test in the same space. */
interface Stage {
  readonly driver: ClientDriver;
  readonly other: CaseClient;
  readonly main: CoId;
  control(order: Readonly<Record<string, Json>>): Promise<ServerSide>;
  state(): Promise<ClientState>;
  shown(): Promise<readonly Shown[]>;
}

/** What the harness's server has seen of the client under test. */
interface ServerSide {
  /** Times of connection attempts on the sync leg since the last reset, ms of the server's clock. */
  readonly attempts: readonly number[];
  /** The most sockets of the sync leg that were open at once since the last reset. */
  readonly mostOpen: number;
}

async function stage(t: CaseContext): Promise<Stage> {
  const server = await t.launch({ RELAY: "own", CONTROL: "1", MUTANT: "", TIME_SCALE: "1" });
  const { url } = server;
  if (url === undefined) throw new Precondition("the harness's server did not start");
  const room = await t.room();
  const other = await t.open({ room, url });
  const { main, space, account, secret } = (await act(other, { do: "guest" })) as unknown as Readonly<Record<string, string>>;
  const control = async (order: Readonly<Record<string, Json>>): Promise<ServerSide> => {
    const answer = await t.http({ method: "POST", path: "/control", body: JSON.stringify(order) }, undefined, { url });
    if ("failure" in answer || answer.status !== 200) throw new Precondition("the harness's server cannot be controlled");
    return JSON.parse(answer.body) as ServerSide;
  };
  // Our own member has one socket, too: it is told apart by being there before.
  await control({ reset: true });
  const driver = await t.client();
  const ws = url.replace(/^http/, "ws");
  await driver.call("connect", {
    url: `${ws}/`,
    hub: `${ws}/hub`,
    account: { accountID: account ?? "", accountSecret: secret ?? "" },
    space: space ?? "",
  });
  const state = async (): Promise<ClientState> => (await driver.call("state")) as unknown as ClientState;
  const isThere = await t.until(async () => main !== undefined && main in (await state()).threads, 2 * SHALL_MS);
  if (!isThere || main === undefined) throw new Precondition("the client under test did not load the space");
  return { driver, other, main, control, state, shown: async () => (await state()).threads[main] ?? [] };
}

const backoff: CaseDefinition = {
  name: "client/backoff",
  title: "After a close: five reconnects with waits of 2, 4, 8, 16, 30 s, then none; giving up shows, and the network's return starts anew",
  ids: [RES_01, RES_04],
  phase: "shared",
  needs: ["clientDriver", "longWaits"],
  limitMs: 200_000,
  run: async (t) => {
    const { driver, control, state } = await stage(t);
    await control({ refuse: true, reset: true });
    await control({ cut: true });
    const cutAt = t.nowMs();
    const waits: number[] = [];
    let last = cutAt;
    const allMs = WAITS_MS.reduce((sum, each) => sum + each, 0);
    let count = 0;
    await t.until(
      async () => {
        const { attempts } = await control({});
        while (count < attempts.length) {
          waits.push(t.nowMs() - last);
          last = t.nowMs();
          count += 1;
        }
        await t.sleep(30);
        return count > WAITS_MS.length;
      },
      allMs * 1.1 + 2_000,
    );
    for (const [index, wantedMs] of WAITS_MS.entries()) {
      const waitMs = waits[index];
      const isRight = waitMs !== undefined && Math.abs(waitMs - wantedMs) <= wantedMs * TOLERANCE + SLACK_MS;
      t.check(RES_01, isRight, {
        reason: waitMs === undefined ? "absent" : waitMs < wantedMs ? "early" : "late",
        expected: `wait ${index + 1} of ${wantedMs / 1_000} s (±10 %)`,
        seen:
          waitMs === undefined
            ? "no such attempt"
            : `${(waitMs / 1_000).toFixed(2)} s; all: ${waits.map((each) => (each / 1_000).toFixed(1)).join(", ")}`,
      });
      if (!isRight) return;
    }
    await t.sleep(SILENCE_MS);
    const { attempts } = await control({});
    t.check(RES_01, attempts.length === WAITS_MS.length, {
      reason: "over-limit",
      expected: "none after the fifth",
      seen: `${attempts.length} attempts`,
    });
    const { connection } = await state();
    t.check(RES_04, connection.sync === "offline", { reason: "silent", expected: "state offline after giving up", seen: connection.sync });
    await driver.call("setOffline", true);
    await driver.call("setOffline", false);
    await t.until(async () => (await control({})).attempts.length > WAITS_MS.length, SHALL_MS);
    const { attempts: anew } = await control({});
    t.check(RES_04, anew.length > WAITS_MS.length, { reason: "absent", expected: "an attempt on the network's return", seen: "none" });
  },
};

const wanted: CaseDefinition = {
  name: "client/wanted-close",
  title: "A wanted close starts no reconnect",
  ids: [RES_04],
  phase: "shared",
  needs: ["clientDriver", "longWaits"],
  limitMs: 120_000,
  run: async (t) => {
    const { driver, control } = await stage(t);
    await driver.call("disconnect");
    await t.sleep(200);
    await control({ reset: true });
    await t.sleep(SILENCE_MS);
    const { attempts } = await control({});
    t.check(RES_04, attempts.length === 0, { reason: "over-limit", expected: "no attempt in 60 s", seen: `${attempts.length}` });
  },
};

const counter: CaseDefinition = {
  name: "client/counter-reset",
  title: "A successful connection sets the counter back",
  ids: [RES_02],
  phase: "shared",
  needs: ["clientDriver", "longWaits"],
  limitMs: 120_000,
  run: async (t) => {
    const { control, state } = await stage(t);
    await control({ refuse: true, reset: true, cut: true });
    await t.until(async () => (await control({})).attempts.length >= 2, 10_000);
    await control({ refuse: false });
    if (!(await t.until(async () => (await state()).connection.sync === "online", 15_000)))
      throw new Precondition("the client did not come back");
    await t.sleep(500);
    const cutAt = t.nowMs();
    await control({ refuse: true, reset: true, cut: true });
    await t.until(async () => (await control({})).attempts.length >= 1, 6_000);
    const waitMs = t.nowMs() - cutAt;
    t.check(RES_02, Math.abs(waitMs - 2_000) <= 200 + 2 * SLACK_MS, {
      reason: waitMs < 2_000 ? "early" : "late",
      expected: "waits begin at 2 s again",
      seen: `${(waitMs / 1_000).toFixed(2)} s`,
    });
    await t.until(async () => (await control({})).attempts.length >= 2, 6_000);
    t.check(RES_02, (await control({})).attempts.length >= 2, { reason: "absent", expected: "further attempts", seen: "one" });
  },
};

const oneSocket: CaseDefinition = {
  name: "client/one-socket",
  title: "An error and a close together never lead to two sockets",
  ids: [RES_03],
  phase: "shared",
  needs: ["clientDriver"],
  limitMs: 60_000,
  run: async (t) => {
    const { control, other } = await stage(t);
    await other.close();
    await t.sleep(200);
    await control({ reset: true });
    for (const refusedMs of [0, 2_500]) {
      await control({ refuse: refusedMs > 0, cut: true });
      await t.sleep(refusedMs);
      await control({ refuse: false });
      await t.sleep(8_000);
    }
    const { mostOpen } = await control({});
    t.check(RES_03, mostOpen <= 1, { reason: "doubled", expected: "one socket on the sync leg", seen: `${mostOpen} at once` });
    if (mostOpen === 0) throw new Precondition("the client did not come back");
  },
};

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
    const { driver, other, main, control, state } = await stage(t);
    await control({ refuse: true, cut: true });
    await t.sleep(100);
    for (let n = 0; n < 10; n += 1) await driver.call("do", { do: "send", content: `unlucky ${n}` });
    await control({ refuse: false });
    const arrived = (prefix: string): readonly string[] =>
      (view(other).threads[main] ?? []).map((each) => each.content).filter((each) => each.startsWith(prefix));
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
  title: "A sent message shows at once and once; a lost connection is told once; hints lead to one message; unknown items stay visible",
  ids: [ERR_01, ERR_02, SESS_03, RES_11, LAT_02],
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
    await driver.call("do", { do: "enqueue", item: { type: "foo", data: {}, timestamp: Date.now() } });
    const { queue, failed } = await state();
    t.check(RES_11, queue.some((each) => each.type === "foo") || failed.length > 0, {
      reason: "lost",
      expected: "an unknown item stays visible",
      seen: "it is gone",
    });
    await driver.call("do", { do: "enqueue", item: { type: "message", data: { do: "send", content: "by item" }, timestamp: Date.now() } });
    await t.until(() => (view(other).threads[main] ?? []).some((each) => each.content === "by item"), SHALL_MS);
    t.check(
      RES_11,
      (view(other).threads[main] ?? []).some((each) => each.content === "by item"),
      { reason: "absent", expected: "an item of type message is carried out", seen: "nothing" },
    );
    const lostFrom = driver.events.length;
    await control({ refuse: true, cut: true });
    await t.sleep(7_500);
    const warnings = driver.events.slice(lostFrom).filter((each) => each.event === "notice" && each["level"] === "warning").length;
    t.check(ERR_02, warnings === 1, {
      reason: warnings === 0 ? "silent" : "doubled",
      expected: "one warning a loss, not one an attempt",
      seen: `${warnings}`,
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
    const { driver, other, main, control } = await stage(t);
    await control({ refuseFeed: { after: 2, times: 2 } });
    for (let n = 0; n < 10; n += 1) await driver.call("do", { do: "send", content: `item ${n}` });
    const arrived = (): readonly string[] =>
      (view(other).threads[main] ?? []).map((each) => each.content).filter((each) => each.startsWith("item "));
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

/** Cases of a client under test: the harness plays relay and hub. */
export const clientCases: readonly CaseDefinition[] = [
  backoff,
  wanted,
  counter,
  oneSocket,
  offline,
  closedSocket,
  refusedItem,
  reactive,
  merging,
  optimism,
];
