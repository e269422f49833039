import { HarnessError } from "../core/errors.ts";
import type { Scenario } from "../core/scenario.ts";
import { scenarios } from "../../scenarios/index.ts";
import { closest } from "./suggest.ts";

/**
 * The scenario of that name.
 * @throws HarnessError `usage` when there is none.
 */
export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((each) => each.name);
  const near = closest(name, names);
  throw new HarnessError("usage", `there is no scenario "${name}"`, {
    hint: `${near === undefined ? "" : `did you mean "${near}"? `}scenarios: ${names.join(", ")}`,
  });
}
