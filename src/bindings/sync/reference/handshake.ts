import type { IncomingMessage } from "node:http";
import { PROTOCOL } from "../session.ts";
import type { Faults } from "./faults.ts";
import { type Answer, refuse } from "./http.ts";
import { completed } from "./tokens.ts";

/** What a handshake asks for: the DID as it stands in the path, and the token if one is shown in the one right place. */
export interface Handshake {
  readonly did: string;
  readonly token: string | undefined;
}

const PATH = "/sync/as/";

/** Reads the request line and headers of an upgrade (RFC 6455 §4.2.1). */
export function readHandshake(request: IncomingMessage, is: Faults): Handshake | { readonly answer: Answer } {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  if (!path.startsWith(PATH)) return { answer: refuse(404, "not-found", "Not Found") };
  const { headers } = request;
  const isWebSocket =
    request.method === "GET" &&
    headers.upgrade?.toLowerCase() === "websocket" &&
    headers["sec-websocket-version"] === "13" &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers["sec-websocket-key"] ?? "");
  if (!isWebSocket) return { answer: refuse(400, "bad-request", "Must ask for an upgrade to `websocket`, version 13, with a key.") };
  const did = path.slice(PATH.length);
  const [first, token, more] = (headers["sec-websocket-protocol"] ?? "").split(",").map((entry) => entry.trim());
  if (first === PROTOCOL && token !== undefined && token !== "" && more === undefined)
    return { did, token: is("shortened-token-is-taken") ? completed(token) : token };
  if (is("token-in-query")) return { did, token: new URLSearchParams(query).get("token") ?? undefined };
  return { did, token: undefined };
}
