import type { CaseDefinition } from "../../../core/case.ts";
import { convergenceCases } from "./convergence.ts";
import { errorCases } from "./errors.ts";
import { hardnessCases } from "./hardness.ts";
import { isolationCases } from "./isolation.ts";
import type { Kit } from "./kit.ts";
import { orderingCases } from "./ordering.ts";
import { presenceCases } from "./presence.ts";
import { resumeCases } from "./resume.ts";
import { sessionCases } from "./session.ts";
import { spreadCases } from "./spread.ts";

/** What is special to this protocol; a runtime gives sockets and the document model. */
export function casesWith(kit: Kit): readonly CaseDefinition[] {
  return [
    sessionCases,
    orderingCases,
    convergenceCases,
    presenceCases,
    resumeCases,
    isolationCases,
    errorCases,
    hardnessCases,
    spreadCases,
  ].flatMap((make) => make(kit));
}
