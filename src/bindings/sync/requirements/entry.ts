import { requirementId } from "../../../core/ids.ts";
import type { Requirement } from "../../../core/requirement.ts";

/** The document that the catalogue rests on. */
export const REVIEW: string = "architecture review of roomy-syncserver";

/** Most entries are the server's alone. */
export function entry(
  id: string,
  { part = "server", ...rest }: Omit<Requirement, "id" | "part"> & { readonly part?: Requirement["part"] },
): Requirement {
  return { id: requirementId(id), part, ...rest };
}
