import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Builds `dist/` for publishing: JavaScript and declarations of every room, and the data that lies beside it. */
const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (compiled.status !== 0) process.exit(1);
for (const path of globSync("{src,conformance,scenarios,fixtures,reports}/**/*.{json,jsonl,css,html,js}", { cwd: root })) {
  const target = join(dist, path);
  if (path.startsWith("fixtures/bindings") || /\/(golden|vectors)\//.test(path) || existsSync(target)) continue;
  cpSync(join(root, path), target, { recursive: true });
}
console.log("built dist/");
