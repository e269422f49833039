import type { Binding } from "../../../core/binding.ts";
import { session } from "./session.ts";

/** Bundled for k6, a member holds a real ProseMirror document there too; a script that is loaded as it is has none. */
export const inK6: Pick<Binding, "session"> = { session };
