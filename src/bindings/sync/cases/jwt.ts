import type { CaseContext, CaseUser } from "../../../core/case.ts";
import type { TokenChanges } from "../../../core/network.ts";
import { tokenOf } from "../session.ts";
import type { Lab, LabAnswer } from "./lab.ts";
import { askToken, breach, directoryOf, hasCode, id, inLanes, reasonOf, type SyncCase } from "./support.ts";

const YEAR_S = 31_536_000;

interface Forged {
  readonly what: string;
  readonly changes: (nowS: number, did: string) => TokenChanges;
  /** Codes of Y-8 that fit. */
  readonly codes: readonly string[];
}

const TABLE: readonly Forged[] = [
  { what: "another audience", changes: () => ({ claims: { aud: "did:web:elsewhere.example" } }), codes: ["jwt-audience"] },
  { what: "no audience", changes: () => ({ claims: { aud: undefined } }), codes: ["jwt-audience"] },
  { what: "exp 6 s past", changes: (nowS) => ({ claims: { exp: nowS - 6 } }), codes: ["jwt-expired"] },
  { what: "exp 10 s past", changes: (nowS) => ({ claims: { exp: nowS - 10 } }), codes: ["jwt-expired"] },
  { what: "exp 60 s past", changes: (nowS) => ({ claims: { exp: nowS - 60, iat: nowS - 120 } }), codes: ["jwt-expired"] },
  { what: "exp a year past", changes: (nowS) => ({ claims: { exp: nowS - YEAR_S, iat: nowS - YEAR_S - 60 } }), codes: ["jwt-expired"] },
  { what: "no exp", changes: () => ({ claims: { exp: undefined } }), codes: ["jwt-malformed"] },
  { what: "exp as text", changes: (nowS) => ({ claims: { exp: String(nowS + 60) } }), codes: ["jwt-malformed"] },
  { what: "exp a year ahead", changes: (nowS) => ({ claims: { exp: nowS + YEAR_S } }), codes: ["jwt-lifetime"] },
  { what: "iat in the future", changes: (nowS) => ({ claims: { iat: nowS + 3_000, exp: nowS + 3_050 } }), codes: ["jwt-lifetime"] },
  { what: "typ other than JWT", changes: () => ({ header: { typ: "at+jwt" } }), codes: ["jwt-malformed"] },
  { what: "alg none", changes: () => ({ header: { alg: "none" }, signature: "none" }), codes: ["jwt-algorithm", "jwt-malformed"] },
  { what: "HS256 with the public key", changes: () => ({ header: { alg: "HS256" }, signature: "hmac" }), codes: ["jwt-algorithm"] },
  { what: "an ES256 header on a k256 key", changes: () => ({ header: { alg: "ES256" } }), codes: ["jwt-algorithm"] },
  { what: "another lxm", changes: () => ({ claims: { lxm: "com.example.other" } }), codes: ["jwt-method"] },
  { what: "no lxm", changes: () => ({ claims: { lxm: undefined } }), codes: ["jwt-method"] },
  { what: "high-S", changes: () => ({ signature: "high-s" }), codes: ["jwt-signature"] },
  { what: "a DER signature", changes: () => ({ signature: "der" }), codes: ["jwt-signature"] },
  { what: "no signature", changes: () => ({ signature: "none" }), codes: ["jwt-signature", "jwt-malformed"] },
  { what: "iss with a fragment", changes: (_, did) => ({ claims: { iss: `${did}#atproto` } }), codes: ["jwt-malformed"] },
  { what: "no iss", changes: () => ({ claims: { iss: undefined } }), codes: ["jwt-malformed"] },
  { what: "iss of an unknown method", changes: () => ({ claims: { iss: "did:example:alice" } }), codes: ["did-unresolvable"] },
  {
    what: "iss as did:key",
    changes: () => ({ claims: { iss: "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme" } }),
    codes: ["did-unresolvable"],
  },
  { what: "iss of nobody", changes: () => ({ claims: { iss: `did:plc:${"q".repeat(24)}` } }), codes: ["did-unresolvable"] },
  { what: "over 8 KiB", changes: () => ({ claims: { pad: "x".repeat(9_000) } }), codes: ["jwt-malformed"] },
];

/** Controls stand between so many refusals, so that refusing everything is no success. */
const CONTROL_EACH = 5;

async function control(t: CaseContext, lab: Lab, user: CaseUser, requirement: string): Promise<void> {
  const answer = await askToken(t, lab, await directoryOf(t).token(user.id));
  t.check(id(requirement), answer.status === 200 && tokenOf(answer.body) !== undefined, () =>
    breach("wrong-refusal", "a good JWT in between gets a token", `${answer.status} ${answer.body}`),
  );
}

function judgeRefusal(t: CaseContext, requirement: string, what: string, answer: LabAnswer, codes: readonly string[]): void {
  if (!t.check(id(requirement), answer.status !== 0, breach("silent", `${what}: an answer`, answer.body))) return;
  if (!t.check(id(requirement), answer.status >= 400, () => breach("not-refused", `${what}: refused`, `${answer.status} ${answer.body}`)))
    return;
  const isRight = answer.status < 500 && (!hasCode(answer) || codes.includes(reasonOf(answer)));
  t.check(id(requirement), isRight, () =>
    breach("wrong-refusal", `${what}: a 4xx with ${codes.join(" or ")}`, `${answer.status} ${answer.body}`),
  );
}

const table: SyncCase = {
  name: "jwt/forged",
  title: "Audience, times, method, algorithm and form of a JWT are enforced",
  ids: ["AUTH-09"],
  phase: "shared",
  needs: ["directory"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user({ curve: "k256" });
    await control(t, lab, user, "AUTH-09");
    for (const [index, { what, changes, codes }] of TABLE.entries()) {
      const nowS = Math.floor(lab.nowS());
      const answer = await askToken(t, lab, await directory.token(user.id, changes(nowS, user.id)));
      judgeRefusal(t, "AUTH-09", what, answer, codes);
      if (index % CONTROL_EACH === CONTROL_EACH - 1) await control(t, lab, user, "AUTH-09");
    }
    const other = await directory.user({ curve: "p256" });
    const confused = await askToken(t, lab, await directory.token(other.id, { header: { alg: "ES256K" } }));
    judgeRefusal(t, "AUTH-09", "an ES256K header on a p256 key", confused, ["jwt-algorithm"]);
    for (const text of ["zzz", "a.b.c", "..", "e30.e30.", `${"x".repeat(200)}.${"y".repeat(200)}.z`])
      judgeRefusal(t, "AUTH-09", `the text ${text.slice(0, 10)}`, await askToken(t, lab, text), ["jwt-malformed", "jwt-missing"]);
    const none = await askToken(t, lab, undefined);
    judgeRefusal(t, "AUTH-09", "no header", none, ["jwt-missing"]);
    const nearly = await askToken(t, lab, await directory.token(user.id, { claims: { exp: Math.floor(lab.nowS()) - 2 } }));
    t.report(id("AUTH-09"), `exp 2 s past: ${nearly.status}`);
    const jwt = await directory.token(user.id);
    const [first, second] = [await askToken(t, lab, jwt), await askToken(t, lab, jwt)];
    t.report(id("AUTH-09"), `the same JWT twice: ${first.status}, then ${second.status}`);
    const gone = await directory.user();
    await directory.tombstone(gone.id);
    judgeRefusal(t, "AUTH-09", "a tombstoned DID", await askToken(t, lab, await directory.token(gone.id)), ["did-unresolvable"]);
    const keyless = await directory.user();
    await directory.answer(keyless.id, { isKeyless: true });
    judgeRefusal(t, "AUTH-09", "a document without a signing key", await askToken(t, lab, await directory.token(keyless.id)), [
      "did-unresolvable",
    ]);
    await control(t, lab, user, "AUTH-09");
  },
};

const GARBAGE = 10_000;
const ADDRESSES = 20;

const garbage: SyncCase = {
  name: "jwt/garbage",
  title: "Ten thousand texts that are no JWT, from many addresses, are refused, and good users get in meanwhile",
  ids: ["AUTH-09"],
  phase: "exclusive",
  needs: ["directory"],
  limitMs: 120_000,
  run: async (t, lab) => {
    const user = await directoryOf(t).user();
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const texts = Array.from({ length: GARBAGE }, () =>
      Array.from({ length: 1 + t.prng.below(120) }, () => letters.charAt(t.prng.below(letters.length))).join(""),
    );
    let refused = 0;
    const wrong: string[] = [];
    await inLanes(100, texts, async (text, index) => {
      const answer = await askToken(t, lab, text, { localAddress: `127.0.0.${2 + (index % ADDRESSES)}` });
      if (answer.status === 403) refused += 1;
      else if (wrong.length < 5) wrong.push(`${answer.status} ${answer.body.slice(0, 80)}`);
      if (index % 1_000 === 999) await control(t, lab, user, "AUTH-09");
    });
    t.check(
      id("AUTH-09"),
      refused === GARBAGE,
      breach(
        wrong.some((each) => each.startsWith("200")) ? "not-refused" : "wrong-refusal",
        `all ${GARBAGE} refused with 403`,
        `${refused} refused; ${wrong.join("; ")}`,
      ),
    );
  },
};

const reasons: SyncCase = {
  name: "jwt/reasons",
  title: "Causes of refusal can be told apart by a machine, and texts say what to do",
  ids: ["ERR-01", "ERR-02"],
  phase: "shared",
  needs: ["directory"],
  run: async (t, lab) => {
    const directory = directoryOf(t);
    const user = await directory.user({ curve: "k256" });
    const nowS = Math.floor(lab.nowS());
    const asked = async (changes: TokenChanges): Promise<LabAnswer> => askToken(t, lab, await directory.token(user.id, changes));
    const answers: readonly (readonly [string, LabAnswer])[] = [
      ["malformed", await askToken(t, lab, "zzz")],
      ["expired", await asked({ claims: { exp: nowS - 60, iat: nowS - 120 } })],
      ["wrongly signed", await asked({ key: "stranger" })],
      ["another audience", await asked({ claims: { aud: "did:web:elsewhere.example" } })],
      ["an unresolvable DID", await asked({ claims: { iss: `did:plc:${"z".repeat(24)}` } })],
    ];
    for (const [what, answer] of answers) {
      t.check(id("ERR-01"), answer.status >= 400 && answer.status < 500, () =>
        breach(answer.status < 400 ? "not-refused" : "wrong-refusal", `${what}: a 4xx`, `${answer.status} ${answer.body}`),
      );
    }
    const different = new Set(answers.map(([, answer]) => reasonOf(answer)));
    t.check(id("ERR-01"), different.size === answers.length, () =>
      breach("wrong-refusal", `${answers.length} different reasons`, [...different].join(", ")),
    );
    for (const [what, answer] of answers) {
      const { code, error } = answer.json;
      const isTold = typeof code === "string" && code !== "" && typeof error === "string" && error.trim().length >= 10;
      t.check(id("ERR-02"), isTold, breach("absent", `${what}: a code and a sentence`, answer.body));
    }
    const expired = answers[1]?.[1].json["error"];
    t.check(
      id("ERR-02"),
      typeof expired !== "string" || expired === "" || /new|again|renew|refresh|fresh|request/i.test(expired),
      breach("malformed", "an expired JWT's text names renewal", String(expired)),
    );
    const out = await directory.user();
    await directory.answer(out.id, { fault: 500 });
    const down = await askToken(t, lab, await directory.token(out.id));
    t.check(id("ERR-01"), down.status >= 500, () =>
      breach("wrong-refusal", "a failure of the directory is a 5xx", `${down.status} ${down.body}`),
    );
  },
};

/** What is checked of a JWT, and how a refusal is told. */
export const jwtCases: readonly SyncCase[] = [table, garbage, reasons];
