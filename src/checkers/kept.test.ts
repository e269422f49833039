import { expect, test } from "vitest";
import type { Observation } from "../core/observation.ts";
import { createKept } from "./kept.ts";

const LATE = 100;
const marker = (author: number, n: number) => ({ run: "r", author, n, intact: true });

/** Plays observations a millisecond apart in one room; gives what broke. */
function judge(recalls: boolean, ...seen: readonly (readonly [client: number, detail: Record<string, unknown>])[]) {
  const checker = createKept({ run: "r", latecomersFrom: LATE, recalls });
  for (const [atMs, [client, detail]] of seen.entries()) checker.observe({ client, room: "a", atMs, ...detail } as Observation);
  const { judged, broken } = checker.finish(1000);
  return { judged, broken };
}

const write = (n: number) => ({ kind: "invoked", op: n, act: "write", plannedMs: 0, marker: marker(1, n) });
const accepted = (op: number) => ({ kind: "accepted", op });
const recalled = (n: number) => ({ kind: "recalled", marker: marker(1, n) });
const joined = { kind: "lifecycle", event: "joined" };
const state = (content: string, last?: ReturnType<typeof marker>) => ({
  kind: "snapshot",
  askedMs: 500,
  content,
  ...(last === undefined ? {} : { marker: last }),
});

test("what was confirmed and is shown to somebody new is kept; what was never confirmed may be there or not", () => {
  expect(
    judge(true, [1, write(1)], [1, accepted(1)], [1, write(2)], [1, write(3)], [LATE, joined], [LATE, recalled(1)], [LATE, recalled(3)]),
  ).toEqual({
    judged: 1,
    broken: {},
  });
});

test("what was confirmed and is gone is lost, also when nothing is left", () => {
  expect(judge(true, [1, write(1)], [1, accepted(1)], [1, write(2)], [1, accepted(2)], [LATE, joined], [LATE, recalled(2)]).broken).toEqual(
    { lost: 1 },
  );
  expect(judge(true, [1, write(1)], [1, accepted(1)], [LATE, joined]).broken).toEqual({ lost: 1 });
});

test("what is there twice is doubled", () => {
  expect(judge(true, [1, write(1)], [1, accepted(1)], [LATE, joined], [LATE, recalled(1)], [LATE, recalled(1)]).broken).toEqual({
    doubled: 1,
  });
});

test("where nobody new came in, nothing is judged", () => {
  expect(judge(true, [1, write(1)], [1, accepted(1)])).toEqual({ judged: 0, broken: {} });
});

test("somebody new is shown what the members are shown", () => {
  expect(judge(false, [1, write(1)], [1, state("ab")], [2, state("ab")], [LATE, state("ab")])).toEqual({ judged: 1, broken: {} });
  expect(judge(false, [1, write(1)], [1, state("ab")], [2, state("ab")], [LATE, state("a")]).broken).toEqual({ lost: 1 });
});

test("states that name their last write are compared by it", () => {
  const last = marker(1, 4);
  expect(judge(false, [1, state("at 3 s", last)], [LATE, state("at 5 s", last)]).broken).toEqual({});
  expect(judge(false, [1, state("same", last)], [LATE, state("same", marker(1, 3))]).broken).toEqual({ lost: 1 });
});

test("a room that somebody new is told does not exist is lost, if anything was confirmed in it", () => {
  const refused = { kind: "rejected", code: "join", text: "there is no such space", gone: true };
  const full = { kind: "rejected", code: "join", text: "it is full" };
  expect(judge(false, [1, write(1)], [1, accepted(1)], [LATE, refused]).broken).toEqual({ lost: 1 });
  expect(judge(false, [1, write(1)], [1, accepted(1)], [LATE, refused], [LATE + 1, joined]).broken).toEqual({});
  expect(judge(false, [1, write(1)], [LATE, refused])).toEqual({ judged: 0, broken: {} });
  expect(judge(false, [1, write(1)], [1, accepted(1)], [LATE, full])).toEqual({ judged: 0, broken: {} });
});
