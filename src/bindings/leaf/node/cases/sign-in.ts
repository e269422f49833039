import { type CaseContext, type CaseDefinition, type CaseUser, Precondition } from "../../../../core/case.ts";
import type { DirectoryControl, PdsControl, TokenChanges } from "../../../../core/network.ts";
import { REFERENCE_MODULE } from "../../reference-module.ts";
import { moduleToCbor } from "../../messages.ts";
import { ask, id, inLab, type Lab } from "../lab.ts";
import type { Answer, LeafSocket } from "../socket.ts";

const METHOD = "town.muni.leaf.authenticate";
const WATCH_MS = 2_000;
/** A new key counts within this (LEAF-AUTH-02). */
const NEW_KEY_MS_MAX = 15_000;
const PAST_CACHE_MS = 5_000;

function directoryOf(t: CaseContext): DirectoryControl {
  if (t.directory === undefined) throw new Precondition("the directory is not in the harness's hands");
  return t.directory;
}

function pdsOf(t: CaseContext): PdsControl {
  if (t.pds === undefined) throw new Precondition("there is no PDS of the harness's own");
  return t.pds;
}

async function judgeIn(lab: Lab, of: string, token: string, did: string, what: string): Promise<LeafSocket> {
  const socket = await lab.connect(token);
  lab.check(
    of,
    socket.did === did,
    socket.did === undefined ? "wrong-refusal" : "foreign",
    `${what} signs in as ${did}`,
    `${socket.did ?? socket.refusal ?? "no answer"}`,
    socket,
  );
  return socket;
}

async function judgeOut(lab: Lab, of: string, token: string, what: string): Promise<void> {
  const socket = await lab.connect(token);
  lab.check(of, socket.did === undefined, "not-refused", `${what} gives no session`, `signed in as ${socket.did}`, socket);
  socket.cut();
}

const plcAccounts: CaseDefinition = {
  name: "sign-in/did-plc",
  title: "did:plc accounts can sign in, in both shapes of their document; a rotated key counts at once",
  ids: [id("AUTH-02")],
  phase: "shared",
  needs: ["serviceJwt"],
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const pooled = await t.user();
    await judgeIn(lab, "AUTH-02", await lab.token(pooled), pooled.id, "a user of the pool");
    if (t.directory === undefined) return;
    const directory = directoryOf(t);
    for (const curve of ["k256", "p256"] as const) {
      for (const shape of ["legacy", "multikey"] as const) {
        const user = await directory.user({ curve });
        await directory.answer(user.id, { shape });
        await judgeIn(lab, "AUTH-02", await directory.token(user.id), user.id, `a ${curve} key in a document of the ${shape} shape`);
      }
    }
    const ended = await directory.user();
    await directory.tombstone(ended.id);
    await judgeOut(lab, "AUTH-02", await directory.token(ended.id), "a tombstoned DID");
    const gone = await directory.user();
    await directory.answer(gone.id, { fault: 404 });
    await judgeOut(lab, "AUTH-02", await directory.token(gone.id), "an unknown DID");
    const keyless = await directory.user();
    await directory.answer(keyless.id, { isKeyless: true });
    await judgeOut(lab, "AUTH-02", await directory.token(keyless.id), "a document without a signing key");
    await judgeRotation(lab, t, directory);
  }),
};

async function judgeRotation(lab: Lab, t: CaseContext, directory: DirectoryControl): Promise<void> {
  const user = await directory.user();
  await judgeIn(lab, "AUTH-02", await directory.token(user.id), user.id, "the first key");
  await directory.rotate(user.id);
  const isTaken = await t.until(async () => (await lab.connect(await directory.token(user.id))).did === user.id, NEW_KEY_MS_MAX);
  lab.check("AUTH-02", isTaken, "stale", `a rotated key counts within ${NEW_KEY_MS_MAX} ms`, "it is refused");
  if (!isTaken) return;
  const lifeMs = t.scaled(t.limit("didCacheMs", 600_000)) + PAST_CACHE_MS;
  if (lifeMs > 60_000 && !t.has("longWaits")) return;
  const isOut = await t.until(async () => {
    const socket = await lab.connect(await directory.token(user.id, { key: "retired" }));
    socket.cut();
    if (socket.did !== undefined) await t.sleep(500);
    return socket.did === undefined;
  }, lifeMs);
  lab.check("AUTH-02", isOut, "not-refused", `the old key is refused within ${Math.round(lifeMs)} ms`, "it still counts");
}

const webAccounts: CaseDefinition = {
  name: "sign-in/did-web",
  title: "did:web accounts can sign in, with a port too; other methods are refused",
  ids: [id("AUTH-03")],
  phase: "shared",
  needs: ["serviceJwt", "directory"],
  run: inLab(async (lab, t) => {
    const directory = directoryOf(t);
    for (const curve of ["k256", "p256"] as const) {
      const user = await directory.user({ method: "web", curve });
      await judgeIn(lab, "AUTH-03", await directory.token(user.id), user.id, `a did:web with a port and a ${curve} key`);
    }
    const user = await directory.user();
    for (const iss of ["did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme", "did:example:someone", `did:web:127.0.0.1%3A1`])
      await judgeOut(lab, "AUTH-03", await directory.token(user.id, { claims: { iss } }), `the issuer ${iss.slice(0, 30)}`);
  }),
};

const sessionToken: CaseDefinition = {
  name: "sign-in/session-token",
  title: "The session token of an account acts for it alone, and not once the account is deactivated",
  ids: [id("AUTH-06")],
  phase: "shared",
  needs: ["serviceJwt", "pds"],
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const pds = pdsOf(t);
    const [one, two] = [await pds.user(), await pds.user()];
    for (const user of [one, two]) await judgeIn(lab, "AUTH-06", await pds.token(user.id), user.id, "a token by getServiceAuth");
    const path = `/xrpc/com.atproto.server.getServiceAuth?aud=${encodeURIComponent(t.target.credential.audience)}&lxm=${METHOD}`;
    const asked = async (session: string | undefined): Promise<number> => {
      const headers: Record<string, string> = session === undefined ? {} : { authorization: `Bearer ${session}` };
      const answer = await fetch(pds.url + path, { headers, signal: AbortSignal.timeout(10_000) });
      await answer.body?.cancel();
      return answer.status;
    };
    const session = await pds.session(one.id);
    lab.check("AUTH-06", (await asked(session)) === 200, "wrong-refusal", "the session token is taken", "it is not");
    for (const [what, token] of [
      ["no session token", undefined],
      ["a session token that was cut", session.slice(0, -8)],
    ] as const) {
      const status = await asked(token);
      lab.check("AUTH-06", status >= 400 && status < 500, "not-refused", `${what} gives no service token`, `status ${status}`);
    }
    await pds.deactivate(two.id);
    const token = await pds.token(two.id).catch(() => undefined);
    // It is the PDS that vouches or does not; the server cannot see the difference.
    t.report(
      id("AUTH-06"),
      token === undefined ? "a deactivated account gets no service token" : "the PDS still vouches for a deactivated account",
    );
  }),
};

const audiences: CaseDefinition = {
  name: "sign-in/vouched-for",
  title: "Who the issuer vouches for is signed in, addressed to the server with and without its service",
  ids: [id("AUTH-07")],
  phase: "shared",
  needs: ["serviceJwt"],
  run: inLab(async (lab, t) => {
    const user = await t.user();
    const { audience } = t.target.credential;
    if (t.directory !== undefined) {
      for (const aud of [audience, `${audience}#leaf_server`])
        await judgeIn(lab, "AUTH-07", await t.directory.token(user.id, { claims: { aud } }), user.id, `a token for ${aud}`);
    } else await judgeIn(lab, "AUTH-07", await lab.token(user), user.id, "a token for the server");
    if (t.has("proxyRoute")) await judgeRoute(lab, t, user);
    const none = await lab.connect(undefined);
    lab.check("AUTH-07", none.did === undefined || none.did === null, "not-refused", "no token, no signed-in session", `${none.did}`, none);
  }),
};

async function judgeRoute(lab: Lab, t: CaseContext, user: CaseUser): Promise<void> {
  const asked = async (token: string | undefined): Promise<{ readonly status: number; readonly body: string }> => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await t.http({ method: "GET", path: `${t.basePath}/xrpc/${METHOD}`, headers });
    return "failure" in answer ? { status: 0, body: answer.failure } : answer;
  };
  const right = await asked(await lab.token(user));
  lab.check(
    "AUTH-07",
    right.status === 200 && didIn(right.body) === user.id,
    "foreign",
    `the route for proxying answers with ${user.id}`,
    `${right.status} ${right.body}`,
  );
  for (const token of [undefined, "nonsense"]) {
    const wrong = await asked(token);
    lab.check(
      "AUTH-07",
      wrong.status === 401 || wrong.status === 403,
      "not-refused",
      `without a good token it answers 401`,
      `${wrong.status} ${wrong.body}`,
    );
  }
}

function didIn(body: string): unknown {
  try {
    return Reflect.get(Object(JSON.parse(body)), "did");
  } catch {
    return undefined;
  }
}

const throughPds: CaseDefinition = {
  name: "sign-in/through-the-pds",
  title: "A token that the PDS made signs in; a request through the PDS arrives as its account",
  ids: [id("AUTH-07")],
  phase: "shared",
  needs: ["serviceJwt", "pds"],
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const pds = pdsOf(t);
    const user = await pds.user();
    const { audience } = t.target.credential;
    for (const aud of [audience, `${audience}#leaf_server`])
      await judgeIn(lab, "AUTH-07", await pds.token(user.id, { audience: aud, method: METHOD }), user.id, `a token of the PDS for ${aud}`);
    if (!t.has("proxyRoute")) return;
    const answer = await pds.http(user.id, { method: "GET", path: `/xrpc/${METHOD}` }, { service: `${audience}#leaf_server` });
    const seen = "failure" in answer ? answer.failure : `${answer.status} ${answer.body}`;
    lab.check(
      "AUTH-07",
      !("failure" in answer) && answer.status === 200 && didIn(answer.body) === user.id,
      "foreign",
      `through the proxy the server learns ${user.id}`,
      seen,
    );
  }),
};

const withoutSignIn: CaseDefinition = {
  name: "sign-in/without",
  title: "Without valid authentication there are no events, no views, and no appends",
  ids: [id("AUTH-08")],
  phase: "shared",
  limitMs: 60_000,
  run: inLab(async (lab, t) => {
    const owner = await lab.signIn();
    const stream = await lab.stream(owner);
    await lab.mustAppend(owner, stream, [lab.post({ kind: "grant", did: owner.did ?? "" }), lab.post({ body: "for members" })]);
    const before = await lab.count(owner, stream);
    const garbage = await lab.connect("nonsense");
    lab.check("AUTH-08", garbage.did === undefined, "not-refused", "garbage for a token gives no session", `${garbage.did}`, garbage);
    await judgeShutOut(lab, garbage, stream, "a session with garbage for a token");
    if (t.has("anonymousRead")) {
      const anonymous = await lab.connect(undefined);
      lab.check(
        "AUTH-08",
        anonymous.did === null,
        anonymous.did === undefined ? "wrong-refusal" : "foreign",
        "without a token the session is nobody's",
        `${anonymous.did ?? anonymous.refusal}`,
        anonymous,
      );
      await judgeShutOut(lab, anonymous, stream, "an anonymous session");
    }
    const after = await lab.count(owner, stream);
    lab.check(
      "AUTH-08",
      after.upTo === before.upTo && after.n === before.n,
      "ghost",
      "a member finds no trace",
      `${after.upTo - before.upTo} more events`,
      owner,
    );
  }),
};

async function judgeShutOut(lab: Lab, socket: LeafSocket, stream: string, who: string): Promise<void> {
  const module = { module: moduleToCbor({ ...REFERENCE_MODULE, initSql: `${REFERENCE_MODULE.initSql}\n-- ${lab.post().eid}` }) };
  const moduleCid = await lab.upload(await lab.signIn(), REFERENCE_MODULE);
  const calls: readonly (readonly [string, () => Promise<Answer>])[] = [
    ["module/upload", () => socket.call("module/upload", module, WATCH_MS)],
    ["stream/create", () => socket.call("stream/create", { moduleCid }, WATCH_MS)],
    ["stream/event_batch", () => socket.call("stream/event_batch", { streamDid: stream, events: [Uint8Array.of(0xa0)] }, WATCH_MS)],
    [
      "stream/state_event_batch",
      () => socket.call("stream/state_event_batch", { streamDid: stream, events: [Uint8Array.of(0xa0)] }, WATCH_MS),
    ],
    ["stream/update_module", () => socket.call("stream/update_module", { streamDid: stream, moduleCid }, WATCH_MS)],
    ["stream/query", () => socket.call("stream/query", { streamDid: stream, query: { name: "log", params: {} } }, WATCH_MS)],
  ];
  await Promise.all(
    calls.map(async ([name, act]) => {
      const answer = await act();
      lab.check("AUTH-08", !answer.ok, "not-refused", `${name} of ${who} is Err`, () => JSON.stringify(answer), socket);
    }),
  );
  const answer = await socket.call(
    "stream/subscribe_events",
    { streamDid: stream, query: { name: ask("log").name, params: {}, start: 1 } },
    WATCH_MS,
  );
  await lab.t.sleep(WATCH_MS / 2);
  const rows = [...socket.news.values()].flat().reduce((sum, news) => sum + news.rows.length, 0);
  lab.check(
    "AUTH-08",
    rows === 0,
    "leaked",
    `no rows come to ${who}`,
    `${rows} rows; subscribe ${answer.ok ? "Ok" : answer.error}`,
    socket,
  );
}

/** What is wrong with a token; times in seconds from now. */
function wrongTokens(nowS: number, audience: string): readonly (readonly [string, TokenChanges])[] {
  return [
    ["signed by another key", { key: "stranger" }],
    ["alg none", { header: { alg: "none" }, signature: "none" }],
    ["alg none with a signature", { header: { alg: "none" } }],
    ["HS256 with the public key as the secret", { header: { alg: "HS256" }, signature: "hmac" }],
    ["no alg", { header: { alg: undefined } }],
    ["typ at+jwt", { header: { typ: "at+jwt" } }],
    ["typ refresh+jwt", { header: { typ: "refresh+jwt" } }],
    ["typ dpop+jwt", { header: { typ: "dpop+jwt" } }],
    ["another audience", { claims: { aud: "did:web:elsewhere.example" } }],
    ["another service of this server", { claims: { aud: `${audience}#atproto_pds` } }],
    ["no audience", { claims: { aud: undefined } }],
    ["expired for 6 s", { claims: { exp: nowS - 6, iat: nowS - 66 } }],
    ["expired for 10 s", { claims: { exp: nowS - 10, iat: nowS - 70 } }],
    ["expired for a year", { claims: { exp: nowS - 31_536_000, iat: nowS - 31_536_060 } }],
    ["no expiry", { claims: { exp: undefined } }],
    ["an expiry that is a text", { claims: { exp: String(nowS + 60) } }],
    ["expiry in two hours", { claims: { exp: nowS + 7_200 } }],
    ["expiry in ten minutes, without a method", { claims: { exp: nowS + 600, lxm: undefined } }],
    ["expiry in milliseconds", { claims: { exp: (nowS + 60) * 1000 } }],
    ["issued in a minute", { claims: { iat: nowS + 60 } }],
    ["another method", { claims: { lxm: "com.atproto.repo.createRecord" } }],
    ["no issuer", { claims: { iss: undefined } }],
    ["an unknown DID", { claims: { iss: "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa" } }],
    ["a high s", { signature: "high-s" }],
    ["a signature in DER", { signature: "der" }],
    ["no signature", { signature: "none" }],
  ];
}

const tokenTable: CaseDefinition = {
  name: "sign-in/token-table",
  title: "A service token counts only if it is right in every part",
  ids: [id("AUTH-09")],
  phase: "shared",
  needs: ["serviceJwt"],
  limitMs: 120_000,
  run: inLab(async (lab, t) => {
    const user = await t.user();
    const right = await lab.token(user);
    await judgeIn(lab, "AUTH-09", right, user.id, "a right token");
    const [header = "", claims = "", signature = ""] = right.split(".");
    const altered = Buffer.from(
      JSON.stringify({ ...(JSON.parse(Buffer.from(claims, "base64url").toString()) as object), jti: "x" }),
    ).toString("base64url");
    for (const [what, token] of [
      ["an altered payload", `${header}.${altered}.${signature}`],
      ["a token that was cut", right.slice(0, -10)],
      ["a token without its signature", `${header}.${claims}.`],
      ["four parts", `${right}.x`],
      ["an empty text", ""],
    ] as const)
      await judgeOut(lab, "AUTH-09", token, what);
    if (t.directory === undefined) return;
    const { token } = t.directory;
    const { audience } = t.target.credential;
    const [k256, p256] = [await t.directory.user({ curve: "k256" }), await t.directory.user({ curve: "p256" })];
    for (const [own, alg] of [
      [k256, "ES256"],
      [p256, "ES256K"],
    ] as const)
      await judgeOut(lab, "AUTH-09", await token(own.id, { header: { alg } }), `alg ${alg} on a key of the other curve`);
    const table = wrongTokens(Math.floor(Date.now() / 1000), audience);
    for (const [index, [what, changes]] of table.entries()) {
      const own = index % 2 === 0 ? k256 : p256;
      await judgeOut(lab, "AUTH-09", await token(own.id, changes), what);
      if (index % 6 === 5) await judgeIn(lab, "AUTH-09", await token(own.id), own.id, `a right token behind "${what}"`);
    }
    const fragment = await lab.connect(await token(k256.id, { claims: { iss: `${k256.id}#atproto` } }));
    lab.check(
      "AUTH-09",
      fragment.did === undefined,
      "not-refused",
      "an issuer with a fragment gives no session",
      `${fragment.did}`,
      fragment,
    );
    for (const [what, changes] of [
      ["a minute without a method", { claims: { lxm: undefined } }],
      ["no iat", { claims: { iat: undefined } }],
      ["expired for 2 s, which the leeway covers", { claims: { exp: Math.floor(Date.now() / 1000) - 2 } }],
    ] as const)
      await judgeIn(lab, "AUTH-09", await token(k256.id, changes), k256.id, what);
  }),
};

/** Life of the token, and how long the session is watched. Longer than the leeway of 5 s behind the token's end. */
const TOKEN_LIFE_S = 10;
const SESSION_MS = 25_000;

const outlives: CaseDefinition = {
  name: "sessions/outlive-the-token",
  title: "A session outlives the short token that opened it",
  ids: [id("SESS-05")],
  phase: "quiet",
  needs: ["serviceJwt", "longWaits"],
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const user = await t.user();
    const claims = { exp: Math.floor(Date.now() / 1000) + TOKEN_LIFE_S };
    const token = t.directory === undefined ? await lab.token(user) : await t.directory.token(user.id, { claims });
    const lifeMs = t.directory === undefined ? 60_000 : TOKEN_LIFE_S * 1000;
    const socket = await lab.connect(token);
    if (socket.did !== user.id) throw new Precondition("the user could not sign in");
    const stream = await lab.stream(socket);
    const subscription = await socket.subscribe(stream, ask("log", { start: 1 }));
    const fromMs = t.nowMs();
    let written = 0;
    while (t.nowMs() - fromMs < Math.max(SESSION_MS, lifeMs * 1.5) && socket.isOpen) {
      const answer = await lab.append(socket, stream, [lab.post()]);
      if (answer.ok) written += 1;
      else if (socket.isOpen) {
        lab.check("SESS-05", false, "wrong-refusal", "appends go on", answer.error, socket);
        break;
      }
      await t.sleep(1000);
    }
    const atMs = Math.round(t.nowMs() - fromMs);
    lab.check("SESS-05", socket.isOpen, "closed", `the session lives on after its token's ${lifeMs} ms`, `closed after ${atMs} ms`, socket);
    await socket.until(() => subscription.last >= written);
    const positions = subscription.rows.map((row) => row.stored.idx);
    lab.check(
      "SESS-05",
      positions.length >= written && positions.every((position, index) => position === index + 1),
      positions.length < written ? "lost" : "doubled",
      `${written} events, once each`,
      `${positions.length}`,
      socket,
    );
  }),
};

const DOWN_MS_MAX = 10_000;

const directoryDown: CaseDefinition = {
  name: "sign-in/directory-down",
  title: "While the directory does not answer, sign-ins are refused in time and sessions go on",
  ids: [id("ERR-01")],
  phase: "exclusive",
  needs: ["serviceJwt", "directory"],
  limitMs: 90_000,
  run: inLab(async (lab, t) => {
    const directory = directoryOf(t);
    const inside = await lab.signIn();
    const stream = await lab.stream(inside);
    for (const [what, fault] of [
      ["is silent", "silent"],
      ["cuts its connections", "cut"],
      ["fails", 500],
    ] as const) {
      const user = await directory.user();
      const other = await directory.user();
      await directory.answer(user.id, { fault });
      const token = await directory.token(user.id);
      const fromMs = t.nowMs();
      const connecting = lab.connect(token);
      const bystander = await judgeIn(
        lab,
        "ERR-01",
        await directory.token(other.id),
        other.id,
        `another user while the directory ${what} for one`,
      );
      bystander.cut();
      const appended = await lab.append(inside, stream, [lab.post()]);
      lab.check(
        "ERR-01",
        appended.ok,
        "silent",
        `a session goes on while the directory ${what}`,
        appended.ok ? "" : appended.error,
        inside,
      );
      const socket = await connecting;
      const tookMs = t.nowMs() - fromMs;
      lab.check(
        "ERR-01",
        socket.did === undefined,
        "not-refused",
        `no sign-in while the directory ${what}`,
        `signed in as ${socket.did}`,
        socket,
      );
      const isTold = socket.refusal !== undefined || socket.closed !== undefined;
      lab.check(
        "ERR-01",
        isTold && tookMs <= DOWN_MS_MAX,
        isTold ? "late" : "silent",
        `a refusal within ${DOWN_MS_MAX} ms while the directory ${what}`,
        isTold ? `after ${Math.round(tookMs)} ms` : "none",
        socket,
      );
      await directory.answer(user.id, {});
    }
  }),
};

export const signInCases: readonly CaseDefinition[] = [
  plcAccounts,
  webAccounts,
  sessionToken,
  audiences,
  throughPds,
  withoutSignIn,
  tokenTable,
  outlives,
  directoryDown,
];
