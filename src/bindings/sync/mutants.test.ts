import { expect, test } from "vitest";
import { isReason } from "../../core/reason.ts";
import { mutants } from "./mutants.ts";
import { FAULT_IDS } from "./reference/faults.ts";
import { requirements } from "./requirements.ts";

const known = new Set(requirements.map(({ id }) => id));

test("ids are in kebab-case, and every mutant is a fault of the reference server and the other way round", () => {
  const ids = mutants.map(({ id }) => id);
  expect(ids.filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id))).toEqual([]);
  expect(ids.toSorted()).toEqual([...FAULT_IDS].toSorted());
});

test("every mutant breaks requirements of the catalogue that are judged, for reasons of the closed list", () => {
  for (const { id, breaks, also = [] } of mutants) {
    for (const broken of [...breaks, ...also]) {
      expect(known.has(broken.id), `${id}: ${broken.id}`).toBe(true);
      expect(isReason(broken.reason), `${id}: ${broken.reason}`).toBe(true);
    }
    for (const broken of breaks) expect(requirements.find((each) => each.id === broken.id)?.reported, id).toBeUndefined();
  }
});

test("every judged requirement has a mutant", () => {
  const proved = new Set(mutants.flatMap(({ breaks }) => breaks.map(({ id }) => id)));
  expect(requirements.filter(({ id, reported }) => reported === undefined && !proved.has(id)).map(({ id }) => id)).toEqual([]);
});
