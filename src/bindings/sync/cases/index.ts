import { authCases } from "./auth.ts";
import { cleanupCases } from "./cleanup.ts";
import { convergenceCases } from "./convergence.ts";
import { exchangeCases } from "./exchange.ts";
import { identityCases } from "./identity.ts";
import { jwtCases } from "./jwt.ts";
import { floodCases, limitCases } from "./limits.ts";
import { operationCases } from "./operation.ts";
import { pdsCases } from "./pds.ts";
import type { SyncCase } from "./support.ts";
import { tokenCases } from "./tokens.ts";
import { upkeepCases } from "./upkeep.ts";

/** What is special to this protocol; within a phase they begin in this order, what waits long first, what floods last. */
export const syncCases: readonly SyncCase[] = [
  ...authCases,
  ...jwtCases,
  ...identityCases,
  ...limitCases,
  ...tokenCases,
  ...exchangeCases,
  ...convergenceCases,
  ...cleanupCases,
  ...operationCases,
  ...upkeepCases,
  ...pdsCases,
  ...floodCases,
];
