import type { Detail } from "../core/observation.ts";
import { redact } from "../core/redact.ts";
import { microseconds, milliseconds } from "./format.ts";
import { detailSchema } from "./schema.ts";

/**
 * An observation's detail as JSON: times (fields that end in `Ms`) as milliseconds from the origin, to the microsecond;
 * texts without what looks like a token. `detail` is what a reader will have of it.
 */
export function detailText(detail: Detail, originMs: number): { readonly text: string; readonly detail: Detail } {
  let isChanged = false;
  const text = JSON.stringify(detail, (key, value: unknown) => {
    let told = value;
    if (typeof value === "string") told = redact(value);
    else if (key.endsWith("Ms") && typeof value === "number") told = microseconds(value, originMs) / 1000;
    isChanged ||= told !== value;
    return told;
  });
  return { text, detail: isChanged ? detailOf(text, originMs) : detail };
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
