import { expect, test } from "vitest";
import { isReason } from "../../core/reason.ts";
import { mutants } from "./mutants.ts";
import { FAULT_IDS } from "./reference/faulty/index.ts";
import { SHARED_FAULT_IDS } from "./reference/shared/faulty.ts";
import { requirements } from "./requirements.ts";

const known = new Set(requirements.map(({ id }) => id));

test("ids are in kebab-case and no two mutants share one", () => {
  const ids = mutants.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
});

test("every mutant is a fault of the reference server, and every fault a mutant", () => {
  expect(mutants.map(({ id }) => id).toSorted()).toEqual([...FAULT_IDS, ...SHARED_FAULT_IDS].toSorted());
});

test("every mutant breaks requirements of the catalogue that are judged, for reasons of the closed list", () => {
  for (const { id, breaks, also = [] } of mutants) {
    expect(breaks.length, id).toBeGreaterThan(0);
    for (const broken of [...breaks, ...also]) {
      expect(known.has(broken.id), `${id}: ${broken.id}`).toBe(true);
      expect(isReason(broken.reason), `${id}: ${broken.reason}`).toBe(true);
    }
    for (const broken of breaks) expect(requirements.find((requirement) => requirement.id === broken.id)?.reported, id).toBeUndefined();
  }
});

test("every judged requirement without a written reason against it has a mutant", () => {
  const proved = new Set(mutants.flatMap(({ breaks }) => breaks.map(({ id }) => id)));
  const unproved = requirements.filter(({ id, reported, noMutant }) => reported === undefined && noMutant === undefined && !proved.has(id));
  expect(unproved.map(({ id }) => id)).toEqual([]);
});
