import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** `npm run bench -- <name> [arguments]`: one measurement of `bench/`, or their names. */
const folder = join(import.meta.dirname, "..", "bench");
/** A file that says how it is called by this command is one; others are parts of them. */
const names = globSync("*.ts", { cwd: folder })
  .map((path) => basename(path, ".ts"))
  .filter((name) => readFileSync(join(folder, `${name}.ts`), "utf8").includes(`npm run bench -- ${name}`))
  .toSorted();
const [name, ...rest] = process.argv.slice(2);
if (name !== undefined && names.includes(name)) {
  const build = spawnSync(process.execPath, [join(import.meta.dirname, "build.ts")], { stdio: "inherit" });
  process.exitCode =
    build.status === 0 ? (spawnSync(process.execPath, [join(folder, `${name}.ts`), ...rest], { stdio: "inherit" }).status ?? 5) : 5;
} else {
  console.error(`usage: npm run bench -- <name>; there are: ${names.join(", ")}`);
  process.exitCode = 2;
}
