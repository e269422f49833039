import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { readResult } from "../reports/index.ts";
import { bindingNames, loadBinding } from "../src/cli/registry.ts";
import { allCases } from "../src/cli/cases.ts";
import type { Binding } from "../src/core/binding.ts";
import type { RequirementResult } from "../src/core/result.ts";

/**
 * `npm run conformance [binding…]`: our own reference servers meet their protocols. Beyond what `rollcall check` says,
 * a MUST that is skipped fails here, unless its requirement says why no case judges it, or it needs a capability that
 * the binding declares off.
 */
const root = join(import.meta.dirname, "..");

async function mayBeSkipped(binding: Binding): Promise<(result: RequirementResult) => boolean> {
  const cases = await allCases(binding);
  const isOff = (name: string): boolean => binding.manifest.capabilities[name]?.default === false;
  return ({ id }) => {
    const requirement = binding.requirements.find((each) => each.id === id);
    if (requirement === undefined) return false;
    if (requirement.noCase !== undefined || requirement.part === "client" || requirement.needs?.some(isOff) === true) return true;
    const own = cases.filter((each) => each.ids.includes(requirement.id));
    return own.length > 0 && own.every((each) => each.needs?.some(isOff) === true);
  };
}

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : bindingNames()) {
  const out = join(root, "rollcall-report", "conformance", name);
  const { status } = spawnSync(process.execPath, ["bin/rollcall.js", "check", name, "--out", out], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
  if (status !== 0 && status !== 1 && status !== 4) continue;
  const isExcused = await mayBeSkipped(await loadBinding(name));
  const { requirements } = await readResult(join(out, "result.json"));
  for (const result of requirements) {
    if (result.level !== "MUST" || result.verdict !== "skipped" || isExcused(result)) continue;
    console.error(`${result.id} is a MUST and was skipped without a reason that holds: ${result.observed}`);
    process.exitCode = 1;
  }
}
