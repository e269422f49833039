import { type CaseContext, Precondition } from "../../../core/case.ts";
import { PROTOCOL, tokenOf } from "../session.ts";
import type { LabSocket } from "./lab.ts";
import { askToken, breach, directoryOf, handshake, id, signIn, type SyncCase, WATCH_MS } from "./support.ts";

const SHAPES = ["legacy", "multikey"] as const;
const CURVES = ["k256", "p256"] as const;

/** One letter of a JWT's claims is another. */
function changedClaims(jwt: string): string {
  const [header = "", claims = "", signature = ""] = jwt.split(".");
  const at = Math.floor(claims.length / 2);
  const other = claims.charAt(at) === "A" ? "B" : "A";
  return `${header}.${claims.slice(0, at)}${other}${claims.slice(at + 1)}.${signature}`;
}

const identity: SyncCase = {
  name: "auth/identity",
  title: "A JWT is held against the key in the issuer's document, whatever its method, shape and curve",
  ids: ["AUTH-01"],
  phase: "shared",
  needs: ["directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    for (const method of ["plc", "web"] as const) {
      for (const shape of SHAPES) {
        for (const curve of CURVES) {
          const user = await directory.user({ method, curve });
          await directory.answer(user.id, { shape });
          const what = `did:${method}, ${shape}, ${curve}`;
          const good = await askToken(t, lab, await directory.token(user.id));
          t.check(id("AUTH-01"), good.status === 200 && tokenOf(good.body) !== undefined, () =>
            breach("wrong-refusal", `${what}: a good JWT gets a token`, `${good.status} ${good.body}`),
          );
          t.check(id("AUTH-01"), good.ms <= WATCH_MS, breach("late", `${what}: within ${WATCH_MS} ms`, `${Math.round(good.ms)} ms`));
          const stranger = await askToken(t, lab, await directory.token(user.id, { key: "stranger" }));
          t.check(id("AUTH-01"), stranger.status === 403, () =>
            breach("not-refused", `${what}: another key is refused with 403`, `${stranger.status} ${stranger.body}`),
          );
          const changed = await askToken(t, lab, changedClaims(await directory.token(user.id)));
          t.check(id("AUTH-01"), changed.status === 403, () =>
            breach("not-refused", `${what}: a changed byte is refused with 403`, `${changed.status} ${changed.body}`),
          );
        }
      }
    }
  },
};

const exchange: SyncCase = {
  name: "auth/exchange",
  title: "A JWT is exchanged for a token that opens a socket; the JWT itself opens none",
  ids: ["AUTH-02"],
  phase: "shared",
  needs: ["directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user();
    const jwt = await directory.token(user.id);
    const answer = await askToken(t, lab, jwt);
    const token = tokenOf(answer.body);
    t.check(id("AUTH-02"), answer.status >= 200 && answer.status < 300 && token !== undefined, () =>
      breach("absent", "2xx with a token", `${answer.status} ${answer.body}`),
    );
    const byJwt = await handshake(t, lab, user.id, jwt);
    t.check(id("AUTH-02"), byJwt.status !== 101, breach("not-refused", "a JWT in the token's place is refused", "101"));
    if (token === undefined) return;
    const socket = await handshake(t, lab, user.id, token);
    t.check(id("AUTH-02"), socket.isOpen, () => breach("wrong-refusal", "the token opens a socket", `${socket.status} ${socket.body}`));
  },
};

/** Whether a handshake was refused, or closed at once without any frame. */
async function isShut(t: CaseContext, socket: LabSocket): Promise<boolean> {
  if (socket.status >= 400 && socket.status < 500) return true;
  if (socket.status !== 101) return false;
  await t.until(() => socket.closed !== undefined || socket.frames.length > 0, WATCH_MS);
  return socket.closed !== undefined && socket.frames.length === 0;
}

/** Gives whether it was refused. */
async function shut(t: CaseContext, requirement: string, what: string, socket: LabSocket): Promise<boolean> {
  const isRight = await isShut(t, socket);
  t.check(id(requirement), isRight, () =>
    breach(
      socket.status === 101 ? "not-refused" : socket.status === 0 ? "silent" : "wrong-refusal",
      `${what}: refused with a 4xx`,
      `${socket.status} ${socket.body}`,
    ),
  );
  t.check(id(requirement), socket.ms <= WATCH_MS, breach("late", `${what}: within ${WATCH_MS} ms`, `${Math.round(socket.ms)} ms`));
  return isRight;
}

const places: SyncCase = {
  name: "auth/places",
  title: "The token is taken in the sub-protocol and in no other place",
  ids: ["AUTH-04"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const path = `${t.basePath}/sync/as/${user.id}`;
    const url = t.urls[0];
    let token = await signIn(t, user);
    for (const [what, how] of [
      ["in the query", () => ({ path: `${path}?token=${token}` })],
      ["in the query as authorization", () => ({ path: `${path}?authorization=${token}` })],
      ["in the query, the word offered", () => ({ path: `${path}?token=${token}`, offer: PROTOCOL })],
      ["in a cookie", () => ({ path, headers: { cookie: `token=${token}; authorization=${token}` } })],
      ["in Authorization", () => ({ path, headers: { authorization: `Bearer ${token}` } })],
    ] as const) {
      // What was accepted has used the token up.
      if (!(await shut(t, "AUTH-04", what, await lab.open({ url, ...how() })))) token = await signIn(t, user);
    }
    token = await signIn(t, user);
    const socket = await handshake(t, lab, user.id, token);
    t.check(id("AUTH-04"), socket.isOpen, () => breach("wrong-refusal", "in the sub-protocol: 101", `${socket.status} ${socket.body}`));
  },
};

/** What a browser would say to the answer. */
function judgeProtocol(t: CaseContext, what: string, socket: LabSocket, offered: readonly string[], token: string): void {
  const { protocol } = socket;
  t.check(
    id("AUTH-05"),
    protocol !== undefined && offered.includes(protocol),
    breach("absent", `${what}: the answer names an offered entry`, protocol ?? "none"),
  );
  if (protocol === token) t.check(id("AUTH-05"), false, breach("leaked", `${what}: the answer names the word, not the token`, "the token"));
}

const negotiation: SyncCase = {
  name: "auth/negotiation",
  title: "The answer to a handshake names an offered sub-protocol, as browsers demand",
  ids: ["AUTH-05"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const offers = [
      ["as browsers write it", (token: string) => `${PROTOCOL}, ${token}`, true],
      ["without a blank", (token: string) => `${PROTOCOL},${token}`, false],
      ["in the other order", (token: string) => `${token}, ${PROTOCOL}`, false],
      ["the token alone", (token: string) => token, false],
    ] as const;
    for (const [what, offer, isOwed] of offers) {
      const token = await signIn(t, user);
      const socket = await lab.open({ url: t.urls[0], path: `${t.basePath}/sync/as/${user.id}`, offer: offer(token) });
      if (socket.status === 101) judgeProtocol(t, what, socket, [PROTOCOL, token], token);
      else if (isOwed) t.check(id("AUTH-05"), false, breach("wrong-refusal", `${what}: 101`, `${socket.status} ${socket.body}`));
      else t.report(id("AUTH-05"), `${what}: refused with ${socket.status}`);
      socket.close();
    }
  },
};

/** A token of this age may not live until it is tried. */
const OLD_MS = 25_000;

const badTokens: SyncCase = {
  name: "auth/bad-tokens",
  title: "Missing, unknown, shortened and changed tokens are refused before any data flows",
  ids: ["AUTH-06"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const url = t.urls[0];
    const path = `${t.basePath}/sync/as/${user.id}`;
    const token = await signIn(t, user);
    const fromMs = t.nowMs();
    const middle = Math.floor(token.length / 2);
    const other = token.charAt(middle) === "7" ? "8" : "7";
    const changed = token.slice(0, middle) + other + token.slice(middle + 1);
    await shut(t, "AUTH-06", "no sub-protocol", await lab.open({ url, path }));
    await shut(t, "AUTH-06", "the word alone", await lab.open({ url, path, offer: PROTOCOL }));
    let isShut = true;
    for (const [what, shown] of [
      ["unknown", "0".repeat(52)],
      ["short and unknown", "ABC"],
      ["shortened by one", token.slice(0, -1)],
      ["halved", token.slice(0, middle)],
      ["one character changed", changed],
      ["lengthened", `${token}0`],
    ] as const)
      isShut = (await shut(t, "AUTH-06", what, await handshake(t, lab, user.id, shown))) && isShut;
    // What took a part for the whole has used the token up.
    if (!isShut) return;
    if (t.nowMs() - fromMs > OLD_MS) throw new Precondition("the token grew too old while others were tried");
    const socket = await handshake(t, lab, user.id, token);
    t.check(id("AUTH-06"), socket.isOpen, () =>
      breach("wrong-refusal", "the token itself is good all the same", `${socket.status} ${socket.body}`),
    );
  },
};

const bound: SyncCase = {
  name: "auth/bound",
  title: "A token opens a socket of the DID that obtained it, and of no other",
  ids: ["AUTH-07"],
  phase: "shared",
  run: async (t, lab) => {
    const [one, two] = await t.users(2);
    if (one === undefined || two === undefined) return;
    const token = await signIn(t, one);
    const foreign = await handshake(t, lab, two.id, token);
    t.check(id("AUTH-07"), foreign.status >= 400 && foreign.status < 500, () =>
      breach(
        foreign.status === 101 ? "not-refused" : "wrong-refusal",
        "another DID in the path is refused",
        `${foreign.status} ${foreign.body}`,
      ),
    );
    for (const [what, did] of [
      ["in capitals", one.id.toUpperCase()],
      ["encoded", encodeColons(one.id)],
      ["with a suffix", `${one.id}/x`],
    ] as const) {
      const socket = await handshake(t, lab, did, token);
      t.report(id("AUTH-07"), `own DID ${what}: ${socket.status}`);
      socket.close();
    }
    const own = await signIn(t, one);
    const control = await handshake(t, lab, one.id, own);
    t.check(id("AUTH-07"), control.isOpen, () => breach("wrong-refusal", "the own DID is let in", `${control.status} ${control.body}`));
  },
};

function encodeColons(did: string): string {
  return did.replace(/:/g, "%3A");
}

const TELLTALE = /\n\s+at |node_modules|file:\/\/|publicKey|did:key:|\bz[1-9A-HJ-NP-Za-km-z]{40,}/;

const explanation: SyncCase = {
  name: "auth/explanation",
  title: "A JWT that fails the check gets 403 and a short explanation that gives nothing away",
  ids: ["AUTH-08"],
  phase: "shared",
  needs: ["directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user();
    const jwt = await directory.token(user.id, { key: "stranger" });
    const answer = await askToken(t, lab, jwt);
    t.check(id("AUTH-08"), answer.status === 403, () =>
      breach(answer.status < 400 ? "not-refused" : "wrong-refusal", "403", `${answer.status} ${answer.body}`),
    );
    t.check(
      id("AUTH-08"),
      /jwt|authori[sz]ation|token/i.test(answer.body),
      breach("malformed", "a body that names the JWT or authorisation", answer.body),
    );
    const isDiscreet =
      !TELLTALE.test(answer.body.replace(/\\n/g, "\n")) &&
      !answer.body.includes(directory.url) &&
      !answer.body.includes(jwt) &&
      answer.body.length <= 1_000;
    t.check(id("AUTH-08"), isDiscreet, breach("leaked", "no stack, key or address inside", answer.body));
  },
};

/** Ages at which tokens are tried, seconds. */
const GOOD_AGES_S = [1, 15, 25, 28];
const BAD_AGES_S = [32, 33, 40, 90];
/** A harness that is later than this has not tried what it meant to. */
const LATE_MS_MAX = 1_000;

const life: SyncCase = {
  name: "auth/token-life",
  title: "A token is good for 30 s, and no longer",
  ids: ["AUTH-03"],
  phase: "waiting",
  limitMs: 120_000,
  run: async (t, lab) => {
    const tryAt = async (ageS: number): Promise<void> => {
      const user = await t.user();
      const token = await signIn(t, user);
      const fromMs = t.nowMs();
      await t.sleep(ageS * 1_000);
      const lateMs = t.nowMs() - fromMs - ageS * 1_000;
      if (lateMs > LATE_MS_MAX) throw new Precondition(`a token was to be tried at ${ageS} s and was ${Math.round(lateMs)} ms older`);
      const socket = await handshake(t, lab, user.id, token);
      const seen = `${socket.status} at ${((t.nowMs() - fromMs) / 1_000).toFixed(1)} s`;
      if (ageS <= 28) t.check(id("AUTH-03"), socket.status === 101, breach("early", `accepted ${ageS} s after the answer`, seen));
      else t.check(id("AUTH-03"), socket.status >= 400 && socket.status < 500, breach("late", `refused ${ageS} s after the answer`, seen));
      socket.close();
    };
    const isLong = t.has("longWaits");
    await Promise.all([...GOOD_AGES_S, ...BAD_AGES_S.filter((ageS) => isLong || ageS < 60)].map(tryAt));
  },
};

/** Who signs in how, and where the token is shown. */
export const authCases: readonly SyncCase[] = [identity, exchange, places, negotiation, badTokens, bound, explanation, life];
