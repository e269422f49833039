import type { Binding } from "../../../core/binding.ts";
import type { Editing } from "../editing.ts";
import { createSession } from "../session.ts";
import { prosemirrorEditing } from "./prosemirror.ts";
import { schemaOf, type SchemaName } from "./schema.ts";

const editings = new Map<SchemaName, Editing>();

function editingOf(dialect: string): Editing {
  const name = schemaOf(dialect);
  const known = editings.get(name) ?? prosemirrorEditing(name);
  editings.set(name, known);
  return known;
}

/** Bundled for k6, a member holds a real ProseMirror document there too; a script that is loaded as it is has none. */
export const inK6: Pick<Binding, "session"> = {
  session: (options) => createSession(options, { editing: editingOf(options.dialect), epochMs: () => Date.now() }),
};
