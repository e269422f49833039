import type { Binding } from "../../core/binding.ts";
import { syncCases } from "./cases/index.ts";
import { withLab } from "./cases/support.ts";
import { createLab } from "./node/lab.ts";
import { loroDocuments } from "./node/loro.ts";
import { createSession } from "./session.ts";

/** What only Node has: real documents in sessions, and cases with sockets of their own. */
export const inNode: Partial<Binding> = {
  session: (options) => createSession(options, loroDocuments),
  cases: () => Promise.resolve(withLab(syncCases, createLab)),
};
