import { expect, it } from "vitest";
import { requirements } from "./requirements.ts";

it("holds every requirement of the protocol, by part and level", () => {
  expect(requirements).toHaveLength(50);
  expect(new Set(requirements.map(({ id }) => id)).size).toBe(50);
  const count = (level: string): number => requirements.filter((each) => each.level === level).length;
  expect([count("MUST"), count("SHOULD"), count("MAY")]).toEqual([26, 23, 1]);
});
