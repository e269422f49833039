import { expect, test } from "vitest";
import type { Detail } from "../core/observation.ts";
import { createConnections } from "./connections.ts";

function brokenBy(...details: readonly Detail[]): unknown {
  const checker = createConnections();
  for (const [index, detail] of details.entries()) checker.observe({ ...detail, atMs: index, client: 3, room: "r" });
  return checker.finish(99).broken;
}
const joined: Detail = { kind: "lifecycle", event: "joined" };
const closed: Detail = { kind: "disconnected", code: 1006, reason: "", wanted: false };

test("a member that is put out is closed", () => {
  expect(brokenBy(joined, closed)).toEqual({ closed: 1 });
});

test("who leaves, whose room is gone, or who was never in is not", () => {
  expect(brokenBy(joined, { ...closed, wanted: true })).toEqual({});
  expect(brokenBy(joined, { kind: "lifecycle", event: "gone" }, closed)).toEqual({});
  expect(brokenBy(closed)).toEqual({});
  expect(brokenBy(joined, closed, closed)).toEqual({ closed: 1 });
});

test("what the protocol does not know counts for its own reason", () => {
  expect(brokenBy({ kind: "problem", reason: "malformed", text: "no type" })).toEqual({ malformed: 1 });
});
