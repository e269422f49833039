import type { BindingManifest } from "../../src/core/binding.ts";
import type { CaseDefinition } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Requirement } from "../../src/core/requirement.ts";
import type { ResolvedTarget } from "../../src/core/target.ts";

/**
 * Capabilities as they hold for a target: what it declares, else what it gives (a second URL, a process to restart,
 * a metrics hook), else the binding's default.
 */
export function capabilitiesOf(
  manifest: Pick<BindingManifest, "capabilities">,
  target: Pick<ResolvedTarget, "capabilities" | "urls" | "hooks">,
  hasProcess: boolean,
): Readonly<Record<string, boolean>> {
  const given: Record<string, boolean> = { secondUrl: target.urls.length > 1, restart: hasProcess, metrics: target.hooks.metrics !== undefined };
  const known: Record<string, boolean> = {};
  for (const [name, capability] of Object.entries(manifest.capabilities)) {
    known[name] = target.capabilities[name] ?? (capability.default || given[name] === true);
  }
  return known;
}

/** What a run is to judge. */
export interface Selection {
  readonly cases: readonly CaseDefinition[];
  /** Requirements asked for; the rest of the catalogue is left out of the verdict. */
  readonly ids: ReadonlySet<RequirementId>;
  /** Why cases asked for do not run, by requirement. */
  readonly gated: ReadonlyMap<RequirementId, string>;
}

/**
 * Chooses cases by `only` (a requirement id, a case name, or a pattern with `*`; part of a word is enough) and by
 * capabilities. Undefined when `only` fits nothing.
 */
export function selectCases(
  all: readonly CaseDefinition[],
  requirements: readonly Requirement[],
  capabilities: Readonly<Record<string, boolean>>,
  only: string | undefined,
): Selection | undefined {
  const ids = idsOf(all, requirements, only);
  if (ids === undefined) return undefined;
  const byId = only === undefined || requirements.some((requirement) => fits(only, requirement.id));
  const asked = byId ? all.filter((each) => each.ids.some((id) => ids.has(id))) : all.filter((each) => fits(only, each.name));
  const off = new Map<RequirementId, string>();
  for (const requirement of requirements) {
    const missing = requirement.needs?.find((name) => capabilities[name] !== true);
    if (missing !== undefined) off.set(requirement.id, `capability ${missing} is off`);
  }
  const cases: CaseDefinition[] = [];
  const gated = new Map(off);
  for (const each of asked) {
    const missing = each.needs?.find((name) => capabilities[name] !== true);
    if (missing === undefined && each.ids.some((id) => !off.has(id))) cases.push(each);
    else if (missing !== undefined) for (const id of each.ids) if (!gated.has(id)) gated.set(id, `capability ${missing} is off`);
  }
  return { cases, ids, gated };
}

function idsOf(all: readonly CaseDefinition[], requirements: readonly Requirement[], only: string | undefined): Set<RequirementId> | undefined {
  if (only === undefined) return new Set(requirements.map((requirement) => requirement.id));
  const direct = requirements.filter((requirement) => fits(only, requirement.id));
  if (direct.length > 0) return new Set(direct.map((requirement) => requirement.id));
  const named = all.filter((each) => fits(only, each.name));
  return named.length > 0 ? new Set(named.flatMap((each) => each.ids)) : undefined;
}

/** Whether a pattern fits a name: `*` stands for anything; without one, part of the name is enough. Case does not count. */
export function fits(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase();
  const text = name.toLowerCase();
  if (!wanted.includes("*")) return text.includes(wanted);
  const pieces = wanted.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}$`).test(text);
}
