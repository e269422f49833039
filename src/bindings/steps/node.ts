import type { Binding } from "../../core/binding.ts";
import { Step } from "prosemirror-transform";
import { casesWith } from "./cases/index.ts";
import { canonicalJson } from "./json.ts";
import type { Json } from "../../core/op.ts";
import { schemaNamed, schemaOf } from "./node/schema.ts";
import { editingOf, session } from "./node/session.ts";

function sameStep(dialect: string, step: unknown): string | undefined {
  try {
    return canonicalJson(Step.fromJSON(schemaNamed(schemaOf(dialect)), step).toJSON() as Json);
  } catch {
    return undefined;
  }
}

/** What a member is, and what cases compare with, where packages are at hand. */
export const inNode: Pick<Binding, "session" | "cases"> = {
  session,
  cases: async () => {
    const { openSocket } = await import("./node/sockets.ts");
    return casesWith({ open: openSocket, editing: editingOf, sameStep, epochMs: () => Date.now() });
  },
};
