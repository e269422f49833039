import type { Binding } from "../../core/binding.ts";
import { loroDocuments } from "./node/loro.ts";
import { createSession } from "./session.ts";

/** What only Node has: real documents in sessions. */
export const inNode: Partial<Binding> = {
  session: (options) => createSession(options, loroDocuments),
};
