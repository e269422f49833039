import type { Binding } from "../../core/binding.ts";
import type { Editing } from "./editing.ts";
import { prosemirrorEditing } from "./prosemirror.ts";
import { schemaOf, type SchemaName } from "./schema.ts";
import { createSession } from "./session.ts";

const editings = new Map<SchemaName, Editing>();

function editingOf(dialect: string): Editing {
  const name = schemaOf(dialect);
  const known = editings.get(name) ?? prosemirrorEditing(name);
  editings.set(name, known);
  return known;
}

/** With packages at hand a member holds a real ProseMirror document, and rebases as prosemirror-collab does. */
export const inNode: Pick<Binding, "session"> = {
  session: (options) => createSession(options, { editing: editingOf(options.dialect), epochMs: () => Date.now() }),
};
