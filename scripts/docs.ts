import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bindingNames, loadBinding } from "../src/cli/registry.ts";
import { specMarkdown } from "../src/cli/spec.ts";

/** Writes what is generated: the requirement pages. `--check` only says whether they are up to date. */
const root = join(import.meta.dirname, "..");
const files = await Promise.all(
  bindingNames().map(async (name): Promise<[string, string]> => [`docs/requirements-${name}.md`, specMarkdown(await loadBinding(name))]),
);

function isSame(path: string, text: string): boolean {
  try {
    return readFileSync(join(root, path), "utf8") === text;
  } catch {
    return false;
  }
}

const stale = files.filter(([path, text]) => !isSame(path, text)).map(([path]) => path);
if (process.argv.includes("--check")) {
  if (stale.length > 0) console.error(`out of date: ${stale.join(", ")}; run npm run docs`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync(join(root, "docs"), { recursive: true });
  for (const [path, text] of files) writeFileSync(join(root, path), text);
  console.log(stale.length === 0 ? "all up to date" : `wrote ${stale.join(", ")}`);
}
