import { expect, test } from "vitest";
import type { Phase } from "../../src/core/case.ts";
import { createLanes, type Lanes } from "./lanes.ts";

const limits = { shared: 2, quiet: 2, waiting: 2, own: 1, exclusive: 1 };
const none = { shared: 0, quiet: 0, waiting: 0, own: 0, exclusive: 0 };

/** Enters a case and notes when it may run. */
function enter(lanes: Lanes, phase: Phase, name: string, log: string[]): { leave(): void } {
  let leave: () => void = () => {};
  void lanes.enter(phase).then((given) => {
    log.push(name);
    leave = given;
  });
  return { leave: () => leave() };
}

/** Lets what is due happen. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("phases follow each other, each with as many cases at once as it may have", async () => {
  const log: string[] = [];
  const lanes = createLanes({ ...none, shared: 3, quiet: 1, exclusive: 1 }, limits, { exclusiveBeside: 0, isExclusiveApart: true });
  const first = enter(lanes, "shared", "s1", log);
  const second = enter(lanes, "shared", "s2", log);
  const third = enter(lanes, "shared", "s3", log);
  const quiet = enter(lanes, "quiet", "q", log);
  const exclusive = enter(lanes, "exclusive", "x", log);
  await turn();
  expect(log).toEqual(["s1", "s2"]);
  first.leave();
  await turn();
  expect(log).toEqual(["s1", "s2", "s3"]);
  second.leave();
  third.leave();
  await turn();
  expect(log.at(-1)).toBe("q");
  quiet.leave();
  await turn();
  expect(log.at(-1)).toBe("x");
  let isDone = false;
  void lanes.done().then(() => (isDone = true));
  await turn();
  expect(isDone).toBe(false);
  exclusive.leave();
  await turn();
  expect(isDone).toBe(true);
});

test("exclusive cases with a server of their own begin once few quiet ones are left", async () => {
  const log: string[] = [];
  const lanes = createLanes({ ...none, quiet: 2, exclusive: 1 }, limits, { exclusiveBeside: 1, isExclusiveApart: true });
  const quiet = enter(lanes, "quiet", "q1", log);
  enter(lanes, "quiet", "q2", log);
  enter(lanes, "exclusive", "x", log);
  await turn();
  expect(log).toEqual(["q1", "q2"]);
  quiet.leave();
  quiet.leave();
  await turn();
  expect(log).toEqual(["q1", "q2", "x"]);
});

test("cases on servers of their own run beside those that wait; exclusive ones only where they have a server for themselves", async () => {
  for (const isExclusiveApart of [true, false]) {
    const log: string[] = [];
    const lanes = createLanes({ ...none, waiting: 1, own: 2, exclusive: 1 }, limits, { exclusiveBeside: 0, isExclusiveApart });
    const waits = enter(lanes, "waiting", "w", log);
    const first = enter(lanes, "own", "o1", log);
    const second = enter(lanes, "own", "o2", log);
    enter(lanes, "exclusive", "x", log);
    await turn();
    expect(log).toEqual(isExclusiveApart ? ["w", "o1", "x"] : ["w", "o1"]);
    for (const each of [first, second, waits]) {
      each.leave();
      await turn();
    }
    expect(log).toContain("x");
  }
});
