import type { Mutant } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import { loadBinding } from "./registry.ts";
import { closest } from "./suggest.ts";

/** A mutant as a reference server is told of it. */
export interface MutantChoice {
  readonly id: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly replicas?: number;
}

/** Of a mutant what its server is started with. */
export function choiceOf({ id, env, replicas }: Mutant): MutantChoice {
  return { id, ...(env === undefined ? {} : { env }), ...(replicas === undefined ? {} : { replicas }) };
}

/**
 * A mutant of a binding by its id, with the environment it needs.
 * @throws HarnessError `usage` for an unknown id, with the nearest one.
 */
export async function findMutant(binding: string, id: string): Promise<MutantChoice> {
  const { mutants } = await loadBinding(binding);
  const mutant = mutants.find((each) => each.id === id);
  if (mutant !== undefined) return choiceOf(mutant);
  const near = closest(
    id,
    mutants.map((each) => each.id),
  );
  throw new HarnessError("usage", `${binding} has no mutant "${id}"`, {
    hint: near === undefined ? "`rollcall list` names them" : `did you mean "${near}"?`,
  });
}
