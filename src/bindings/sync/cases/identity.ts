import { type CaseContext, type CaseUser, Precondition } from "../../../core/case.ts";
import type { TokenChanges } from "../../../core/network.ts";
import { TOKEN_METHOD } from "../session.ts";
import type { Lab, LabAnswer } from "./lab.ts";
import { askToken, breach, directoryOf, id, inLanes, join, settled, type SyncCase } from "./support.ts";
import { metricsOf } from "./metrics.ts";

const DELAY_MS = 500;
const LOGINS = 100;
/** Requests that one unknown DID may cost. */
const LOOKUPS_MAX = 2;
const DID_CACHE_MS = 600_000;

async function logIn(t: CaseContext, lab: Lab, user: CaseUser, changes: TokenChanges = {}): Promise<LabAnswer> {
  return askToken(t, lab, await directoryOf(t).token(user.id, changes));
}

const cached: SyncCase = {
  name: "identity/cached",
  title: "A DID is looked up once in the declared life of the cache",
  ids: ["LAT-01"],
  phase: "waiting",
  needs: ["directory"],
  limitMs: 700_000,
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user();
    await directory.answer(user.id, { delayMs: DELAY_MS });
    const before = await directory.lookups(user.id);
    const first = await logIn(t, lab, user);
    if (first.status !== 200) throw new Precondition(`no token: ${first.status} ${first.body}`);
    await inLanes(
      4,
      Array.from({ length: LOGINS - 1 }, (_, index) => index),
      async () => {
        const answer = await logIn(t, lab, user);
        t.check(id("LAT-01"), answer.status === 200, () =>
          breach("wrong-refusal", "further logins of the same DID are good", `${answer.status} ${answer.body}`),
        );
        t.check(
          id("LAT-01"),
          answer.ms < DELAY_MS,
          breach("late", "from the second login on no wait for the directory", `${Math.round(answer.ms)} ms`),
        );
      },
    );
    const lookups = (await directory.lookups(user.id)) - before;
    t.check(
      id("LAT-01"),
      lookups <= LOOKUPS_MAX,
      breach("over-limit", `at most ${LOOKUPS_MAX} requests for ${LOGINS} logins`, `${lookups}`),
    );
    const lifeMs = t.limit("didCacheMs", DID_CACHE_MS);
    if (!t.has("longWaits") && lifeMs > 60_000) return;
    await t.sleep(t.scaled(lifeMs) + 2_000);
    await logIn(t, lab, user);
    const later = (await directory.lookups(user.id)) - before - lookups;
    t.check(id("LAT-01"), later >= 1, breach("stale", "after the declared life the directory is asked again", `${later} requests`));
  },
};

const AT_ONCE = 200;

const singleFlight: SyncCase = {
  name: "identity/single-flight",
  title: "Simultaneous logins of one unknown DID share one look-up",
  ids: ["LAT-02"],
  phase: "shared",
  needs: ["directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user();
    await directory.answer(user.id, { delayMs: DELAY_MS });
    const before = await directory.lookups(user.id);
    const jwts = await Promise.all(Array.from({ length: AT_ONCE }, () => directory.token(user.id)));
    const answers = await Promise.all(jwts.map((jwt, index) => askToken(t, lab, jwt, { localAddress: `127.0.0.${2 + (index % 4)}` })));
    const good = answers.filter((answer) => answer.status === 200).length;
    t.check(id("LAT-02"), good === AT_ONCE, breach("wrong-refusal", `all ${AT_ONCE} get tokens`, `${good} did`));
    const lookups = (await directory.lookups(user.id)) - before;
    t.check(id("LAT-02"), lookups <= LOOKUPS_MAX, breach("over-limit", `at most ${LOOKUPS_MAX} requests`, `${lookups}`));
  },
};

const CROWD = 20_000;
const HALF = CROWD / 2;
const GROWTH_MAX_BYTES = 32 * 1_048_576;
const LIVE_MAX = 20;
const GONE_MS_MAX = 60_000;

const crowd: SyncCase = {
  name: "identity/crowd",
  title: "Twenty thousand logins of as many DIDs leave neither documents nor tokens behind without bound",
  ids: ["LAT-02", "SEC-03"],
  phase: "own",
  needs: ["metrics", "processControl"],
  limitMs: 300_000,
  run: async (t, lab) => {
    const people = await lab.crowd();
    const server = await t.launch({ PLC_URL: people.url });
    const { url } = server;
    if (url === undefined) throw new Precondition("no instance");
    const audience = t.target.credential.audience;
    const half = async (from: number): Promise<number> => {
      let refused = 0;
      await inLanes(
        48,
        Array.from({ length: HALF }, (_, index) => from + index),
        async (index) => {
          const answer = await askToken(t, lab, people.jwt(index, audience, TOKEN_METHOD), {
            url,
            localAddress: `127.0.0.${2 + (index % 4)}`,
            withinMs: 30_000,
          });
          if (answer.status !== 200) refused += 1;
        },
      );
      if (refused > HALF / 100) throw new Precondition(`${refused} of ${HALF} logins were refused`);
      return (await metricsOf(t, lab, url))["process_resident_bytes"] ?? 0;
    };
    const base = (await metricsOf(t, lab, url))["process_resident_bytes"] ?? 0;
    const [first, second] = [await half(0), await half(HALF)];
    const grown = second - first;
    t.check(
      id("LAT-02"),
      grown <= GROWTH_MAX_BYTES || grown < (first - base) / 2,
      breach(
        "over-limit",
        "the second half adds less than half of the first, or under 32 MiB",
        `${Math.round((first - base) / 1_048_576)} MiB, then ${Math.round(grown / 1_048_576)} MiB`,
      ),
    );
    let live = Infinity;
    await t.until(async () => {
      live = (await metricsOf(t, lab, url))["tokens_live"] ?? Infinity;
      if (live > LIVE_MAX) await t.sleep(1_000);
      return live <= LIVE_MAX;
    }, GONE_MS_MAX);
    t.check(
      id("SEC-03"),
      live <= LIVE_MAX,
      breach("ghost", `60 s after the last of ${CROWD} tokens at most ${LIVE_MAX} are kept`, `${live}`),
    );
    server.kill();
  },
};

const ROTATED_MS_MAX = 15_000;

async function untilGood(t: CaseContext, lab: Lab, user: CaseUser, withinMs: number): Promise<boolean> {
  return t.until(async () => {
    const answer = await logIn(t, lab, user);
    if (answer.status !== 200) await t.sleep(1_000);
    return answer.status === 200;
  }, withinMs);
}

const rotation: SyncCase = {
  name: "identity/rotation",
  title: "A rotated key works at once in spite of the cache, and the retired one not for long",
  ids: ["LAT-03"],
  phase: "waiting",
  needs: ["directory"],
  limitMs: 700_000,
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const lifeMs = t.scaled(t.limit("didCacheMs", DID_CACHE_MS)) + 5_000;
    const turn = async (from: "k256" | "p256", to: "k256" | "p256"): Promise<void> => {
      const what = from === to ? `to another ${to} key` : `from ${from} to ${to}`;
      const user = await directory.user({ curve: from });
      const warm = await logIn(t, lab, user);
      if (warm.status !== 200) throw new Precondition(`no token: ${warm.status} ${warm.body}`);
      await directory.rotate(user.id, { curve: to });
      const isIn = await untilGood(t, lab, user, ROTATED_MS_MAX);
      t.check(id("LAT-03"), isIn, breach("late", `${what}: the new key works within ${ROTATED_MS_MAX / 1_000} s`, "it does not"));
      let old = await logIn(t, lab, user, { key: "retired" });
      await t.until(async () => {
        if (old.status === 200) {
          await t.sleep(2_000);
          old = await logIn(t, lab, user, { key: "retired" });
        }
        return old.status !== 200;
      }, lifeMs);
      t.check(
        id("LAT-03"),
        old.status >= 400,
        breach("not-refused", `${what}: the retired key is refused after the life of the cache at the latest`, String(old.status)),
      );
    };
    const hiccup = async (): Promise<void> => {
      const user = await directory.user();
      await directory.answer(user.id, { fault: 500 });
      const down = await logIn(t, lab, user);
      await directory.answer(user.id, {});
      const isIn = await untilGood(t, lab, user, ROTATED_MS_MAX);
      t.check(
        id("LAT-03"),
        isIn,
        breach("late", `after one error of the directory (${down.status}) a login within ${ROTATED_MS_MAX / 1_000} s`, "none"),
      );
    };
    await Promise.all([turn("k256", "k256"), turn("k256", "p256"), turn("p256", "k256"), hiccup()]);
  },
};

const BACK_MS_MAX = 35_000;

const outage: SyncCase = {
  name: "identity/outage",
  title: "While the directory is down, who is known goes on, and who is not is told so",
  ids: ["ROB-03"],
  phase: "exclusive",
  needs: ["directory"],
  limitMs: 120_000,
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const [known, unknown, slow] = [await directory.user(), await directory.user(), await directory.user()];
    const warm = await logIn(t, lab, known);
    if (warm.status !== 200) throw new Precondition(`no token: ${warm.status} ${warm.body}`);
    const peer = await join(t, lab, { user: known });
    await directory.answer("*", { fault: "cut" });
    await directory.answer(slow.id, { fault: "silent" });
    const fresh = await askToken(t, lab, await directory.token(unknown.id), { withinMs: 8_000 });
    t.check(id("ROB-03"), fresh.status >= 500 && fresh.ms <= 6_000, () =>
      breach(
        fresh.status === 0 ? "silent" : "wrong-refusal",
        "an unknown DID gets a 5xx within 6 s",
        `${fresh.status} ${fresh.body} after ${Math.round(fresh.ms)} ms`,
      ),
    );
    t.check(id("ROB-03"), fresh.status === 0 || fresh.body.length > 10, breach("absent", "with a reason", fresh.body));
    const again = await logIn(t, lab, known);
    t.check(id("ROB-03"), again.status === 200, () => breach("wrong-refusal", "a cached DID logs in", `${again.status} ${again.body}`));
    const hung = await askToken(t, lab, await directory.token(slow.id), { withinMs: 8_000 });
    t.check(id("ROB-03"), hung.status >= 500 && hung.ms <= 6_500, () =>
      breach(
        hung.status === 0 ? "silent" : "wrong-refusal",
        "a directory that never answers: 5xx within 6 s",
        `${hung.status} after ${Math.round(hung.ms)} ms`,
      ),
    );
    t.check(id("ROB-03"), await settled(t, lab, peer), breach("closed", "open sockets go on", `closed ${peer.socket.closed?.code}`));
    if (t.has("health")) {
      const ready = await lab.http({ url: t.urls[0], path: "/readyz" });
      t.check(
        id("ROB-03"),
        ready.status === 200 && ready.json["status"] === "degraded",
        breach("stale", "readyz: 200, degraded", `${ready.status} ${ready.body}`),
      );
    }
    await directory.answer("*", {});
    await directory.answer(slow.id, {});
    const isIn = await untilGood(t, lab, unknown, BACK_MS_MAX);
    t.check(id("ROB-03"), isIn, breach("late", `logins again within ${BACK_MS_MAX / 1_000} s`, "none"));
    if (!t.has("health")) return;
    const isReady = await t.until(
      async () => (await lab.http({ url: t.urls[0], path: "/readyz" })).json["status"] === "ready",
      BACK_MS_MAX,
    );
    t.check(id("ROB-03"), isReady, breach("stale", `ready again within ${BACK_MS_MAX / 1_000} s`, "degraded"));
  },
};

const LOOKED_UP = 200;

const connections: SyncCase = {
  name: "identity/connections",
  title: "How many connections look-ups take is shown",
  ids: ["CAP-05"],
  phase: "exclusive",
  needs: ["directory"],
  limitMs: 60_000,
  run: async (t) => {
    const directory = directoryOf(t);
    const users = await t.users(LOOKED_UP);
    const before = await directory.connections();
    await inLanes(16, users, async (user) => {
      await t.http({ method: "GET", path: `${t.basePath}/xrpc/${TOKEN_METHOD}` }, user);
    });
    t.report(id("CAP-05"), `${(await directory.connections()) - before} connections to the directory for logins of ${LOOKED_UP} DIDs`);
  },
};

/** DID documents: cached, shared, renewed; and what holds when they cannot be had. */
export const identityCases: readonly SyncCase[] = [cached, singleFlight, crowd, rotation, outage, connections];
