import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Result } from "../src/core/result.ts";

/**
 * A sixth protocol by one folder, unlike playback: binary frames, entries numbered by the server, no echo. Nothing
 * outside fixtures/bindings/tally knows it.
 */
const root = join(import.meta.dirname, "..");
const out = mkdtempSync(join(tmpdir(), "rollcall-tally-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

function rollcall(...words: string[]): { status: number | null; text: string } {
  const env = { ...process.env, ROLLCALL_BINDINGS: join(root, "fixtures", "bindings", "tally"), NO_COLOR: "1" };
  const run = spawnSync(process.execPath, [join(root, "bin", "rollcall.js"), ...words], {
    cwd: root,
    env,
    encoding: "utf8",
    timeout: 110_000,
  });
  return { status: run.status, text: run.stdout + run.stderr };
}

test("check judges every requirement of a binding that is one folder", { timeout: 120_000 }, () => {
  const { status, text } = rollcall("check", "tally", "--out", join(out, "check"));
  expect(status, text).toBe(0);
  const result = JSON.parse(readFileSync(join(out, "check", "result.json"), "utf8")) as Result;
  expect(result.requirements.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
    "TALLY-DEL-01 pass",
    "TALLY-ORD-01 pass",
    "TALLY-ISO-01 pass",
    "TALLY-CONV-01 pass",
    "TALLY-ERR-01 pass",
  ]);
});

test("load accounts for every delivery of it", { timeout: 120_000 }, () => {
  const words = ["--clients", "60", "--rooms", "6", "--rate", "2", "--duration", "3s", "--ramp", "1s"];
  const { status, text } = rollcall(
    "load",
    "watch-party",
    "--target",
    "tally",
    ...words,
    "--allow-inconclusive",
    "--out",
    join(out, "load"),
  );
  expect(status, text).toBe(0);
  const { load } = JSON.parse(readFileSync(join(out, "load", "result.json"), "utf8")) as Result;
  expect(load?.reach).toBe(1);
  expect(load?.delivered).toBe((load?.sent ?? 0) * 9);
});

test("every mutant of it is killed", { timeout: 120_000 }, () => {
  const { status, text } = rollcall("mutants", "tally");
  expect(status, text).toBe(0);
});
