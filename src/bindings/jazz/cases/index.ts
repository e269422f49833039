import type { CaseDefinition } from "../../../core/case.ts";
import { authCases } from "./auth.ts";
import { capacityCases } from "./capacity.ts";
import { clientConnectionCases } from "./client-connection.ts";
import { clientFigureCases } from "./client-figures.ts";
import { clientQueueCases } from "./client-queue.ts";
import { clientViewCases } from "./client-view.ts";
import { convergenceCases } from "./convergence.ts";
import { deletionCases } from "./deletion.ts";
import { hubCases } from "./hub.ts";
import { orderingCases } from "./ordering.ts";
import { robustnessCases } from "./robustness.ts";
import { sessionCases } from "./session.ts";

/** What is special to jazz. */
export const cases: readonly CaseDefinition[] = [
  ...authCases,
  ...sessionCases,
  ...orderingCases,
  ...convergenceCases,
  ...deletionCases,
  ...hubCases,
  ...robustnessCases,
  ...capacityCases,
  ...clientConnectionCases,
  ...clientQueueCases,
  ...clientViewCases,
  ...clientFigureCases,
];
