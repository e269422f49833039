import { expect, it } from "vitest";
import { absentees } from "./load-result.ts";

it("doubts a run in which more than a hundredth of the clients never came into a room", () => {
  expect(absentees(1_000, 1_000)).toEqual([]);
  expect(absentees(1_000, 990)).toEqual([]);
  expect(absentees(1_000, 989)).toEqual([expect.stringContaining("11 of 1000 clients")]);
});

it("leaves a run to which nobody came to those who say why", () => {
  expect(absentees(10, 0)).toEqual([]);
});
