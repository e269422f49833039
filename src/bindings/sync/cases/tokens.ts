import type { CaseContext, CaseUser } from "../../../core/case.ts";
import { REVOKE_METHOD } from "../session.ts";
import type { Lab, LabAnswer, LabSocket } from "./lab.ts";
import { biasOf, bitsOf, VARYING_BITS_MIN } from "./randomness.ts";
import { breach, directoryOf, handshake, id, inLanes, SHALL_MS, signIn, type SyncCase } from "./support.ts";

const DEV_GUESSES = ["dev", "test", "undefined", "null", "token", "devtok"];

const development: SyncCase = {
  name: "tokens/development",
  title: "The development bypass is shut unless it is configured, and then it is told",
  ids: ["AUTH-10"],
  phase: "own",
  needs: ["processControl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const plain = await t.launch({ UNSAFE_DEV_TOKEN: undefined });
    if (plain.url === undefined) return t.inconclusive(id("AUTH-10"), "no instance without the variable");
    const did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
    for (const guess of DEV_GUESSES) {
      const socket = await handshake(t, lab, did, guess, { url: plain.url });
      t.check(
        id("AUTH-10"),
        socket.status >= 400,
        breach("not-refused", `without it the token "${guess}" is refused`, String(socket.status)),
      );
    }
    const empty = await lab.open({ url: plain.url, path: `${t.basePath}/sync/as/${did}`, offer: "authorization, " });
    t.check(id("AUTH-10"), empty.status >= 400, breach("not-refused", "without it the empty token is refused", String(empty.status)));
    plain.kill();
    const open = await t.launch({ UNSAFE_DEV_TOKEN: "letmein" });
    if (open.url === undefined) return t.inconclusive(id("AUTH-10"), "no instance with the variable");
    const socket = await handshake(t, lab, did, "letmein", { url: open.url });
    t.check(id("AUTH-10"), socket.isOpen, () =>
      breach("wrong-refusal", "with it the token opens a socket of any DID", `${socket.status} ${socket.body}`),
    );
    const wrong = await handshake(t, lab, did, "letmeout", { url: open.url });
    t.check(id("AUTH-10"), wrong.status >= 400, breach("not-refused", "with it another token is refused", String(wrong.status)));
    const health = await lab.http({ url: open.url, path: t.target.hooks.health });
    const isTold = health.json["dev"] === true || /warn.*(dev|unsafe)/i.test(open.logs());
    t.check(id("AUTH-10"), isTold, breach("silent", "health or log says that the bypass is open", health.body));
    open.kill();
  },
};

async function revoke(t: CaseContext, lab: Lab, who: CaseUser, body: string): Promise<LabAnswer> {
  const jwt = await directoryOf(t).token(who.id, { claims: { lxm: REVOKE_METHOD } });
  return lab.http({
    url: t.urls[0],
    method: "POST",
    path: `${t.basePath}/xrpc/${REVOKE_METHOD}`,
    headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json" },
    body,
  });
}

async function isClosed(t: CaseContext, socket: LabSocket): Promise<boolean> {
  return t.until(() => socket.closed !== undefined, SHALL_MS);
}

const revocation: SyncCase = {
  name: "tokens/revocation",
  title: "A revoked token opens nothing, and what it had opened is closed; others are untouched",
  ids: ["AUTH-11"],
  phase: "shared",
  needs: ["revoke", "directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const [one, two] = [await directory.user(), await directory.user()];
    const [unused, used, kept] = [await signIn(t, one), await signIn(t, one), await signIn(t, one)];
    const open = await handshake(t, lab, one.id, used);
    const bystander = await handshake(t, lab, one.id, kept);
    const foreign = await revoke(t, lab, two, JSON.stringify({ token: used }));
    t.check(id("AUTH-11"), foreign.status === 204, () =>
      breach("wrong-refusal", "a revocation of another's token is 204, without effect", `${foreign.status} ${foreign.body}`),
    );
    await t.sleep(500);
    t.check(id("AUTH-11"), open.isOpen, breach("closed", "another DID's revocation closes nothing", `closed ${open.closed?.code}`));
    for (const token of [unused, used]) {
      const answer = await revoke(t, lab, one, JSON.stringify({ token }));
      t.check(id("AUTH-11"), answer.status === 204, () => breach("wrong-refusal", "204", `${answer.status} ${answer.body}`));
    }
    const refused = await handshake(t, lab, one.id, unused);
    t.check(id("AUTH-11"), refused.status === 403, breach("not-refused", "a revoked token is refused with 403", String(refused.status)));
    t.check(
      id("AUTH-11"),
      await isClosed(t, open),
      breach("late", `the socket that it opened is closed within ${SHALL_MS} ms`, "it stays open"),
    );
    t.check(id("AUTH-11"), bystander.isOpen, breach("closed", "the socket of another token goes on", `closed ${bystander.closed?.code}`));
    const all = await revoke(t, lab, one, "{}");
    t.check(id("AUTH-11"), all.status === 204, () => breach("wrong-refusal", "revoking all: 204", `${all.status} ${all.body}`));
    t.check(id("AUTH-11"), await isClosed(t, bystander), breach("late", "revoking all closes every socket of the DID", "one stays open"));
    const later = await handshake(t, lab, one.id, await signIn(t, one));
    t.check(id("AUTH-11"), later.isOpen, () => breach("wrong-refusal", "a token of later is good", `${later.status} ${later.body}`));
    const bad = await revoke(t, lab, one, '{"token":7}');
    t.check(id("AUTH-11"), bad.status === 400, breach("not-refused", "a body of another form is 400", String(bad.status)));
  },
};

const twice: SyncCase = {
  name: "tokens/twice",
  title: "A token serves once, also when two use it at the same moment",
  ids: ["AUTH-12"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const token = await signIn(t, user);
    const first = await handshake(t, lab, user.id, token);
    const second = await handshake(t, lab, user.id, token);
    const pair = await signIn(t, user);
    const both = await Promise.all([handshake(t, lab, user.id, pair), handshake(t, lab, user.id, pair)]);
    const accepted = both.filter((socket) => socket.status === 101).length;
    t.report(id("AUTH-12"), `one after the other: ${first.status}, ${second.status}; at once: ${accepted} of 2 accepted`);
    if (!t.has("singleUseToken")) return;
    t.check(
      id("AUTH-12"),
      first.status === 101 && second.status === 403,
      breach("not-refused", "the second use is refused", `${first.status}, ${second.status}`),
    );
    t.check(
      id("AUTH-12"),
      accepted === 1,
      breach(accepted > 1 ? "not-refused" : "wrong-refusal", "exactly one of two at once", `${accepted} accepted`),
    );
  },
};

const TOKENS = 1_000;

const guessing: SyncCase = {
  name: "tokens/guessing",
  title: "A thousand tokens do not repeat, and their bits look like chance",
  ids: ["SEC-01"],
  phase: "shared",
  limitMs: 60_000,
  run: async (t) => {
    const users = await t.users(4);
    const tokens: string[] = [];
    await inLanes(
      8,
      Array.from({ length: TOKENS }, (_, index) => users[index % users.length]),
      async (user) => {
        if (user !== undefined) tokens.push(await signIn(t, user));
      },
    );
    t.check(
      id("SEC-01"),
      new Set(tokens).size === tokens.length,
      breach("doubled", `${TOKENS} different tokens`, `${new Set(tokens).size}`),
    );
    const bits = tokens.map(bitsOf);
    const varying = bits[0]?.filter((bit, at) => bits.some((each) => each[at] !== bit)).length ?? 0;
    t.check(id("SEC-01"), varying >= VARYING_BITS_MIN, breach("malformed", `at least ${VARYING_BITS_MIN} bits vary`, `${varying} do`));
    const { worst, limit } = biasOf(bits);
    t.check(
      id("SEC-01"),
      worst <= limit,
      breach("malformed", `no bit leans further than ${limit.toFixed(1)} standard deviations`, worst.toFixed(1)),
    );
    t.report(id("SEC-01"), `${tokens.length} tokens of ${tokens[0]?.length ?? 0} characters; ${varying} bits vary`);
  },
};

const HANDSHAKES = 500;
const BEGIN_MS = 25_000;

const sameAnswer: SyncCase = {
  name: "tokens/same-answer",
  title: "An unknown, an expired, a used and a foreign token are refused alike",
  ids: ["SEC-04"],
  phase: "waiting",
  limitMs: 240_000,
  run: async (t, lab) => {
    const [user, other] = await t.users(2);
    if (user === undefined || other === undefined) return;
    // Out of the way of those that measure in milliseconds.
    await t.sleep(BEGIN_MS);
    const expired: string[] = [];
    await inLanes(
      8,
      Array.from({ length: HANDSHAKES }, (_, index) => index),
      async () => void expired.push(await signIn(t, user)),
    );
    const foreign = await signIn(t, other);
    const used = await signIn(t, user);
    (await handshake(t, lab, user.id, used)).close();
    await t.sleep(33_000);
    const answers = new Map<string, Set<string>>();
    const times = new Map<string, number[]>();
    const note = (what: string, socket: LabSocket): void => {
      answers.set(what, (answers.get(what) ?? new Set()).add(`${socket.status} ${socket.body}`));
      times.set(what, [...(times.get(what) ?? []), socket.ms]);
    };
    const fresh = await signIn(t, other);
    await inLanes(4, expired, async (token) => {
      note("expired", await handshake(t, lab, user.id, token));
      note("unknown", await handshake(t, lab, user.id, unlike(token)));
    });
    note("of another DID", await handshake(t, lab, user.id, fresh));
    note("of another DID, expired", await handshake(t, lab, user.id, foreign));
    if (t.has("singleUseToken")) note("used", await handshake(t, lab, user.id, used));
    const all = new Set([...answers.values()].flatMap((each) => [...each]));
    t.check(id("SEC-04"), all.size === 1, () =>
      breach("leaked", "one status and body for all", [...answers].map(([what, each]) => `${what}: ${[...each].join(" / ")}`).join("; ")),
    );
    t.report(
      id("SEC-04"),
      ["unknown", "expired"].map((what) => `${what}: median ${median(times.get(what) ?? []).toFixed(2)} ms`).join(", "),
    );
  },
};

/** A token of the same form that was never given out. */
function unlike(token: string): string {
  return `${token.slice(1, -1)}${token.charAt(0)}${token.slice(-1)}`;
}

function median(values: readonly number[]): number {
  const sorted = values.slice().sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Tokens: who may use them, how often, for how long, and whether they can be guessed. */
export const tokenCases: readonly SyncCase[] = [development, revocation, twice, guessing, sameAnswer];
