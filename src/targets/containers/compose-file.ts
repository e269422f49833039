import { parse } from "yaml";

/** The `version` that a compose file writes: older Compose wants it to be the same in every file of a stack. */
export function composeVersion(text: string): string | undefined {
  const value: unknown = parse(text, { merge: true, logLevel: "silent" });
  if (typeof value !== "object" || value === null || !("version" in value)) return undefined;
  return typeof value.version === "string" || typeof value.version === "number" ? String(value.version) : undefined;
}
