import type { Detail } from "../core/observation.ts";
import { redact } from "../core/redact.ts";
import { microseconds, milliseconds } from "./format.ts";
import { detailSchema } from "./schema.ts";

/**
 * An observation's detail as JSON: times (fields that end in `Ms`) as milliseconds from the origin, to the microsecond;
 * texts without what looks like a token. `detail` is what a reader will have of it.
 */
export function detailText(detail: Detail, originMs: number): { readonly text: string; readonly detail: Detail } {
  let isRedacted = false;
  const text = JSON.stringify(detail, (key, value: unknown) => {
    if (typeof value !== "string") return key.endsWith("Ms") && typeof value === "number" ? microseconds(value, originMs) / 1000 : value;
    const told = redact(value);
    isRedacted ||= told !== value;
    return told;
  });
  return { text, detail: isRedacted ? detailOf(text, originMs) : rounded(detail, originMs) };
}

/** What `detailOf` would give, at a tenth of the cost: every client connects, and is shown the state. */
function rounded(detail: Detail, originMs: number): Detail {
  const time = (ms: number): number => milliseconds(microseconds(ms, originMs), originMs);
  switch (detail.kind) {
    case "connected":
      return detail.startedMs === undefined ? detail : { ...detail, startedMs: time(detail.startedMs) };
    case "snapshot":
      return { ...detail, askedMs: time(detail.askedMs) };
    case "invoked":
      return { ...detail, plannedMs: time(detail.plannedMs) };
    case "signal":
      return detail.plannedMs === undefined ? detail : { ...detail, plannedMs: time(detail.plannedMs) };
    default:
      return detail;
  }
}

/**
 * The detail back from its text, on the clock of the recorded process.
 * @throws Error for a text that is none.
 */
export function detailOf(text: string, originMs: number): Detail {
  return detailSchema.parse(
    JSON.parse(text, (key, value: unknown) =>
      key.endsWith("Ms") && typeof value === "number" ? milliseconds(Math.round(value * 1000), originMs) : value,
    ),
  );
}
