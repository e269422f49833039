import type { Binding } from "../core/binding.ts";
import type { CaseDefinition } from "../core/case.ts";
import { HarnessError } from "../core/errors.ts";
import { generalCases } from "../../conformance/cases/index.ts";

/**
 * Every case of a binding: the general ones for the areas that it names, and its own.
 * @throws HarnessError `internal` when two cases share a name: rows could not be told apart.
 */
export async function allCases(binding: Binding): Promise<readonly CaseDefinition[]> {
  const cases = [...generalCases(binding), ...(await binding.cases())];
  const names = new Set<string>();
  for (const { name } of cases) {
    if (names.has(name)) throw new HarnessError("internal", `binding ${binding.manifest.name} has two cases named ${name}`);
    names.add(name);
  }
  return cases;
}
