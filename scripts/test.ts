import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readCounts } from "./counts.ts";

/**
 * `npm test`: unit tests, then the conformance check of the playback reference server. Ends with one line,
 * `N passed, N failed`, counted from what both have written. `ROLLCALL_ALSO="faults containers"` counts what those
 * commands have done before, too.
 */
const root = join(import.meta.dirname, "..");
const out = join(root, "rollcall-report", "test");
mkdirSync(out, { recursive: true });

/** Nothing failed, and something could not be judged. */
const EXIT_INCONCLUSIVE = 4;

function node(args: readonly string[]): number {
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 5;
}

function read<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

interface Units {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
}

interface Checked {
  readonly requirements: readonly { readonly verdict: string }[];
}

const unitFile = join(out, "unit.json");
const unitStatus = node([
  "node_modules/vitest/vitest.mjs",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${unitFile}`,
  ...process.argv.slice(2),
]);
const check = (): number => node(["bin/rollcall.js", "check", "playback", "--out", join(out, "check")]);
let checkStatus = check();
if (checkStatus === EXIT_INCONCLUSIVE) {
  console.log("\nthe check was inconclusive, as on a machine that was busy just then: once more");
  checkStatus = check();
}

const units = read<Units>(unitFile);
const checked = read<Checked>(join(out, "check", "result.json"));
const count = (verdict: string): number => checked?.requirements.filter((each) => each.verdict === verdict).length ?? 0;
const also = (process.env["ROLLCALL_ALSO"] ?? "").split(" ").flatMap((name) => (name === "" ? [] : readCounts(name)));
for (const { name, passed, failed } of also) console.log(`${name}: ${passed} passed, ${failed} failed`);
const passed = (units?.numPassedTests ?? 0) + count("pass") + also.reduce((sum, each) => sum + each.passed, 0);
// A run that ended badly without a failed test (a file that does not load, a server that does not start) counts as one.
const failedUnits = units === undefined ? 1 : Math.max(units.numFailedTests, unitStatus === 0 ? 0 : 1);
const failed = failedUnits + Math.max(count("fail"), checkStatus === 0 ? 0 : 1) + also.reduce((sum, each) => sum + each.failed, 0);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
