import { authCases } from "./auth.ts";
import { cleanupCases } from "./cleanup.ts";
import { convergenceCases } from "./convergence.ts";
import { exchangeCases } from "./exchange.ts";
import { identityCases } from "./identity.ts";
import { jwtCases } from "./jwt.ts";
import { limitCases } from "./limits.ts";
import { operationCases } from "./operation.ts";
import { pdsCases } from "./pds.ts";
import type { SyncCase } from "./support.ts";
import { tokenCases } from "./tokens.ts";
import { upkeepCases } from "./upkeep.ts";

/** What is special to this protocol. */
export const syncCases: readonly SyncCase[] = [
  ...authCases,
  ...jwtCases,
  ...tokenCases,
  ...exchangeCases,
  ...convergenceCases,
  ...cleanupCases,
  ...identityCases,
  ...limitCases,
  ...operationCases,
  ...upkeepCases,
  ...pdsCases,
];
