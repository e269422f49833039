import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Tests what is published, not what lies here: packs the package, looks at it with publint and attw, installs the
 * tarball into an empty folder as a user would (no devDependencies), and runs it from there.
 */
const root = join(import.meta.dirname, "..");
const place = mkdtempSync(join(tmpdir(), "rollcall-pack-"));
/** What a user installs stays lean. */
const INSTALLED_MIB_MAX = 200;
const INSTALL_MS_MAX = 300_000;

function step(name: string): void {
  console.log(`\n== ${name}`);
}

function run(program: string, args: readonly string[], cwd: string): void {
  execFileSync(program, args, { cwd, stdio: "inherit", timeout: INSTALL_MS_MAX });
}

function tool(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

function must(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

try {
  step("pack");
  run("npm", ["pack", "--silent", "--pack-destination", place], root);
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string; version: string };
  const tarball = join(place, `${name}-${version}.tgz`);
  const inside = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).split("\n");
  must(inside.includes("package/dist/src/index.d.ts"), "the tarball lacks its declarations");
  must(!inside.some((path) => /\.test\.|\/golden\/|fixtures\/bindings/.test(path)), "the tarball holds tests");

  step("publint");
  run(tool("publint"), ["--strict", tarball], root);
  step("attw");
  run(tool("attw"), [tarball, "--profile", "esm-only"], root);

  step("install");
  const user = join(place, "user");
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), '{ "name": "user", "private": true, "type": "module" }\n');
  run("npm", ["install", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", tarball], user);
  const kib = Number(execFileSync("du", ["-sk", join(user, "node_modules")], { encoding: "utf8" }).split("\t")[0]);
  console.log(`installed: ${Math.round(kib / 1024)} MiB`);
  must(kib / 1024 <= INSTALLED_MIB_MAX, `the installation takes more than ${INSTALLED_MIB_MAX} MiB`);

  step("run");
  const rollcall = join(user, "node_modules", ".bin", "rollcall");
  const said = execFileSync(rollcall, ["--version"], { cwd: user, encoding: "utf8" }).trim();
  must(said === version, `rollcall --version said "${said}", not "${version}"`);
  run(rollcall, ["check", "playback", "--only", "PLAY-SESS-01"], user);
  run(
    rollcall,
    ["load", "watch-party", "--target", "playback", "--clients", "10", "--rooms", "2", "--duration", "2s", "--ramp", "1s"],
    user,
  );
  const unknown = spawnSync(rollcall, ["check", "nothing"], { cwd: user, encoding: "utf8" });
  must(unknown.status === 2 && !unknown.stderr.includes("    at "), "an unknown target is a usage error without a stack trace");

  step("import");
  writeFileSync(
    join(user, "use.js"),
    'import { check, load } from "rollcall";\nif (typeof check !== "function" || typeof load !== "function") throw new Error("the Node API is incomplete");\n',
  );
  run(process.execPath, ["use.js"], user);
  console.log("\nthe package works");
} catch (error) {
  console.error(`the package does not work: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
