import { expect, it } from "vitest";
import { absentees } from "./load-result.ts";

it("doubts a run in which more than a hundredth of the clients never came into a room", () => {
  expect(absentees({ clients: 1_000, joinMs: { count: 1_000 } })).toEqual([]);
  expect(absentees({ clients: 1_000, joinMs: { count: 990 } })).toEqual([]);
  expect(absentees({ clients: 1_000, joinMs: { count: 989 } })).toEqual([expect.stringContaining("11 of 1000 clients")]);
  expect(absentees({ clients: 10, joinMs: { count: 0 } })).toHaveLength(1);
});

it("does not mind clients that came several times", () => {
  expect(absentees({ clients: 10, joinMs: { count: 25 } })).toEqual([]);
});
