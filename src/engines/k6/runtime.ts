import execution from "k6/execution";
import http from "k6/http";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "k6/timers";
import { WebSocket } from "k6/websockets";
import type { ResolvedTarget } from "../../core/target.ts";
import { type Part, shardOfSegment } from "../../load/shares.ts";
import { createK6Credentials, type CredentialSources } from "./credentials.ts";
import { requestByK6 } from "./http.ts";
import type { VuPorts } from "./vu.ts";

/** All sockets under one name: k6 would keep a series for each URL, and URLs hold credentials. */
const TAGS = { name: "rollcall" } as const;

/** A connection that was kept may be gone. */
const ATTEMPTS_MAX = 3;

/** A parent's answer that asks for an end. */
const STATUS_STOP = 205;

/** What k6 gives a VU. */
export function vuPorts(
  target: Pick<ResolvedTarget, "urls" | "headers">,
  credentials: CredentialSources,
  onDelivery: (latencyMs: number) => void,
  parent: string | undefined,
): VuPorts {
  return {
    nowMs: Date.now,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    socket: (url, protocols, headers) => new WebSocket(url, protocols, { headers, tags: TAGS, jar: new http.CookieJar() }),
    http: (request, credential) => requestByK6(target.urls[0], target.headers, request, credential),
    credential: createK6Credentials(credentials, Date.now),
    onDelivery,
    ...(parent === undefined
      ? {}
      : { tell: async (seconds) => (await post(`${parent}/seconds`, JSON.stringify(seconds))) !== STATUS_STOP }),
  };
}

/** Which VU of its process this is. */
export function ownPart(): Part {
  return { index: execution.vu.idInInstance - 1, count: Math.max(1, execution.instance.vusInitialized) };
}

/** VUs of this process; to be asked in `setup` or later. */
export function vusHere(): number {
  return execution.instance.vusInitialized;
}

/** Which process of a run this is, by its execution segment; undefined when it runs alone. */
export function ownSegment(): Part | undefined {
  const { executionSegment, executionSegmentSequence } = execution.test.options;
  return shardOfSegment(executionSegment, executionSegmentSequence);
}

/** One message to a referee, and its answer. @throws Error when none comes. */
export async function postToReferee(
  { url, token, withinMs }: { readonly url: string; readonly token: string; readonly withinMs: number },
  name: string,
  body: string,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const {
    status,
    error,
    body: text,
  } = await http.asyncRequest("POST", `${url}/v1/${name}`, body, {
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    timeout: withinMs,
    tags: { name: "rollcall referee" },
    responseType: "text",
    jar: new http.CookieJar(),
  });
  if (status === 0) throw new Error(error);
  return { status, body: JSON.parse(text ?? "null") };
}

/** Calls `act` after so long, unless what it gives is called before. */
export function after(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

/** Hands a text to the parent that started k6; gives the answer's status. @throws Error when it is not taken. */
export async function post(url: string, body: string): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const { status, error } = await http.asyncRequest("POST", url, body, {
      headers: { "content-type": "application/json" },
      timeout: 60_000,
      tags: { name: "rollcall parent" },
    });
    if (status === 204 || status === STATUS_STOP) return status;
    if (attempt >= ATTEMPTS_MAX) throw new Error(`the parent answered ${status} ${error}`);
  }
}
