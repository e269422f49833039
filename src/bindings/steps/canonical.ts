import type { Json } from "../../core/op.ts";
import { canonicalJson, type Fields, isFields, isShallow, own, shownText } from "./json.ts";
import { type DocJson, isList } from "./messages.ts";

/**
 * Text of a document that is equal for equal documents (2.1): keys in order, absent optional keys left out, neighbouring
 * text with equal marks joined. Attributes that stand at their defaults count as given: only a schema could tell.
 */
export function canonicalDoc(doc: DocJson): string {
  return isShallow(doc) ? canonicalJson(tidy(doc)) : '"too deep"';
}

function tidy(node: Json): Json {
  if (!isFields(node)) return node;
  const out: Record<string, Json> = {};
  for (const [name, value] of Object.entries(node)) {
    if (name === "content" && isList(value)) {
      const content = joined(value.map(tidy));
      if (content.length > 0) out[name] = content;
    } else if ((name === "marks" && isList(value) && value.length === 0) || (name === "attrs" && isFields(value) && !hasAny(value)))
      continue;
    else out[name] = value;
  }
  return out;
}

function hasAny(fields: Fields): boolean {
  return Object.keys(fields).length > 0;
}

function joined(nodes: readonly Json[]): readonly Json[] {
  const out: Json[] = [];
  for (const node of nodes) {
    const last = out.at(-1);
    if (isFields(node) && isFields(last) && isText(node) && isText(last) && marksOf(node) === marksOf(last)) {
      out[out.length - 1] = { ...last, text: shownText(own(last, "text")) + shownText(own(node, "text")) };
    } else out.push(node);
  }
  return out;
}

function isText(node: Fields): boolean {
  return typeof own(node, "text") === "string";
}

function marksOf(node: Fields): string {
  return canonicalJson(own(node, "marks") ?? []);
}
