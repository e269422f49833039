import http from "k6/http";
import type { Credential, Failure, HttpAnswer, HttpRequest } from "../../core/session.ts";

const HTTP_MS_MAX = 15_000;

/** Requests of all clients are counted under one name: k6 keeps a series for each URL otherwise. */
const TAGS = { name: "rollcall" } as const;

/** One HTTP request of a client, without the VU's cookies. No answer is a failure; it never rejects. */
export async function requestByK6(
  baseUrl: string,
  headers: Readonly<Record<string, string>>,
  request: HttpRequest,
  credential: Credential | undefined,
): Promise<HttpAnswer | Failure> {
  const pairs = Object.entries(credential?.query ?? {}).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const query = pairs.length === 0 ? "" : `${request.path.includes("?") ? "&" : "?"}${pairs.join("&")}`;
  try {
    const answer = await http.asyncRequest(request.method, baseUrl + request.path + query, request.body ?? null, {
      headers: { ...headers, ...credential?.headers, ...request.headers },
      timeout: HTTP_MS_MAX,
      redirects: 0,
      tags: TAGS,
      responseType: "text",
      jar: new http.CookieJar(),
    });
    if (answer.status === 0) return { failure: answer.error === "" ? "no answer" : answer.error };
    const lower = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    return { status: answer.status, headers: Object.fromEntries(lower), body: answer.body ?? "" };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
