import type { Node, Schema } from "prosemirror-model";
import { Step } from "prosemirror-transform";
import { type Fields, isFields, isShallow, own } from "../json.ts";
import { isCount, isList, type StepJson } from "../messages.ts";
import type { Json } from "../../../core/op.ts";

/** Steps that were applied, or why one of them cannot be. */
export type Applied =
  | { readonly ok: true; readonly doc: Node; readonly steps: readonly StepJson[] }
  | { readonly ok: false; readonly index: number; readonly problem: string };

/**
 * Applies a batch wholly or not at all (S-2): each step is looked at, read by the schema, applied, and its result held
 * against the schema (S-16). Never throws, whatever the steps are.
 */
export function applySteps(schema: Schema, before: Node, steps: readonly StepJson[]): Applied {
  let doc = before;
  const taken: StepJson[] = [];
  for (const [index, json] of steps.entries()) {
    const problem = flaw(json, doc.content.size);
    if (problem !== undefined) return { ok: false, index, problem };
    try {
      const step = Step.fromJSON(schema, json);
      const result = step.apply(doc);
      if (result.doc === null) return { ok: false, index, problem: result.failed ?? "does not apply" };
      if (!isPlain(json)) result.doc.check();
      doc = result.doc;
      taken.push(step.toJSON() as StepJson);
    } catch (error) {
      return { ok: false, index, problem: error instanceof Error ? error.message : String(error) };
    }
  }
  return { ok: true, doc, steps: taken };
}

/** What is wrong with a step before any schema looks at it: no step, too deep, or positions that no document has. */
export function flaw(step: Json, size: number): string | undefined {
  if (!isFields(step) || typeof own(step, "stepType") !== "string") return "no step";
  if (!isShallow(step)) return "nested too deep";
  const at = (name: string): Json | undefined => own(step, name);
  switch (at("stepType")) {
    case "replace":
    case "addMark":
    case "removeMark":
      return isOrdered([at("from"), at("to")], size) ? undefined : "from and to are no range of the document";
    case "replaceAround":
      return isOrdered([at("from"), at("gapFrom"), at("gapTo"), at("to")], size) ? undefined : "the gap is no part of the range";
    case "addNodeMark":
    case "removeNodeMark":
    case "attr":
      return isOrdered([at("pos")], size) ? undefined : "pos is no position of the document";
    case "markSet":
      return inside(at("steps"), size);
    default:
      return undefined;
  }
}

function inside(steps: Json | undefined, size: number): string | undefined {
  if (!isList(steps)) return "steps is no list";
  for (const step of steps) {
    const problem = flaw(step, size);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Whole numbers within the document, each at least the one before. */
function isOrdered(positions: readonly (Json | undefined)[], size: number): boolean {
  let last = 0;
  for (const position of positions) {
    if (!isCount(position) || position < last || position > size) return false;
    last = position;
  }
  return true;
}

/** Unmarked text in and text out: the library holds the touched blocks against the schema itself, so that the whole need not be. */
function isPlain(step: Json): boolean {
  if (!isFields(step) || own(step, "stepType") !== "replace") return false;
  const slice = own(step, "slice");
  if (slice === undefined) return true;
  if (!isFields(slice) || own(slice, "openStart") !== undefined || own(slice, "openEnd") !== undefined) return false;
  const content = own(slice, "content");
  return isList(content) && content.every((node) => isFields(node) && isPlainText(node));
}

function isPlainText(node: Fields): boolean {
  return own(node, "type") === "text" && own(node, "marks") === undefined;
}
