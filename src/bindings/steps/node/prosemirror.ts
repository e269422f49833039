import { collab, getVersion, receiveTransaction, sendableSteps } from "prosemirror-collab";
import { Fragment, type MarkType, Node, type NodeType, type Schema, Slice } from "prosemirror-model";
import { EditorState, Selection, type Transaction } from "prosemirror-state";
import { canSplit, findWrapping, joinPoint, liftTarget, ReplaceStep, Step } from "prosemirror-transform";
import type { Json } from "../../../core/op.ts";
import { canonicalDoc } from "../canonical.ts";
import type { Batch, Edit, Editing, Replica, Sendable } from "../editing.ts";
import { isShallow } from "../json.ts";
import type { DocJson, StepJson } from "../messages.ts";
import { schemaNamed, type SchemaName } from "./schema.ts";

/**
 * A document longer than this loses as much as is typed: every refusal brings the whole document, so that a run's
 * documents stay under 20 KB.
 */
const DOC_UNITS_MAX = 8_000;
/** What goes at once from a document that is too long. */
const TRIM_UNITS = 120;
/** Blocks are wrapped in one another no deeper. */
const DEPTH_EDIT_MAX = 6;
const SPAN_DEFAULT = 8;
/** Who we are to prosemirror-collab; the wire's ids are the session's matter. */
const SELF = 1;
const OTHER = 0;
const TAG = "tag";

/** ProseMirror's own document model, transforms and rebasing (prosemirror-collab) behind the session's port. */
export function prosemirrorEditing(name: SchemaName): Editing {
  const schema = schemaNamed(name);
  return {
    hasDocuments: true,
    open: (doc, version) => {
      const node = readDoc(schema, doc);
      return node === undefined ? undefined : new EditorReplica(schema, node, version);
    },
    parse: (steps) => {
      try {
        return { size: steps.length, steps: steps.map((step) => Step.fromJSON(schema, step)) };
      } catch {
        return undefined;
      }
    },
    canonical: (doc) => {
      const node = readDoc(schema, doc);
      return canonicalDoc(node === undefined ? doc : (node.toJSON() as Json));
    },
  };
}

/** A document that the schema allows; undefined for anything else. */
export function readDoc(schema: Schema, doc: DocJson): Node | undefined {
  try {
    if (!isShallow(doc)) return undefined;
    const node = Node.fromJSON(schema, doc);
    node.check();
    return node;
  } catch {
    return undefined;
  }
}

class EditorReplica implements Replica {
  readonly #schema: Schema;
  #state: EditorState;

  constructor(schema: Schema, doc: Node, version: number) {
    this.#schema = schema;
    this.#state = EditorState.create({ doc, plugins: [collab({ version, clientID: SELF })] });
  }

  get version(): number {
    return getVersion(this.#state);
  }

  get unconfirmed(): number {
    return sendableSteps(this.#state)?.steps.length ?? 0;
  }

  edit(edit: Edit, text: string, tag: number): void {
    const tr = change(this.#schema, this.#state, edit) ?? this.#state.tr;
    const pos = place(tr.doc, tr.docChanged ? tr.mapping.map(pointAt(this.#state.doc, edit.at)) : pointAt(tr.doc, edit.at));
    tr.step(new ReplaceStep(pos, pos, new Slice(Fragment.from(this.#schema.text(text)), 0, 0)));
    this.#state = this.#state.apply(tr.setMeta(TAG, tag));
  }

  sendable(stepsMax: number): Sendable | undefined {
    const own = sendableSteps(this.#state);
    if (own === null) return undefined;
    const all = own.origins.map(tagOf);
    let count = Math.min(stepsMax, all.length);
    while (count < all.length && count > 0 && all[count] === all[count - 1]) count -= 1;
    if (count === 0) count = Math.max(1, all.lastIndexOf(all[0] ?? 0) + 1);
    return { version: own.version, steps: own.steps.slice(0, count).map((step) => step.toJSON() as StepJson), tags: all.slice(0, count) };
  }

  receive(batch: Batch): boolean {
    const steps = batch.steps as readonly Step[];
    try {
      this.#take(steps, OTHER);
      return true;
    } catch {
      return false;
    }
  }

  confirm(count: number): void {
    const own = sendableSteps(this.#state);
    if (own !== null) this.#take(own.steps.slice(0, count), SELF);
  }

  tags(): readonly number[] {
    return sendableSteps(this.#state)?.origins.map(tagOf) ?? [];
  }

  doc(): DocJson {
    return this.#state.doc.toJSON() as DocJson;
  }

  #take(steps: readonly Step[], author: number): void {
    const authors = steps.map(() => author);
    this.#state = this.#state.apply(receiveTransaction(this.#state, steps, authors));
  }
}

function tagOf(origin: Transaction): number {
  return origin.getMeta(TAG) as number;
}

/** The structural part of an act; undefined when it is not possible there, or is typing alone. */
function change(schema: Schema, state: EditorState, edit: Edit): Transaction | undefined {
  const tr = state.tr;
  try {
    if (tr.doc.content.size > DOC_UNITS_MAX) erase(tr, edit.at, TRIM_UNITS);
    alter(schema, tr, edit);
    tr.doc.check();
    return tr;
  } catch {
    return undefined;
  }
}

function alter(schema: Schema, tr: Transaction, edit: Edit): void {
  const pos = place(tr.doc, pointAt(tr.doc, edit.at));
  const $pos = tr.doc.resolve(pos);
  const range = $pos.blockRange();
  const span = edit.span ?? SPAN_DEFAULT;
  switch (edit.do) {
    case "type":
      return;
    case "erase":
      return erase(tr, edit.at, span);
    case "split":
      if (canSplit(tr.doc, pos)) tr.split(pos);
      return;
    case "join": {
      const at = joinPoint(tr.doc, pos, -1);
      if (at !== undefined && at !== null) tr.join(at);
      return;
    }
    case "mark":
    case "unmark": {
      const mark = markFor(schema, span);
      const to = Math.min(pos + span, $pos.end());
      if (mark === undefined || to <= pos || !$pos.parent.type.allowsMarkType(mark)) return;
      if (edit.do === "mark") tr.addMark(pos, to, mark.create(mark.name === "link" ? { href: "https://example.org/" } : null));
      else tr.removeMark(pos, to);
      return;
    }
    case "wrap":
    case "list": {
      const type = nodeFor(schema, edit.do === "wrap" ? "blockquote" : "bullet_list");
      const wrapping = type === undefined || range === null || $pos.depth > DEPTH_EDIT_MAX ? null : findWrapping(range, type);
      if (range !== null && wrapping !== null) tr.wrap(range, wrapping);
      return;
    }
    case "lift": {
      const target = range === null ? null : liftTarget(range);
      if (range !== null && target !== null) tr.lift(range, target);
      return;
    }
    case "heading": {
      const type = nodeFor(schema, $pos.parent.type.name === "heading" ? "paragraph" : "heading");
      if (type !== undefined) tr.setBlockType(pos, pos, type, type.name === "heading" ? { level: 1 + (span % 3) } : null);
    }
  }
}

function erase(tr: Transaction, at: number, units: number): void {
  const from = place(tr.doc, pointAt(tr.doc, at));
  const end = Selection.findFrom(tr.doc.resolve(Math.min(from + units, tr.doc.content.size)), -1, true);
  if (end !== null && end.from > from) tr.delete(from, end.from);
}

function nodeFor(schema: Schema, name: string): NodeType | undefined {
  return schema.nodes[name];
}

function markFor(schema: Schema, salt: number): MarkType | undefined {
  const all = Object.values(schema.marks);
  return all[salt % Math.max(1, all.length)];
}

function pointAt(doc: Node, at: number): number {
  return Math.floor(Math.min(1, Math.max(0, at)) * doc.content.size);
}

/** The next place for text: between two characters, and not inside of a marker, which others look for as a whole. */
function place(doc: Node, pos: number): number {
  const $pos = doc.resolve(pos);
  const found = $pos.parent.inlineContent ? undefined : (Selection.findFrom($pos, 1, true) ?? Selection.findFrom($pos, -1, true));
  const $at = found === undefined || found === null ? $pos : found.$from;
  const text = $at.parent.textBetween(0, $at.parent.content.size, undefined, "\ufffc");
  let offset = $at.parentOffset;
  const open = text.lastIndexOf("⟦", offset - 1);
  const close = open < 0 ? -1 : text.indexOf("⟧", open);
  if (open >= 0 && close >= offset) offset = close + 1;
  if (/[\uD800-\uDBFF]$/.test(text.slice(0, offset)) && /^[\uDC00-\uDFFF]/.test(text.slice(offset))) offset -= 1;
  return $at.start() + offset;
}
