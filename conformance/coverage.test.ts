import { describe, expect, it } from "vitest";
import { AREAS } from "../src/core/binding.ts";
import { PROPERTIES } from "../src/core/checker.ts";
import type { Uncovered } from "../src/core/requirement.ts";
import { bindingNames, loadBinding } from "../src/cli/registry.ts";
import { generalCases } from "./cases/index.ts";

const KINDS: ReadonlySet<Uncovered["kind"]> = new Set(["client-only", "browser-only", "not-visible", "needs"]);

function isReasoned(reason: Uncovered | undefined, capabilities: Readonly<Record<string, unknown>>): boolean {
  if (reason === undefined || !KINDS.has(reason.kind) || reason.because.trim() === "") return false;
  return reason.kind !== "needs" || Object.hasOwn(capabilities, reason.capability);
}

describe.each(bindingNames())("binding %s", async (name) => {
  const binding = await loadBinding(name);
  const { manifest, requirements, mutants } = binding;
  const cases = [...generalCases(binding), ...(await binding.cases())];
  const known = new Set<string>(requirements.map(({ id }) => id));
  const judged = new Set<string>(cases.flatMap(({ ids }) => [...ids]));
  const broken = new Set<string>(mutants.flatMap(({ breaks }) => breaks.map(({ id }) => id)));

  it("has a case or a written reason for every requirement", () => {
    const without = requirements
      .filter(({ id, noCase }) => !judged.has(id) && !isReasoned(noCase, manifest.capabilities))
      .map(({ id }) => id);
    expect(without).toEqual([]);
  });

  it("has a mutant or a written reason for every requirement that can be broken", () => {
    const without = requirements
      .filter(({ id, reported, noMutant }) => reported === undefined && !broken.has(id) && !isReasoned(noMutant, manifest.capabilities))
      .map(({ id }) => id);
    expect(without).toEqual([]);
  });

  it("says why a requirement is only reported", () => {
    expect(requirements.filter(({ reported }) => reported?.trim() === "").map(({ id }) => id)).toEqual([]);
  });

  it("judges by its cases nothing but its own requirements", () => {
    expect(cases.flatMap((each) => each.ids.filter((id) => !known.has(id)).map((id) => `${each.name}: ${id}`))).toEqual([]);
    expect(cases.filter(({ ids }) => ids.length === 0).map((each) => each.name)).toEqual([]);
  });

  it("breaks by its mutants nothing but its own requirements", () => {
    const all = mutants.flatMap((mutant) => [...mutant.breaks, ...(mutant.also ?? [])].map(({ id }) => ({ mutant: mutant.id, id })));
    expect(all.filter(({ id }) => !known.has(id))).toEqual([]);
  });

  it("names its own requirements for areas and properties that exist", () => {
    for (const [area, id] of Object.entries(manifest.areas)) {
      expect(AREAS).toContain(area);
      expect(known, `area ${area}`).toContain(id);
    }
    for (const [property, judge] of Object.entries(manifest.judges)) {
      expect(PROPERTIES).toContain(property);
      for (const id of typeof judge === "string" ? [judge] : Object.values(judge)) expect(known, `property ${property}`).toContain(id);
    }
  });

  it("names only capabilities that it declares", () => {
    const needed = [...requirements.flatMap(({ needs }) => needs ?? []), ...cases.flatMap(({ needs }) => needs ?? [])];
    expect(needed.filter((capability) => !Object.hasOwn(manifest.capabilities, capability))).toEqual([]);
  });

  it("gives every case a name and every mutant an id of its own", () => {
    const names = cases.map((each) => each.name);
    const ids = mutants.map(({ id }) => id);
    expect(names.filter((each, index) => names.indexOf(each) !== index)).toEqual([]);
    expect(ids.filter((each, index) => ids.indexOf(each) !== index)).toEqual([]);
  });
});
