import { expect, it } from "vitest";
import { missing } from "../src/bindings/jazz/node/library.ts";
import { load } from "../src/cli/load.ts";
import type { Result } from "../src/core/result.ts";

const LIMIT_MS = 120_000;
const isAbsent = missing() !== undefined;

/** Six members of one room; times are not what is looked at, so that it runs on a busy machine, too. */
function noise(more: { readonly mutant?: string; readonly durationMs?: number }): Promise<Result> {
  const { mutant, durationMs = 5_000 } = more;
  return load({
    scenario: "typing-noise",
    target: "jazz",
    parameters: { clients: 6, rooms: 1, ratePerSecond: 1, durationMs, rampMs: 2_000 },
    seed: "noise",
    ...(mutant === undefined ? {} : { mutant: { id: mutant } }),
  });
}

function brokenIn({ requirements }: Result): readonly string[] {
  return requirements.flatMap(({ id, reasons }) => reasons.filter((reason) => reason !== "late").map((reason) => `${id} ${reason}`));
}

it.skipIf(isAbsent)(
  "what goes beside the writes is judged and timed, and nothing breaks at the published relay and our hub",
  { timeout: LIMIT_MS },
  async () => {
    const result = await noise({});
    expect(brokenIn(result)).toEqual([]);
    const judged = result.requirements.map(({ id }) => id);
    expect(judged).toEqual(expect.arrayContaining(["JAZZ-SESS-02", "JAZZ-PRES-01", "JAZZ-PRES-02", "JAZZ-PRES-03"]));
    expect(result.load?.signals?.deliveryMs.count).toBeGreaterThan(50);
  },
);

it.skipIf(isAbsent).each([
  ["hub-loses-thread", "JAZZ-PRES-01 damaged"],
  ["hub-echoes-typing", "JAZZ-PRES-01 leaked"],
  ["hub-ignores-away", "JAZZ-PRES-03 absent"],
])("a load run names %s", { timeout: LIMIT_MS }, async (mutant, breaks) => {
  expect(brokenIn(await noise({ mutant, durationMs: mutant === "hub-ignores-away" ? 12_000 : 5_000 }))).toEqual([breaks]);
});
