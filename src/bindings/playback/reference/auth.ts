import type { IncomingMessage } from "node:http";
import type { Accounts } from "./accounts.ts";
import type { Recipe } from "./config.ts";
import type { DidKeys } from "./did.ts";
import type { Log } from "./log.ts";
import { verifyServiceJwt } from "./service-jwt.ts";

/** Who sends a request, or the answer to it. `reason` is for metrics and log. */
export type AuthOutcome = { readonly userId: string } | { readonly status: 401 | 503; readonly message: string; readonly reason: string };

export interface AuthOptions {
  readonly recipe: Recipe;
  readonly audience: string;
  readonly accounts: Accounts;
  readonly keys: DidKeys;
  /** Wall clock. */
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Name of the query parameter and of the cookie that hold a token. */
export const TOKEN_NAME = "authToken";

/** Query parameter of the recipe `none`. */
const NAME_QUERY = "user";

const NAME_LENGTH_MAX = 256;

/** The first refusals of a token are logged; a flood of them is not. */
const LOGGED_MAX = 100;

/** Tells who sends a request by the recipe; the same on HTTP requests and upgrades. */
export function createAuth(options: AuthOptions): (request: IncomingMessage, query: URLSearchParams) => Promise<AuthOutcome> {
  let logged = 0;
  return async (request, query) => {
    if (options.recipe === "none") {
      const name = query.get(NAME_QUERY) ?? "";
      if (name === "") return missing();
      return name.length > NAME_LENGTH_MAX ? invalid("name") : { userId: name };
    }
    const token = findToken(request, query);
    if (token === undefined) return missing();
    const outcome =
      options.recipe === "account"
        ? options.accounts.verify(token)
        : await verifyServiceJwt(token, options.audience, options.keys, options.nowMs());
    if ("userId" in outcome) return outcome;
    logged += 1;
    if (logged <= LOGGED_MAX) options.log("warn", "credential-refused", { reason: outcome.refusal });
    return outcome.isOurs
      ? { status: 503, message: "The identity directory does not answer", reason: outcome.refusal }
      : invalid(outcome.refusal);
  };
}

function missing(): AuthOutcome {
  return { status: 401, message: "Missing authentication token", reason: "missing" };
}

function invalid(reason: string): AuthOutcome {
  return { status: 401, message: "Invalid or expired token", reason };
}

/** The token in the query, then the cookie, then the header with or without `Bearer` (2.2). */
export function findToken(request: Pick<IncomingMessage, "headers">, query: URLSearchParams): string | undefined {
  const found =
    query.get(TOKEN_NAME) || cookie(request.headers.cookie ?? "", TOKEN_NAME) || request.headers.authorization?.replace(/^Bearer +/i, "");
  return found === undefined || found === "" ? undefined : found;
}

/** A cookie's value; a fourth dot-separated part is a cookie signature and is cut off. */
function cookie(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const split = pair.indexOf("=");
    if (split === -1 || pair.slice(0, split).trim() !== name) continue;
    return decode(pair.slice(split + 1).trim())
      .split(".")
      .slice(0, 3)
      .join(".");
  }
  return undefined;
}

/** Percent-decoded; the text itself where it cannot be. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
