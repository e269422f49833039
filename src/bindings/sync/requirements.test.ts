import { expect, test } from "vitest";
import { requirements } from "./requirements.ts";

test("the catalogue holds 48 entries with ids of their own: 18 MUST, 28 SHOULD, 2 MAY", () => {
  expect(new Set(requirements.map(({ id }) => id)).size).toBe(48);
  const counts = Object.groupBy(requirements, ({ level }) => level);
  expect([counts.MUST?.length, counts.SHOULD?.length, counts.MAY?.length]).toEqual([18, 28, 2]);
  const reach = Object.groupBy(requirements, (each) => each.reach);
  expect([
    reach.wire?.length,
    reach["wire+clock"]?.length,
    reach["wire x2"]?.length,
    reach.fixture?.length,
    reach.hook?.length,
    reach.none?.length,
  ]).toEqual([23, 5, 1, 5, 12, 2]);
});

test("every entry cites a section of its source and ends its sentences", () => {
  for (const { id, source, statement, check } of requirements) {
    expect(source, id).toMatch(/^architecture review of roomy-syncserver › /);
    expect(statement, id).toMatch(/\.$/);
    expect(check, id).toMatch(/\.$/);
  }
});
