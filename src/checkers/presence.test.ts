import { expect, test } from "vitest";
import { mergeOutcomes, withoutTimed } from "../core/checker.ts";
import type { Detail } from "../core/observation.ts";
import { createPresence } from "./presence.ts";

/** Two members; the second is gone at 1,000 ms. */
function afterLeaving() {
  const checker = createPresence({ withinMs: 5000, silentMembersMax: 1 });
  const see = (atMs: number, client: number, detail: Detail): void => checker.observe({ ...detail, atMs, client, room: "room" });
  for (const client of [1, 2]) {
    see(client, client, { kind: "connected", user: `user ${client}` });
    see(client, client, { kind: "lifecycle", event: "joined" });
  }
  see(3, 1, { kind: "presence", event: "joined", user: "user 2", count: 2 });
  see(1000, 2, { kind: "disconnected", code: 1006, reason: "", wanted: false });
  return { checker, see };
}

test("what a member is told too late, or reads too early, may be the lateness of a harness that fell behind", () => {
  const { checker, see } = afterLeaving();
  see(7000, 1, { kind: "snapshot", askedMs: 6900, content: "", members: ["user 1", "user 2"] });
  see(9000, 1, { kind: "presence", event: "left", user: "user 2", count: 1 });
  const outcome = checker.finish(60_000);
  expect(outcome.broken).toEqual({ ghost: 1, late: 1 });
  const left = withoutTimed(outcome, "lag");
  expect([left.broken, left.findings]).toEqual([{}, []]);
  expect(left.inconclusiveBecause).toContain("lag");
});

test("what is never put right is no lateness", () => {
  const { checker } = afterLeaving();
  const outcome = checker.finish(60_000);
  expect(withoutTimed(mergeOutcomes(outcome, afterLeaving().checker.finish(8000)), "lag").broken).toEqual({ ghost: 1 });
});

test("a list that names a member twice is no matter of time", () => {
  const { checker, see } = afterLeaving();
  see(1100, 1, { kind: "snapshot", askedMs: 1050, content: "", members: ["user 1", "user 1"] });
  expect(withoutTimed(checker.finish(1200), "lag").broken).toEqual({ miscounted: 1 });
});
