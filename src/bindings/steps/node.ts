import type { Binding } from "../../core/binding.ts";
import { Step } from "prosemirror-transform";
import { casesWith } from "./cases/index.ts";
import type { Editing } from "./editing.ts";
import { canonicalJson } from "./json.ts";
import type { Json } from "../../core/op.ts";
import { prosemirrorEditing } from "./node/prosemirror.ts";
import { schemaNamed, schemaOf, type SchemaName } from "./node/schema.ts";
import { createSession } from "./session.ts";

const editings = new Map<SchemaName, Editing>();

function editingOf(dialect: string): Editing {
  const name = schemaOf(dialect);
  const known = editings.get(name) ?? prosemirrorEditing(name);
  editings.set(name, known);
  return known;
}

function sameStep(dialect: string, step: unknown): string | undefined {
  try {
    return canonicalJson(Step.fromJSON(schemaNamed(schemaOf(dialect)), step).toJSON() as Json);
  } catch {
    return undefined;
  }
}

/** With packages at hand a member holds a real ProseMirror document, and rebases as prosemirror-collab does. */
export const inNode: Pick<Binding, "session" | "cases"> = {
  session: (options) => createSession(options, { editing: editingOf(options.dialect), epochMs: () => Date.now() }),
  cases: async () => {
    const { openSocket } = await import("./node/sockets.ts");
    return casesWith({ open: openSocket, editing: editingOf, sameStep, epochMs: () => Date.now() });
  },
};
