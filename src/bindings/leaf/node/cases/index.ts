import type { CaseDefinition } from "../../../../core/case.ts";
import { accessCases } from "./access.ts";
import { journeyCases } from "./journey.ts";
import { limitCases } from "./limits.ts";
import { orderCases } from "./order.ts";
import { runningCases } from "./running.ts";
import { signInCases } from "./sign-in.ts";
import { viewCases } from "./views.ts";

/** What is special to leaf; the general cases come from the conformance room. */
export const cases: readonly CaseDefinition[] = [
  ...signInCases,
  ...journeyCases,
  ...orderCases,
  ...viewCases,
  ...accessCases,
  ...limitCases,
  ...runningCases,
];
