import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { INSTALL_PDS, pdsModule } from "../fixtures/atproto/index.ts";
import type { Result } from "../src/core/result.ts";

/** A binding whose cases hold the directory and the PDS: fixtures/bindings/doorman, and nothing outside knows it. */
const root = join(import.meta.dirname, "..");
const doorman = join(root, "fixtures", "bindings", "doorman");
const out = mkdtempSync(join(tmpdir(), "rollcall-doorman-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

function check(
  name: string,
  target: string,
  env: Readonly<Record<string, string>> = {},
): { readonly text: string; readonly rows: readonly string[]; readonly result: Result } {
  const run = spawnSync(process.execPath, [join(root, "bin", "rollcall.js"), "check", target, "--out", join(out, name)], {
    cwd: root,
    env: { ...process.env, ROLLCALL_BINDINGS: doorman, NO_COLOR: "1", ...env },
    encoding: "utf8",
    timeout: 170_000,
  });
  const text = run.stdout + run.stderr;
  const result = JSON.parse(readFileSync(join(out, name, "result.json"), "utf8")) as Result;
  return { text, result, rows: result.requirements.map(({ id, verdict }) => `${id} ${verdict}`) };
}

test("cases hold the directory and the PDS of an embedded target", { timeout: 180_000 }, () => {
  const { rows, text } = check("embedded", "doorman");
  const pds = pdsModule() === undefined ? "skipped" : "pass";
  expect(rows, text).toEqual(["DOOR-AUTH-01 pass", "DOOR-AUTH-02 pass", `DOOR-AUTH-03 ${pds}`, "DOOR-SEC-01 pass"]);
});

test("without a PDS its cases are skipped, and the reason says how to get one", { timeout: 180_000 }, () => {
  const { rows, result } = check("without", "doorman", { ROLLCALL_PDS: out });
  expect(rows[2]).toBe("DOOR-AUTH-03 skipped");
  expect(result.requirements[2]?.observed).toContain(INSTALL_PDS);
});

test("a server elsewhere has neither: what needs them is skipped", { timeout: 180_000 }, async () => {
  const server = spawn(process.execPath, [join(doorman, "reference", "main.ts")], {
    env: { ...process.env, DIRECTORY_URL: "http://127.0.0.1:9" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    const file = join(out, "elsewhere.yaml");
    writeFileSync(file, `binding: doorman\nurl: ${url}\ncredential: { show: bearer }\n`);
    const { rows, text } = check("elsewhere", file);
    expect(rows.slice(0, 3), text).toEqual(["DOOR-AUTH-01 skipped", "DOOR-AUTH-02 skipped", "DOOR-AUTH-03 skipped"]);
  } finally {
    server.kill();
  }
});
