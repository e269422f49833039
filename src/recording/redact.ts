/** A signed token: three runs of base64url with dots between; and whatever follows `Bearer`. */
const TOKEN = /[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}|\b(?<=Bearer )[\w.~+/=-]{8,}/g;

/** A server's words with what looks like a token taken out: one may quote what it refuses. */
export function redact(text: string): string {
  return text.replace(TOKEN, "…");
}
