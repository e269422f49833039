import { expect, test } from "vitest";
import { mutants } from "./mutants.ts";
import { FAULTS } from "./reference/faulty/index.ts";
import { requirements } from "./requirements.ts";

test("every mutant has its fault, and every fault its mutant", () => {
  expect(mutants.map(({ id }) => id).toSorted()).toEqual(Object.keys(FAULTS).toSorted());
});

test("every requirement of a server that can fail is broken by some mutant", () => {
  const broken = new Set<string>(mutants.flatMap(({ breaks }) => breaks.map(({ id }) => id)));
  const open = requirements.filter(({ id, reported, noMutant }) => reported === undefined && noMutant === undefined && !broken.has(id));
  expect(open.map(({ id }) => id)).toEqual([]);
});

test("the catalogue has its 45 entries", () => {
  expect(requirements).toHaveLength(45);
  expect(new Set(requirements.map(({ id }) => id)).size).toBe(45);
});
