import type { CaseDefinition } from "../../../core/case.ts";
import { capacityCases } from "./capacity.ts";
import { convergenceCases } from "./convergence.ts";
import { errorCases } from "./errors.ts";
import { heartbeatCases } from "./heartbeat.ts";
import { isolationCases } from "./isolation.ts";
import { latencyCases } from "./latency.ts";
import { orderingCases } from "./ordering.ts";
import { positionCases } from "./position.ts";
import { presenceCases } from "./presence.ts";
import { raceCases } from "./races.ts";
import { resumeCases } from "./resume.ts";
import { securityCases } from "./security.ts";
import { sessionCases } from "./session.ts";

/** What is special to playback; what holds for every binding is in `conformance/cases`. */
export const cases: readonly CaseDefinition[] = [
  ...sessionCases,
  ...orderingCases,
  ...convergenceCases,
  ...raceCases,
  ...positionCases,
  ...heartbeatCases,
  ...presenceCases,
  ...resumeCases,
  ...isolationCases,
  ...latencyCases,
  ...errorCases,
  ...capacityCases,
  ...securityCases,
];
