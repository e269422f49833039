import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";
import { smoke } from "../scenarios/smoke.k6.ts";

/** A script that hangs at load (k6 does that on syntax it half knows) must not hang the tests. */
const K6_MS_MAX = 60_000;

function findK6(): string | undefined {
  const named = process.env["K6_BIN"];
  if (named !== undefined && named !== "") return named;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), "go", "bin")];
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, "k6"))
    .find((path) => existsSync(path));
}

const SCRIPT = fileURLToPath(new URL("../scenarios/smoke.k6.ts", import.meta.url));
const k6 = findK6();

describe("the playback session", () => {
  it("does the same twice from one seed, and something else from another", ({ expect }) => {
    expect(smoke("one")).toBe(smoke("one"));
    expect(smoke("one")).not.toBe(smoke("two"));
  });

  it.skipIf(k6 === undefined)(
    "does in stock k6, to the byte, what it does in Node (skipped where there is no k6: set K6_BIN or put it on PATH)",
    { timeout: K6_MS_MAX + 5_000 },
    ({ expect }) => {
      const run = spawnSync(
        k6 ?? "k6",
        ["run", "--quiet", "--no-usage-report", "--no-summary", "--address", "", "-e", "SEED=seam", SCRIPT],
        { encoding: "utf8", timeout: K6_MS_MAX },
      );
      expect(run.error, `k6 did not run: ${run.stderr}`).toBeUndefined();
      const digest = /rollcall-smoke ([0-9a-f-]+)/.exec(run.stdout + run.stderr)?.[1];
      expect(digest, `k6 printed no digest: ${run.stdout}${run.stderr}`).toBe(smoke("seam"));
    },
  );
});
