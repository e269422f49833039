import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** `npm run verify`: everything that must hold before a change is taken. Goes on after a failure, to name all of them. */
const root = join(import.meta.dirname, "..");
const STEPS = ["format", "lint", "types", "arrows", "docs:check", "unused", "unit", "conformance", "package"] as const;

const asked = process.argv.slice(2);
const failed: string[] = [];
for (const step of STEPS) {
  if (asked.length > 0 && !asked.includes(step)) continue;
  const begunMs = performance.now();
  console.log(`\n=== ${step}`);
  const { status } = spawnSync("npm", ["run", "--silent", step], { cwd: root, stdio: "inherit" });
  console.log(`=== ${step}: ${status === 0 ? "ok" : "FAILED"} in ${((performance.now() - begunMs) / 1_000).toFixed(1)} s`);
  if (status !== 0) failed.push(step);
}
console.log(failed.length === 0 ? "\nverified" : `\nfailed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
