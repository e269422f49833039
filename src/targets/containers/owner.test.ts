import { expect, test } from "vitest";
import { isOrphan, isOurs, runName, upName } from "./owner.ts";

test("a stack belongs to the run that made it, and is left behind once that is over", () => {
  const name = runName(4711);
  expect(isOurs(name)).toBe(true);
  expect(isOrphan(name, (pid) => pid === 4711)).toBe(false);
  expect(isOrphan(name, () => false)).toBe(true);
  // A stack of another machine on the same engine: nobody here can know whether its run is over.
  expect(isOrphan(name.replace(/run-[0-9a-f]{6}/, "run-ffffff"), () => false)).toBe(false);
});

test("a stack that is to stay is ours, and never left behind", () => {
  const name = upName("Playback compose_2");
  expect(name).toBe("rollcall-up-playback-compose-2");
  expect([isOurs(name), isOrphan(name, () => false)]).toEqual([true, false]);
});

test.each(["rollcall", "rollcall-runner", "testcontainers-1", "my-rollcall-up-x"])("%s is not ours", (name) => {
  expect(isOurs(name)).toBe(false);
});
