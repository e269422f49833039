import type { IncomingMessage, ServerResponse } from "node:http";
import type { Metrics } from "./metrics.ts";
import type { TokenOutcome } from "./service-jwt.ts";

export interface RoutesOptions {
  readonly did: string;
  readonly endpoint: () => string;
  readonly metrics: Metrics;
  readonly judge: (token: string) => Promise<TokenOutcome>;
  readonly proxyUser: (did: string) => string;
  readonly isStopping: () => boolean;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body: unknown;
}

const AUTHENTICATE = "/xrpc/town.muni.leaf.authenticate";

/** Answers every HTTP request that is not socket.io's. */
export function createRoutes(options: RoutesOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { status, type = "application/json", body } = await route(request, options);
    const text = type === "application/json" ? JSON.stringify(body) : String(body);
    response.writeHead(status, {
      "content-type": type,
      "content-length": Buffer.byteLength(text),
      "access-control-allow-origin": "*",
      "access-control-allow-headers": "authorization, content-type, atproto-proxy",
    });
    response.end(request.method === "HEAD" ? undefined : text);
  };
}

async function route(request: IncomingMessage, options: RoutesOptions): Promise<Answer> {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  if (request.method === "OPTIONS") return { status: 204, type: "text/plain", body: "" };
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: { error: "MethodNotAllowed" } };
  switch (path) {
    case "/":
      return { status: 200, type: "text/plain; charset=utf-8", body: "A leaf server. Connect with socket.io.\n" };
    case "/.well-known/did.json":
      return {
        status: 200,
        body: {
          "@context": ["https://www.w3.org/ns/did/v1"],
          id: options.did,
          service: [{ id: "#leaf_server", type: "LeafServer", serviceEndpoint: options.endpoint() }],
        },
      };
    case AUTHENTICATE: {
      const token = /^bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
      const outcome = token === undefined ? { refusal: "missing" } : await options.judge(token);
      if ("did" in outcome) return { status: 200, body: { did: options.proxyUser(outcome.did) } };
      options.metrics.authFailures.inc({ reason: outcome.refusal });
      return { status: 401, body: { error: "AuthenticationRequired", message: `The token is refused: ${outcome.refusal}` } };
    }
    case "/healthz":
      return { status: 200, body: { status: "ok" } };
    case "/readyz":
      return options.isStopping()
        ? { status: 503, body: { status: "stopping", reasons: ["shutting down"] } }
        : { status: 200, body: { status: "ready", reasons: [] } };
    case "/metrics":
      return { status: 200, type: options.metrics.contentType, body: await options.metrics.text() };
    default:
      return { status: 404, body: { error: "NotFound" } };
  }
}
