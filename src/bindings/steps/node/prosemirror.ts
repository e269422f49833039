import { Fragment, type MarkType, Node, type NodeType, type Schema, Slice } from "prosemirror-model";
import { Selection } from "prosemirror-state";
import { canSplit, findWrapping, joinPoint, liftTarget, Mapping, ReplaceStep, Step, Transform } from "prosemirror-transform";
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

/** ProseMirror's own document model and transforms behind the session's port. */
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
        return { size: steps.length, steps: steps.map((step) => Step.fromJSON(schema, step)), applied: undefined } as SharedBatch;
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

/** One own step that is not confirmed, and the document after it. */
interface Own {
  readonly step: Step;
  readonly tag: number;
  readonly doc: Node;
}

/** Steps of one message. Members that hold equal documents before it share the one after it: documents never change. */
interface SharedBatch extends Batch {
  readonly steps: readonly Step[];
  applied: { readonly before: Node; readonly after: Node } | undefined;
}

/** The document after a batch; throws a RangeError where it does not apply. */
function after(batch: SharedBatch, before: Node): Node {
  const known = batch.applied;
  if (known !== undefined && (known.before === before || known.before.eq(before))) return known.after;
  let doc = before;
  for (const step of batch.steps) {
    const result = step.apply(doc);
    if (result.doc === null) throw new RangeError(result.failed ?? "a step does not apply");
    doc = result.doc;
  }
  batch.applied ??= { before, after: doc };
  return doc;
}

/**
 * A member's document with its own steps on top. Foreign steps go below them: each own step is mapped over the undoing of
 * those before it, the foreign steps, and those before it as they are now, so that what it inserted itself is found again
 * (`mirror`). It does what prosemirror-collab does, and is held against it in a test; it keeps documents instead of editor
 * states, so that a thousand members cost one application of each step and not a thousand.
 */
class EditorReplica implements Replica {
  readonly #schema: Schema;
  #confirmed: Node;
  #version: number;
  #own: readonly Own[] = [];

  constructor(schema: Schema, doc: Node, version: number) {
    this.#schema = schema;
    this.#confirmed = doc;
    this.#version = version;
  }

  get version(): number {
    return this.#version;
  }

  get unconfirmed(): number {
    return this.#own.length;
  }

  get #shown(): Node {
    return this.#own.at(-1)?.doc ?? this.#confirmed;
  }

  edit(edit: Edit, text: string, tag: number): void {
    const shown = this.#shown;
    const tr = change(this.#schema, shown, edit) ?? new Transform(shown);
    const pos = place(tr.doc, tr.mapping.map(pointAt(shown, edit.at)));
    tr.step(new ReplaceStep(pos, pos, new Slice(Fragment.from(this.#schema.text(text)), 0, 0)));
    this.#own = [...this.#own, ...tr.steps.map((step, index): Own => ({ step, tag, doc: tr.docs[index + 1] ?? tr.doc }))];
  }

  sendable(stepsMax: number): Sendable | undefined {
    if (this.#own.length === 0) return undefined;
    let count = Math.min(stepsMax, this.#own.length);
    while (count < this.#own.length && count > 0 && this.#own[count]?.tag === this.#own[count - 1]?.tag) count -= 1;
    if (count === 0) count = Math.max(1, this.tags().lastIndexOf(this.#own[0]?.tag ?? 0) + 1);
    const first = this.#own.slice(0, count);
    return { version: this.#version, steps: first.map(({ step }) => step.toJSON() as StepJson), tags: first.map(({ tag }) => tag) };
  }

  receive(batch: Batch): boolean {
    const shared = batch as SharedBatch;
    try {
      const doc = after(shared, this.#confirmed);
      if (this.#own.length > 0) this.#own = rebased(this.#own, shared.steps, doc);
      this.#confirmed = doc;
      this.#version += shared.size;
      return true;
    } catch {
      return false;
    }
  }

  confirm(count: number): void {
    this.#confirmed = this.#own[count - 1]?.doc ?? this.#confirmed;
    this.#own = this.#own.slice(count);
    this.#version += count;
  }

  tags(): readonly number[] {
    return this.#own.map(({ tag }) => tag);
  }

  doc(): DocJson {
    return this.#shown.toJSON() as DocJson;
  }
}

/** Own steps on top of a document that foreign steps have led to; those that have lost their place are left out. */
function rebased(own: readonly Own[], foreign: readonly Step[], onto: Node): readonly Own[] {
  const mapping = new Mapping();
  for (const { step } of [...own].reverse()) mapping.appendMap(step.getMap().invert());
  for (const step of foreign) mapping.appendMap(step.getMap());
  const kept: Own[] = [];
  let doc = onto;
  for (const [index, { step, tag }] of own.entries()) {
    // The undoing of the own steps stands first, the last of them at 0.
    const undone = own.length - 1 - index;
    const mapped = step.map(mapping.slice(undone + 1));
    const result = mapped?.apply(doc);
    if (mapped === null || result === undefined || result.doc === null) continue;
    mapping.appendMap(mapped.getMap(), undone);
    doc = result.doc;
    kept.push({ step: mapped, tag, doc });
  }
  return kept;
}

/** The structural part of an act; undefined when it is not possible there, or is typing alone. */
function change(schema: Schema, doc: Node, edit: Edit): Transform | undefined {
  const tr = new Transform(doc);
  try {
    if (doc.content.size > DOC_UNITS_MAX) erase(tr, edit.at, TRIM_UNITS);
    alter(schema, tr, edit);
    return tr;
  } catch {
    return undefined;
  }
}

function alter(schema: Schema, tr: Transform, edit: Edit): void {
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

function erase(tr: Transform, at: number, units: number): void {
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
