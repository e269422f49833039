import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { flagsOf } from "../scripts/flags.ts";

/**
 * `npm run bench -- all [--only density,soak] [--soak-minutes 10]`: the measurements of `docs/performance.md` one after the other,
 * then the page. The machine should be left alone meanwhile: about 45 minutes.
 */
const { values: flags } = flagsOf("npm run bench -- all [--only density,soak] [--soak-minutes 10]", {
  options: { only: { type: "string" }, "soak-minutes": { type: "string", default: "10" } },
});

/** What matters most comes first: a run that is cut short leaves what it has measured in `bench/results/`. */
const STEPS: readonly (readonly string[])[] = [
  ["density", "--setup", "2000", "--only", "ours,bare"],
  ["density", "--setup", "5000", "--only", "ours,bare", "--rounds", "2"],
  ["density", "--setup", "10000", "--only", "ours,bare", "--rounds", "2"],
  ["fifteen-thousand"],
  ["latency-bias", "--rounds", "1"],
  ["check-overhead", "2000", "1"],
  ["fan-out"],
  ["recheck"],
  ["soak", "--minutes", flags["soak-minutes"]],
];

const wanted = flags.only?.split(",");
let missed = 0;
for (const [name = "", ...rest] of STEPS) {
  if (wanted !== undefined && !wanted.includes(name)) continue;
  process.stdout.write(`\n== npm run bench -- ${[name, ...rest].join(" ")}\n`);
  // A figure that is missed is told on the page; it does not keep the others from being measured.
  if (spawnSync(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...rest], { stdio: "inherit" }).status !== 0) missed += 1;
}
const report = spawnSync(process.execPath, [join(import.meta.dirname, "report.ts")], { stdio: "inherit" });
process.stdout.write(missed === 0 ? "every figure met\n" : `${missed} of the measurements missed a figure, or came to no end\n`);
process.exitCode = report.status !== 0 ? 5 : missed === 0 ? 0 : 1;
