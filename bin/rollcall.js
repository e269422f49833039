#!/usr/bin/env node
// Plain JavaScript that every Node can read: it looks at the version before anything newer is loaded.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src", "cli", "main.ts");
const built = join(root, "dist", "src", "cli", "main.js");

/** The npm package `node`, where a clone or a project has installed it beside us. */
function newerNode() {
  try {
    const program = join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
    return existsSync(program) ? program : undefined;
  } catch {
    return undefined;
  }
}

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) {
  // A clone runs its sources; the published package has only what was built.
  const { main } = await import(existsSync(source) ? source : built);
  process.exitCode = await main(process.argv.slice(2));
} else {
  const program = process.env.ROLLCALL_REEXEC === "1" ? undefined : newerNode();
  if (program === undefined) {
    console.error(
      `rollcall needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.versions.node}.\n` +
        `Install it from https://nodejs.org, or let npm bring it along: npm install --save-dev node@${NODE_MAJOR_MIN}`,
    );
    process.exitCode = 2;
  } else {
    const child = spawn(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: "inherit",
      env: { ...process.env, ROLLCALL_REEXEC: "1" },
    });
    // The terminal sends Ctrl-C to both; the child decides when to end.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("error", (error) => {
      console.error(`rollcall could not start ${program}: ${error.message}`);
      process.exitCode = 5;
    });
    child.on("exit", (code, signal) => {
      process.exitCode = signal === "SIGINT" ? 130 : (code ?? 5);
    });
  }
}
