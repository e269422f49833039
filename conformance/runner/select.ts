import type { BindingManifest } from "../../src/core/binding.ts";
import type { CaseDefinition } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Requirement } from "../../src/core/requirement.ts";
import type { ResolvedTarget } from "../../src/core/target.ts";

/** Capabilities as they hold for a target: what it declares (or gives a hook for), else the binding's default (X-1). */
export function capabilitiesOf(
  manifest: Pick<BindingManifest, "capabilities">,
  target: Pick<ResolvedTarget, "capabilities">,
): Readonly<Record<string, boolean>> {
  return Object.fromEntries(
    Object.entries(manifest.capabilities).map(([name, capability]) => [name, target.capabilities[name] ?? capability.default]),
  );
}

/** What a run is to judge. */
export interface Selection {
  readonly cases: readonly CaseDefinition[];
  /** Requirements asked for; the rest of the catalogue is left out of the verdict. */
  readonly ids: ReadonlySet<RequirementId>;
  /** Requirements that some case will judge. */
  readonly planned: ReadonlySet<RequirementId>;
  /** Requirements that are skipped, and why. */
  readonly gated: ReadonlyMap<RequirementId, string>;
}

export interface SelectOptions {
  readonly cases: readonly CaseDefinition[];
  readonly requirements: readonly Requirement[];
  readonly capabilities: Readonly<Record<string, boolean>>;
  /** Requirement ids, case names, or patterns of either; empty for all. */
  readonly only: readonly string[];
  /** What turns a capability on that is off, for the reason of what is skipped. */
  readonly remedies?: Readonly<Record<string, string>>;
  /** Why a case must not run here, beside capabilities; undefined when it may. */
  readonly barred?: (definition: CaseDefinition) => string | undefined;
}

/** Chooses cases by pattern and capabilities. Undefined when a pattern fits nothing. */
export function selectCases(options: SelectOptions): Selection | undefined {
  const asked = askedFor(options);
  if (asked === undefined) return undefined;
  const isOff = (name: string): boolean => options.capabilities[name] !== true;
  const isOffBecause = (name: string): string => {
    const remedy = options.remedies?.[name];
    return `capability ${name} is off${remedy === undefined ? "" : `: ${remedy}`}`;
  };
  const gated = new Map<RequirementId, string>();
  for (const requirement of options.requirements) {
    const missing = requirement.needs?.find(isOff);
    if (missing !== undefined && asked.ids.has(requirement.id)) gated.set(requirement.id, isOffBecause(missing));
  }
  const off = new Set(gated.keys());
  const cases: CaseDefinition[] = [];
  const held: (readonly [CaseDefinition, string])[] = [];
  for (const each of asked.cases) {
    const missing = each.needs?.find(isOff);
    const because = missing === undefined ? options.barred?.(each) : isOffBecause(missing);
    if (because !== undefined) held.push([each, because]);
    else if (each.ids.some((id) => !off.has(id))) cases.push(each);
  }
  const planned = new Set(cases.flatMap((each) => each.ids).filter((id) => !off.has(id)));
  for (const [each, because] of held) for (const id of each.ids) if (!planned.has(id) && !gated.has(id)) gated.set(id, because);
  return { cases, ids: asked.ids, planned, gated };
}

interface Asked {
  readonly ids: Set<RequirementId>;
  readonly cases: Set<CaseDefinition>;
}

/** A pattern that fits requirement ids asks for those; otherwise it names cases and asks for all that they judge. */
function askedFor({ cases, requirements, only }: SelectOptions): Asked | undefined {
  if (only.length === 0) return { ids: new Set(requirements.map((each) => each.id)), cases: new Set(cases) };
  const asked: Asked = { ids: new Set(), cases: new Set() };
  for (const pattern of only) {
    const ids = requirements.filter((each) => fits(pattern, each.id)).map((each) => each.id);
    const fitting =
      ids.length > 0 ? cases.filter((each) => each.ids.some((id) => ids.includes(id))) : cases.filter((each) => fits(pattern, each.name));
    if (ids.length === 0 && fitting.length === 0) return undefined;
    for (const each of fitting) asked.cases.add(each);
    for (const id of ids.length > 0 ? ids : fitting.flatMap((each) => each.ids)) asked.ids.add(id);
  }
  return asked;
}

/** Whether a pattern fits a name: `*` stands for anything; without one, part of the name is enough. Case does not count. */
export function fits(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase();
  const text = name.toLowerCase();
  if (!wanted.includes("*")) return text.includes(wanted);
  const pieces = wanted.split("*").map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${pieces.join(".*")}$`).test(text);
}
