import type { Binding } from "../../../core/binding.ts";
import type { Editing } from "../editing.ts";
import { createSession } from "../session.ts";
import { prosemirrorEditing } from "./prosemirror.ts";
import { schemaOf, type SchemaName } from "./schema.ts";

const editings = new Map<SchemaName, Editing>();

/** How documents of a dialect are edited; made once for each schema. */
export function editingOf(dialect: string): Editing {
  const name = schemaOf(dialect);
  const known = editings.get(name) ?? prosemirrorEditing(name);
  editings.set(name, known);
  return known;
}

/** A member that holds a real ProseMirror document, and rebases as prosemirror-collab does. */
export const session: Binding["session"] = (options) =>
  createSession(options, { editing: editingOf(options.dialect), epochMs: () => Date.now() });
