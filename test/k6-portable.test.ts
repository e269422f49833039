import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { portable } from "../scenarios/portable.k6.ts";
import { findK6 } from "../src/cli/k6-find.ts";

/** A script that hangs at load must not hang the tests. */
const K6_MS_MAX = 60_000;

const SCRIPT = fileURLToPath(new URL("../scenarios/portable.k6.ts", import.meta.url));
const k6 = await findK6().catch(() => undefined);
const program = k6?.command(".");

describe("what stands in for what a runtime lacks", () => {
  it("does the same twice from one seed, and something else from another", ({ expect }) => {
    expect(portable("one")).toBe(portable("one"));
    expect(portable("one")).not.toBe(portable("two"));
  });

  it.skipIf(program === undefined)(
    "does in stock k6 what it does in Node (skipped where there is no k6)",
    { timeout: K6_MS_MAX + 5_000 },
    ({ expect }) => {
      const [name = "k6", ...words] = program ?? [];
      const run = spawnSync(
        name,
        [...words, "run", "--quiet", "--no-usage-report", "--summary-mode", "disabled", "--address", "", SCRIPT],
        {
          encoding: "utf8",
          timeout: K6_MS_MAX,
        },
      );
      const digest = /rollcall-portable ([0-9a-f-]+)/.exec(run.stdout + run.stderr)?.[1];
      expect(digest, `k6 printed no digest: ${run.stdout}${run.stderr}`).toBe(portable("portable"));
    },
  );
});
