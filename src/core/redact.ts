/** Characters of base64url and the dot between the parts of a token, each as two hexadecimal digits. */
const TOKEN_BYTE = "(?:2d|2e|3[0-9]|4[1-9a-f]|5[0-9a]|5f|6[1-9a-f]|7[0-9a])";

/**
 * What proves who somebody is, as it looks: signed tokens (whole, unsigned or cut off), also in binary frames that are
 * shown in hexadecimal; what follows `Bearer`; tokens in queries, cookies and JSON; 256 random bits in Crockford's
 * base32.
 */
const SECRETS: readonly RegExp[] = [
  /\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g,
  /[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}/g,
  new RegExp(`65794a${TOKEN_BYTE}{16,}`, "gi"),
  /(?<=\bBearer )[\w.~+/=-]{8,}/gi,
  /(?<=\b[\w-]*token=)[^&;\s"'\\]+/gi,
  /(?<=\\?"[\w-]*(?:token|jwt|password|secret)\\?" ?: ?\\?")[^"\\]+/gi,
  /\b[0-9A-HJKMNP-TV-Z]{52}\b/g,
];

/** Text with everything taken out that looks like a secret: a server may quote what it was shown. */
export function redact(text: string): string {
  let told = text;
  for (const secret of SECRETS) told = told.replace(secret, "…");
  return told;
}

/** The same value with every text in it redacted; names of members stay. */
export function redactAll<T>(value: T): T {
  // Texts stay texts and nothing else changes: the shape is the same.
  return cleaned(value) as T;
}

function cleaned(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, cleaned(member)]));
}
