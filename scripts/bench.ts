import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename, join } from "node:path";

/** `npm run bench -- <name> [arguments]`: one comparison of `bench/`, or their names. */
const folder = join(import.meta.dirname, "..", "bench");
const names = globSync("{vs-*,identities}.ts", { cwd: folder }).map((path) => basename(path, ".ts"));
const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && names.includes(name)) {
  const build = spawnSync(process.execPath, [join(import.meta.dirname, "build.ts")], { stdio: "inherit" });
  process.exitCode =
    build.status === 0 ? (spawnSync(process.execPath, [join(folder, `${name}.ts`), ...rest], { stdio: "inherit" }).status ?? 5) : 5;
} else {
  console.error(`usage: npm run bench -- <name>; comparisons: ${names.join(", ")}`);
  process.exitCode = 2;
}
