import { type CaseDefinition, Precondition } from "../../../core/case.ts";
import { requirementId } from "../../../core/ids.ts";
import { SLACK_MS, stage } from "./client-stage.ts";
import { SHALL_MS } from "./support.ts";

const RES_01 = requirementId("JAZZ-RES-01");
const RES_02 = requirementId("JAZZ-RES-02");
const RES_03 = requirementId("JAZZ-RES-03");
const RES_04 = requirementId("JAZZ-RES-04");

const WAITS_MS = [2_000, 4_000, 8_000, 16_000, 30_000] as const;
const SILENCE_MS = 60_000;
const TOLERANCE = 0.1;

function isRightWait(waitMs: number, index: number): boolean {
  const wantedMs = WAITS_MS[index];
  return wantedMs === undefined || Math.abs(waitMs - wantedMs) <= wantedMs * TOLERANCE + SLACK_MS;
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
        // A wrong wait is judged at once: what follows it takes a minute.
        return count > WAITS_MS.length || waits.some((waitMs, index) => !isRightWait(waitMs, index));
      },
      allMs * 1.1 + 2_000,
    );
    for (const [index, wantedMs] of WAITS_MS.entries()) {
      const waitMs = waits[index];
      const isRight = waitMs !== undefined && isRightWait(waitMs, index);
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
      await control({ reset: refusedMs === 0, refuse: refusedMs > 0, cut: true });
      const cutAt = t.nowMs();
      if (refusedMs === 0) {
        await t.until(async () => (await control({})).attempts.length > 0, 7_000);
        t.report(RES_03, ruleOf((await control({})).attempts.length > 0 ? t.nowMs() - cutAt : undefined));
      }
      await t.sleep(refusedMs);
      await control({ refuse: false });
      await t.sleep(8_000);
    }
    const { mostOpen } = await control({});
    t.check(RES_03, mostOpen <= 1, { reason: "doubled", expected: "one socket on the sync leg", seen: `${mostOpen} at once` });
    if (mostOpen === 0) throw new Precondition("the client did not come back");
  },
};

/** Which of the two rules brought a client back, by how long it waited. */
function ruleOf(waitMs: number | undefined): string {
  const rules = { "the backoff": 2_000, "the error-handler rule": 5_000 };
  const near = Object.entries(rules).find(([, ms]) => waitMs !== undefined && Math.abs(waitMs - ms) < 500);
  const how = waitMs === undefined ? "not within 7 s" : `after ${(waitMs / 1_000).toFixed(1)} s`;
  return `back ${how}: ${near?.[0] ?? "neither rule"} acts`;
}

/** How a client under test comes back, and when it does not. */
export const clientConnectionCases: readonly CaseDefinition[] = [backoff, wanted, counter, oneSocket];
