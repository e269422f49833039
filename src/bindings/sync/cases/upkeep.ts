import { Precondition } from "../../../core/case.ts";
import { clientFrame } from "../codec.ts";
import { NOTHING } from "../messages.ts";
import { TOKEN_PATH } from "../session.ts";
import { metricsOf } from "./metrics.ts";
import { askToken, breach, directoryOf, handshake, id, join, settled, SHALL_MS, signIn, type SyncCase, WATCH_MS } from "./support.ts";

const ODD_ENTITIES = [
  "tokens",
  "tokens/x",
  "updates",
  "revocations",
  "leaf:",
  "leaf:../../etc/passwd",
  "leaf:'; DROP TABLE tokens; --",
  "leaf:\u0000\u0001",
  "__proto__",
  "constructor",
  "leaf:tokens",
  "x".repeat(2_000),
];

const apart: SyncCase = {
  name: "upkeep/apart",
  title: "Names like keys of the store reach neither tokens nor anything else",
  ids: ["SEC-02"],
  phase: "shared",
  run: async (t, lab) => {
    const user = await t.user();
    const token = await signIn(t, user);
    for (const entity of ODD_ENTITIES) {
      const peer = await join(t, lab, { user });
      peer.socket.send(clientFrame({ type: "subscribe", entityId: entity, versionVector: NOTHING }));
      peer.socket.send(clientFrame({ type: "sendUpdate", entityId: entity, update: lab.document().push("odd") }));
      await t.until(() => !peer.socket.isOpen || peer.socket.frames.length > 0, 300);
      t.check(
        id("SEC-02"),
        peer.socket.frames.length === 0,
        breach("leaked", `nothing comes for the name ${JSON.stringify(entity.slice(0, 40))}`, `${peer.socket.frames.length} frames`),
      );
      peer.socket.cut();
    }
    const socket = await handshake(t, lab, user.id, token);
    t.check(id("SEC-02"), socket.isOpen, () => breach("lost", "a token of before is good", `${socket.status} ${socket.body}`));
    await signIn(t, user);
  },
};

const cors: SyncCase = {
  name: "upkeep/cors",
  title: "CORS is answered on the HTTP routes, also with errors",
  ids: ["SEC-05"],
  phase: "shared",
  run: async (t, lab) => {
    const path = t.basePath + TOKEN_PATH;
    const origin = "https://app.example";
    const url = t.urls[0];
    const preflight = await lab.http({
      url,
      path,
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization" },
    });
    const isFor = (value: string | undefined): boolean => value === "*" || value === origin;
    t.check(
      id("SEC-05"),
      preflight.status >= 200 && preflight.status < 300,
      breach("wrong-refusal", "the preflight is answered with 2xx", String(preflight.status)),
    );
    t.check(
      id("SEC-05"),
      isFor(preflight.headers["access-control-allow-origin"]),
      breach("absent", "the preflight allows the origin", preflight.headers["access-control-allow-origin"] ?? "none"),
    );
    t.check(
      id("SEC-05"),
      /(^|[ ,])authorization([ ,]|$)/i.test(preflight.headers["access-control-allow-headers"] ?? ""),
      breach("absent", "the preflight allows the authorization header", preflight.headers["access-control-allow-headers"] ?? "none"),
    );
    const user = await t.user();
    const good = await t.http({ method: "GET", path, headers: { origin } }, user);
    const headers = "failure" in good ? {} : good.headers;
    t.check(
      id("SEC-05"),
      isFor(headers["access-control-allow-origin"]),
      breach("absent", "an answer allows the origin", headers["access-control-allow-origin"] ?? "none"),
    );
    for (const [what, answer] of [
      ["a refusal", await lab.http({ url, path, headers: { origin } })],
      ["an unknown path", await lab.http({ url, path: `${t.basePath}/nope`, headers: { origin } })],
    ] as const)
      t.check(
        id("SEC-05"),
        isFor(answer.headers["access-control-allow-origin"]),
        breach("absent", `${what} (${answer.status}) allows the origin`, answer.headers["access-control-allow-origin"] ?? "none"),
      );
  },
};

const SECRET = /eyJ[A-Za-z0-9_-]{10,}\.|Bearer |[0-9A-HJKMNP-TV-Z]{52}/;

/** Updates on their way that make up the load. */
const IN_FLIGHT_MAX = 20;

const health: SyncCase = {
  name: "upkeep/health",
  title: "Health endpoints tell alive from ready, also on the way down",
  ids: ["OBS-01"],
  phase: "own",
  needs: ["health", "processControl"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const server = await t.launch({});
    const { url } = server;
    if (url === undefined) throw new Precondition("no instance");
    const user = await t.user();
    const peer = await join(t, lab, { user, url });
    const entity = await t.room();
    const document = lab.document();
    peer.subscribe(entity);
    let isLoading = true;
    let sent = 0;
    const load = (async () => {
      while (isLoading) {
        // As much as it takes in: what piles up before a slow machine says nothing about its health endpoints.
        for (; sent < peer.received.length + IN_FLIGHT_MAX; sent += 1) peer.send(entity, document.push("load"));
        await t.sleep(20);
      }
    })();
    for (let n = 0; n < 5; n += 1) {
      for (const path of [t.target.hooks.health, "/readyz"]) {
        const answer = await lab.http({ url, path });
        t.check(id("OBS-01"), answer.status === 200, breach("wrong-refusal", `${path}: 200`, `${answer.status} ${answer.body}`));
        t.check(id("OBS-01"), answer.ms <= 1_000, breach("late", `${path}: within 1 s under load`, `${Math.round(answer.ms)} ms`));
        t.check(id("OBS-01"), !SECRET.test(answer.body), breach("leaked", `${path}: no secrets`, answer.body));
      }
      await t.sleep(50);
    }
    isLoading = false;
    await load.catch(() => undefined);
    const ending = server.end(12_000);
    const statuses: string[] = [];
    await t.until(async () => {
      const answer = await lab.http({ url, path: "/readyz", withinMs: 1_000 });
      const { status } = answer.json;
      statuses.push(`${answer.status} ${typeof status === "string" ? status : ""}`);
      return server.exited() !== undefined || answer.status === 0;
    }, 5_000);
    t.check(
      id("OBS-01"),
      statuses.includes("503 stopping"),
      breach("stale", "readyz: 503, stopping, once the end has begun", [...new Set(statuses)].join(", ")),
    );
    await ending;
  },
};

/** ±1 %, and one for what runs beside. */
function isAbout(seen: number, wanted: number): boolean {
  return Math.abs(seen - wanted) <= Math.max(1, wanted / 100);
}

const counts: SyncCase = {
  name: "upkeep/counts",
  title: "Metrics agree with what the harness counted",
  ids: ["OBS-02"],
  phase: "own",
  needs: ["metrics", "processControl", "directory"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const { url } = await t.launch({});
    if (url === undefined) throw new Precondition("no instance");
    const before = await metricsOf(t, lab, url);
    const user = await directoryOf(t).user();
    const entity = await t.room();
    const peers = [];
    for (let n = 0; n < 20; n += 1) peers.push(await join(t, lab, { user, url }));
    for (let n = 0; n < 30; n += 1) await askToken(t, lab, "zzz", { url });
    const [author, reader] = peers;
    if (author === undefined || reader === undefined) return;
    let sent = 0;
    for (const peer of [author, reader]) {
      peer.subscribe(entity);
      await settled(t, lab, peer);
      // The subscription, and what `settled` sends.
      sent += 3;
    }
    const document = lab.document();
    for (let n = 0; n < 300; n += 1) author.send(entity, document.push(`count ${n}`));
    sent += 300;
    await t.until(() => author.received.length >= 300 && reader.received.length >= 300, SHALL_MS);
    const delivered = peers.reduce((sum, peer) => sum + peer.received.length, 0);
    const after = await metricsOf(t, lab, url);
    const wanted: Readonly<Record<string, number>> = {
      connections_open: peers.length,
      connections_total: peers.length,
      subscriptions: 4,
      tokens_issued_total: peers.length,
      auth_failures_total: 30,
      messages_in_total: sent,
      messages_out_total: delivered,
      did_cache_misses_total: 1,
      did_cache_hits_total: peers.length - 1,
    };
    for (const [name, count] of Object.entries(wanted)) {
      const seen = after[name];
      if (!t.check(id("OBS-02"), seen !== undefined, breach("absent", `the metric ${name}`, "none"))) continue;
      const grown = (seen ?? 0) - (before[name] ?? 0);
      t.check(id("OBS-02"), isAbout(grown, count), breach("miscounted", `${name} +${count}`, `+${grown}`));
    }
  },
};

const logs: SyncCase = {
  name: "upkeep/logs",
  title: "Each line of the log is a record, failed logins have theirs, and no secret is in any",
  ids: ["OBS-03"],
  phase: "own",
  needs: ["logs", "processControl", "directory"],
  limitMs: 60_000,
  run: async (t, lab) => {
    const server = await t.launch({});
    const { url } = server;
    if (url === undefined) throw new Precondition("no instance");
    const directory = directoryOf(t);
    const secrets: string[] = [];
    const failed: { readonly did: string; readonly what: string }[] = [];
    const good = await directory.user();
    for (let n = 0; n < 5; n += 1) {
      const jwt = await directory.token(good.id);
      const token = String((await askToken(t, lab, jwt, { url })).json["token"]);
      secrets.push(jwt, token);
      (await handshake(t, lab, good.id, token, { url })).close();
      (await handshake(t, lab, good.id, token, { url })).close();
    }
    for (const [what, changes] of [
      ["expired", { claims: { exp: Math.floor(lab.nowS()) - 100, iat: Math.floor(lab.nowS()) - 160 } }],
      ["another audience", { claims: { aud: "did:web:elsewhere.example" } }],
      ["wrongly signed", { key: "stranger" }],
      ["high-S", { signature: "high-s" }],
    ] as const) {
      const user = await directory.user();
      const jwt = await directory.token(user.id, changes);
      secrets.push(jwt);
      await askToken(t, lab, jwt, { url });
      failed.push({ did: user.id, what });
    }
    const peer = await join(t, lab, { user: good, url });
    peer.socket.send(Uint8Array.of(0xc1));
    await t.until(() => !peer.socket.isOpen, WATCH_MS);
    await t.sleep(300);
    const text = server.logs();
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const records = lines.map(record);
    const odd = lines.find((_, index) => records[index] === undefined);
    t.check(id("OBS-03"), odd === undefined, breach("malformed", "each line is JSON with ts, level and event", odd ?? ""));
    const found = secrets.filter((secret) => text.includes(secret) || text.includes(secret.split(".")[2] || secret));
    t.check(id("OBS-03"), found.length === 0, breach("leaked", `none of ${secrets.length} tokens and JWTs`, `${found.length} are there`));
    for (const { did, what } of failed) {
      const isThere = records.some(
        (each) => each !== undefined && (each["did"] === did || each["didHash"] !== undefined) && typeof each["reason"] === "string",
      );
      t.check(id("OBS-03"), isThere, breach("absent", `${what}: a line with the DID and the reason`, `none among ${lines.length}`));
    }
  },
};

function record(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return ["ts", "level", "event"].every((name) => value[name] !== undefined) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What an operator sees, and what strangers must not. */
export const upkeepCases: readonly SyncCase[] = [apart, cors, health, counts, logs];
