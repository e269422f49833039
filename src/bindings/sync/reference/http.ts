import type { IncomingMessage, ServerResponse } from "node:http";
import { REVOKE_METHOD, TOKEN_METHOD } from "../session.ts";
import type { Config } from "./config.ts";
import type { Resolver } from "./did.ts";
import type { Faults } from "./faults.ts";
import { checkJwt, type JwtRefusal } from "./jwt.ts";
import type { Allowance, RateLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { hashOf, type Store } from "./store.ts";
import { createToken, noteToken } from "./tokens.ts";

/** An answer; `text` instead of `json` for what is no JSON. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RoutesOptions {
  readonly config: Config;
  readonly store: Store;
  readonly resolver: Resolver;
  readonly limits: RateLimits;
  readonly metrics: Metrics;
  readonly nowMs: () => number;
  readonly isStopping: () => boolean;
  readonly revoked: (did: string, hash: string | undefined, atMs: number) => void;
  readonly log: Log;
  readonly is: Faults;
}

const BODY_BYTES_MAX = 64 * 1024;

/** What a client can do about it, by the reason. */
const SENTENCES: Readonly<Record<JwtRefusal, string>> = {
  "jwt-missing": "Authorization token required: send a service JWT as `Authorization: Bearer …`.",
  "jwt-malformed": "Could not read the authorization JWT: send three parts of base64url JSON with iss and exp.",
  "jwt-expired": "The authorization JWT has expired: request a new one from your PDS.",
  "jwt-lifetime": "The authorization JWT lies in the future or lives too long: request one for at most an hour.",
  "jwt-audience": "The authorization JWT is for another audience: request one for this service's DID.",
  "jwt-method": "The authorization JWT is for another method: request one with this method as lxm.",
  "jwt-algorithm": "The authorization JWT's algorithm is not that of the account's signing key.",
  "jwt-signature": "Could not validate authorization JWT: its signature is not of the account's signing key.",
  "did-unresolvable": "The issuer of the authorization JWT has no DID document with a signing key.",
  "identity-unavailable": "The identity directory does not answer at present: try the authorization again later.",
};

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "retry-after",
} as const;

/** Answers every request that is no upgrade. */
export function createRoutes(options: RoutesOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const answer = await route(request, options);
    if (answer === undefined) return;
    if (answer.status >= 400) options.metrics.errors.inc({ code: codeOf(answer) });
    const body = answer.status === 204 ? "" : (answer.text ?? JSON.stringify(answer.json));
    const isBare = answer.status >= 400 && options.is("errors-lack-cors");
    response.writeHead(answer.status, {
      ...(isBare ? {} : CORS),
      ...(body === "" ? {} : { "content-type": answer.text === undefined ? "application/json" : "text/plain; charset=utf-8" }),
      ...(answer.status === 204 ? {} : { "content-length": Buffer.byteLength(body) }),
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}

function codeOf({ json, status }: Answer): string {
  const code: unknown = typeof json === "object" && json !== null ? Reflect.get(json, "code") : undefined;
  return typeof code === "string" ? code : String(status);
}

/** A refusal in the common form. */
export function refuse(status: number, code: string, error: string, retryAfterS?: number): Answer {
  return {
    status,
    json: { status, error, code, ...(retryAfterS === undefined ? {} : { retryAfter: retryAfterS }) },
    ...(retryAfterS === undefined ? {} : { headers: { "retry-after": String(retryAfterS) } }),
  };
}

const NOT_FOUND: Answer = refuse(404, "not-found", "Not Found");

async function route(request: IncomingMessage, options: RoutesOptions): Promise<Answer | undefined> {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  if (request.method === "OPTIONS")
    return {
      status: 204,
      headers: {
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, atproto-proxy",
        "access-control-max-age": "600",
      },
    };
  const isGet = request.method === "GET" || request.method === "HEAD";
  if (path.startsWith("/xrpc/")) return xrpc(path.slice("/xrpc/".length), request, options);
  if (path.startsWith("/sync/as/")) {
    if (options.is("plain-request-hangs")) return undefined;
    return refuse(400, "bad-request", "This is a WebSocket route: ask for an upgrade with `Upgrade: websocket`.");
  }
  if (!isGet) return NOT_FOUND;
  switch (path) {
    case "/.well-known/did.json":
      return { status: 200, json: didDocument(request, options.config) };
    case "/healthz":
      return { status: 200, json: { status: "ok", ...(options.config.devToken === undefined ? {} : { dev: true }) } };
    case "/readyz":
      return ready(options);
    case "/metrics":
      return { status: 200, text: await options.metrics.text(), headers: { "content-type": options.metrics.contentType } };
    default:
      return NOT_FOUND;
  }
}

function ready({ isStopping, resolver, is }: RoutesOptions): Answer {
  if (isStopping() && !is("ready-while-stopping")) return { status: 503, json: { status: "stopping", reasons: ["shutting down"] } };
  return resolver.isDegraded
    ? { status: 200, json: { status: "degraded", reasons: ["directory"] } }
    : { status: 200, json: { status: "ready", reasons: [] } };
}

function didDocument(request: IncomingMessage, config: Config): unknown {
  const serviceEndpoint = config.publicUrl ?? `http://${request.headers.host ?? `${config.host}:${config.port}`}/`;
  return {
    "@context": ["https://www.w3.org/ns/did/v1"],
    id: config.did,
    service: [{ id: "#roomy_syncserver", type: "RoomySyncserver", serviceEndpoint }],
  };
}

function tooMany({ retryAfterS }: Extract<Allowance, { isAllowed: false }>, is: Faults): Answer {
  const sentence = `Too many requests: try again in ${retryAfterS} s.`;
  return is("limit-says-no-time") ? refuse(429, "rate", sentence) : refuse(429, "rate", sentence, retryAfterS);
}

async function xrpc(method: string, request: IncomingMessage, options: RoutesOptions): Promise<Answer> {
  const { config, limits, metrics, resolver, log, is } = options;
  const address = request.socket.remoteAddress ?? "";
  const attempt = is("failures-are-not-limited") ? ({ isAllowed: true } as const) : limits.attempt(address);
  if (!attempt.isAllowed) return tooMany(attempt, is);
  const startedMs = options.nowMs();
  const outcome = await checkJwt(request.headers.authorization, { audience: config.did, method }, resolver, is);
  if ("refusal" in outcome) {
    limits.failed(address);
    metrics.authFailures.inc({ reason: outcome.refusal });
    const did = outcome.did === undefined ? {} : { did: outcome.did };
    const told = is("token-is-logged") ? { jwt: request.headers.authorization } : {};
    if (!is("refused-login-is-not-logged") || outcome.refusal !== "jwt-audience")
      log("warn", "login-refused", { reason: outcome.refusal, ...did, ms: Math.round(options.nowMs() - startedMs), ...told });
    return refused(outcome.refusal, is);
  }
  if (method === TOKEN_METHOD && request.method === "GET") return token(outcome.did, options);
  if (method === REVOKE_METHOD && request.method === "POST") return revoke(outcome.did, request, options);
  return NOT_FOUND;
}

function refused(refusal: JwtRefusal, is: Faults): Answer {
  const status = refusal === "identity-unavailable" ? 503 : 403;
  if (is("one-reason-for-all")) return refuse(403, "jwt-signature", "Could not validate authorization JWT.");
  if (is("refusal-says-nothing") && refusal === "jwt-expired") return refuse(403, refusal, "");
  if (is("refusal-shows-stack") && refusal === "jwt-signature")
    return refuse(status, refusal, `${SENTENCES[refusal]}\n    at checkJwt (file:///srv/jwt.ts:57:11)`);
  return refuse(status, refusal, SENTENCES[refusal], status === 503 ? 5 : undefined);
}

function token(did: string, { limits, metrics, store, config, nowMs, is }: RoutesOptions): Answer {
  const allowance = limits.token(did);
  if (!allowance.isAllowed) return tooMany(allowance, is);
  const fresh = createToken(is);
  const lifeMs = is("token-lives-a-minute") ? 60_000 : is("token-ends-early") ? 20_000 : config.tokenLifeMs;
  if (is("shortened-token-is-taken")) noteToken(fresh);
  store.issue(fresh, did, nowMs(), lifeMs);
  metrics.tokensIssued.inc();
  return { status: 200, json: { token: fresh } };
}

async function revoke(did: string, request: IncomingMessage, { store, nowMs, revoked, is }: RoutesOptions): Promise<Answer> {
  const bad = refuse(400, "bad-request", "The body must be a JSON object with the token to revoke as `token`, or without it for all.");
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return { ...bad, headers: { connection: "close" } };
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = bytes === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return bad;
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) return bad;
  const given: unknown = Reflect.get(body, "token");
  if (given !== undefined && typeof given !== "string") return bad;
  const hash = given === undefined ? undefined : hashOf(given);
  const atMs = nowMs();
  if (!(is("revoked-socket-stays") && hash !== undefined)) store.revoke(did, hash, atMs);
  revoked(did, hash, atMs);
  return { status: 204 };
}
