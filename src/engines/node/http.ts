import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { isIP } from "node:net";
import type { Credential, Failure, HttpAnswer, HttpRequest } from "../../core/session.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import type { Via } from "./surroundings.ts";

export interface RequestOptions {
  readonly target: Pick<ResolvedTarget, "urls" | "headers" | "ca">;
  /** Base URL other than the target's first. */
  readonly url?: string;
  /** Dialled in place of the URL's host and port. */
  readonly via?: Via | undefined;
  readonly request: HttpRequest;
  /** Undefined shows none. */
  readonly credential?: Credential | undefined;
  /** From here to the last byte of the answer. */
  readonly withinMs: number;
  readonly bodyBytesMax: number;
}

/**
 * One HTTP request on a connection of its own; redirects are not followed, the path goes out as it is. Never rejects:
 * no answer in time, too long an answer or a broken connection is a `Failure`.
 */
export function requestHttp(options: RequestOptions): Promise<HttpAnswer | Failure> {
  const { target, request, credential, via } = options;
  const { protocol, host, hostname, port } = new URL(options.url ?? target.urls[0]);
  const isSecure = protocol === "https:";
  const body = request.body === undefined ? undefined : Buffer.from(request.body, "utf8");
  return new Promise((resolve) => {
    let settled = false;
    const settle = (answer: HttpAnswer | Failure): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      resolve(answer);
      outgoing?.destroy();
    };
    const timer = setTimeout(() => settle({ failure: `no answer within ${options.withinMs} ms` }), options.withinMs);
    let outgoing: ReturnType<typeof requestPlain> | undefined;
    try {
      outgoing = (isSecure ? requestSecure : requestPlain)({
        hostname: via?.host ?? hostname.replace(/^\[|\]$/g, ""),
        port: via?.port ?? port,
        method: request.method,
        path: withQuery(request.path, credential?.query ?? {}),
        headers: {
          ...(via === undefined ? {} : { host }),
          ...target.headers,
          ...credential?.headers,
          ...request.headers,
          ...(body === undefined ? {} : { "content-length": body.length }),
        },
        // A kept connection that the server has just closed would look like a fault of the server.
        agent: false,
        ...(isSecure && via !== undefined && isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(isSecure && target.ca !== undefined ? { ca: target.ca } : {}),
      });
    } catch (error) {
      settle({ failure: error instanceof Error ? error.message : String(error) });
      return;
    }
    outgoing.on("error", (error) => settle({ failure: error.message }));
    outgoing.on("upgrade", (answer, socket) => {
      socket.destroy();
      settle({ failure: "the request was answered with an upgrade", status: answer.statusCode ?? 0 });
    });
    outgoing.on("response", (answer) => read(answer, options.bodyBytesMax, settle));
    outgoing.end(body);
  });
}

function read(answer: IncomingMessage, bytesMax: number, settle: (answer: HttpAnswer | Failure) => void): void {
  const status = answer.statusCode ?? 0;
  const chunks: Buffer[] = [];
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) settle({ failure: `an answer of more than ${bytesMax} bytes`, status });
    else chunks.push(chunk);
  });
  answer.on("error", (error) => settle({ failure: error.message, status }));
  answer.on("aborted", () => settle({ failure: "the answer broke off", status }));
  answer.on("end", () => {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(answer.headers))
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
    settle({ status, headers, body: Buffer.concat(chunks).toString("utf8") });
  });
}

/** A path with a query put behind it, percent-encoded. */
export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? path : `${path}${path.includes("?") ? "&" : "?"}${pairs.join("&")}`;
}
