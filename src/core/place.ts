/** Where a server is: the base URL for HTTP, and the path that stands before all others. */
export interface Place {
  /** `http://host:port` or `https://…`, without a path. */
  readonly url: string;
  /** Begins with `/`, without one at the end; empty for none. */
  readonly basePath: string;
}

const ADDRESS = /^(https?|wss?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?(\/[^?#\s]*)?$/i;

/**
 * Reads an address as users give it, with http or ws, for engines that have no URL of their own.
 * @throws RangeError for other schemes, and for credentials, query or fragment in it.
 */
export function parsePlace(address: string): Place {
  const [whole, scheme = "", host = "", port, path = ""] = ADDRESS.exec(address.trim()) ?? [];
  if (whole === undefined || Number(port ?? 1) > 65_535)
    throw new RangeError(`"${address}" is no address of a server; the form is ws://host:port or https://host/base/path`);
  const isSecure = /^(https|wss)$/i.test(scheme);
  return {
    url: `${isSecure ? "https" : "http"}://${host.toLowerCase()}${port === undefined ? "" : `:${Number(port)}`}`,
    basePath: path.replace(/\/+$/, ""),
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * Milliseconds of a duration such as `500ms`, `1.5s`, `2m` or `1m30s`.
 * @throws RangeError for other texts.
 */
export function parseDurationMs(text: string): number {
  if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/.test(text))
    throw new RangeError(`"${text}" is no duration; the form is 30s, 500ms or 1m30s`);
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) total += Number(amount) * (UNIT_MS[unit ?? ""] ?? 0);
  return total;
}
