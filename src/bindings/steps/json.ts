import type { Json } from "../../core/op.ts";

/** A JSON object whose fields are not looked at yet. */
export type Fields = Readonly<Record<string, Json>>;

/** Nesting beyond which a text is no document that anybody writes; deeper ones would overflow the stack of whoever walks them. */
export const DEPTH_MAX = 256;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of the object's own; a name such as `__proto__` finds nothing but what was sent. */
export function own(fields: Fields, name: string): Json | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Whether a value nests no deeper than `max`. Walks with a stack of its own. */
export function isShallow(value: Json, max: number = DEPTH_MAX): boolean {
  let level: readonly Json[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) return false;
    const below: Json[] = [];
    for (const each of level) {
      if (typeof each !== "object" || each === null) continue;
      for (const inner of Array.isArray(each) ? (each as readonly Json[]) : Object.values(each)) {
        if (typeof inner === "object" && inner !== null) below.push(inner);
      }
    }
    level = below;
  }
  return true;
}

/** Text of a JSON value with its keys in order: equal for equal values. Values nested beyond `DEPTH_MAX` give "too deep". */
export function canonicalJson(value: Json): string {
  return isShallow(value) ? written(value) : '"too deep"';
}

function written(value: Json): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(written).join(",")}]`;
  const fields = value as Fields;
  const names = Object.keys(fields).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${written(fields[name] ?? null)}`).join(",")}}`;
}

/** A text as it is, anything else as JSON. */
export function shownText(value: Json | undefined): string {
  return typeof value === "string" ? value : canonicalJson(value ?? null);
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
