import { expect, it } from "vitest";
import { mutants } from "../mutants.ts";
import { faultOf } from "./faults.ts";

it.each(mutants.map(({ id }) => id))("has behaviour for the mutant %s", (id) => {
  const fault = faultOf(id);
  expect(fault.relay ?? fault.hub ?? fault.forgets).toBeDefined();
});

it("knows no other", () => {
  expect(faultOf("")).toEqual({});
  expect(() => faultOf("nonsense")).toThrow(RangeError);
});
