import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { version } from "./version.ts";

const BIN = join(import.meta.dirname, "..", "..", "bin", "rollcall.js");
const folder = mkdtempSync(join(tmpdir(), "rollcall-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function rollcall(...args: string[]): { readonly status: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { cwd: folder, encoding: "utf8", timeout: 15_000 });
  return { status, out: stdout, err: stderr };
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

describe("the command line", () => {
  test("says its version", () => {
    expect(rollcall("--version")).toMatchObject({ status: 0, out: `${version}\n` });
  });

  test.each([
    [["chek"], "Did you mean check"],
    [["check"], "missing required argument"],
    [["check", "playback", "--sed", "x"], "Did you mean --seed"],
    [["check", "playback", "--profile", "mild"], "mvp, production, strict"],
    [["check", "playback", "--fail-on", "rain"], "warning"],
    [["check", "nothing"], "reference servers: "],
    [["check", "nothing.yaml"], "there is no such file"],
    [["check", "playback", "--mutant", "nope"], "no mutant"],
    [["load", "watch-party", "--target", "playback", "--only", "PLAY-ORD-01"], "--only"],
    [["load", "watch-party"], "--target"],
    [["load", "watch-partly", "--target", "playback"], "watch-party"],
    [["load", "watch-party", "--target", "playback", "--duration", "30"], "30s"],
    [["load", "watch-party", "--target", "playback", "--clients", "0"], "whole number"],
    [["load", "watch-party", "--target", "playback", "--transport", "pigeon"], "ws"],
    [["explain", "PLAY-CONV-4"], "PLAY-CONV-04"],
    [["serve", "playbak"], 'did you mean "playback"'],
    [["serve", "playback", "--recipe", "magic"], "serviceJwt, account, none"],
    [["report", "none.json"], "no such file"],
    [["list", "--jsn"], "Did you mean --json"],
  ])("%j is a mistake of the user, explained without a stack trace", (args, hint) => {
    const { status, err } = rollcall(...args);
    expect(err).toContain(hint);
    expect(err).not.toMatch(/^\s+at /m);
    expect(status).toBe(2);
  });

  test("names line and column of a mistake in a target file", () => {
    const { status, err } = rollcall("check", file("bad.yaml", "binding: playback\nurl: http://127.0.0.1:1\nlimits: soon\n"));
    expect(err).toContain('bad.yaml:3:9: "limits"');
    expect(status).toBe(2);
  });

  test("ends with 3 when nothing is there", () => {
    const { status, err } = rollcall("check", file("gone.yaml", "binding: playback\nurl: http://127.0.0.1:1\n"));
    expect(err).toContain("nothing listens at 127.0.0.1:1");
    expect(status).toBe(3);
  });

  test("does not load a stranger's host", () => {
    const { status, err } = rollcall(
      "load",
      "watch-party",
      "--target",
      file("far.yaml", "binding: playback\nurl: https://rooms.example\n"),
    );
    expect(err).toContain("--i-may-load rooms.example");
    expect(status).toBe(2);
  });

  test("writes a target file that it reads again, and never over another", () => {
    expect(rollcall("init", "playback", "--file", "new.yaml").status).toBe(0);
    expect(readFileSync(join(folder, "new.yaml"), "utf8")).toContain("# known:");
    expect(rollcall("check", "new.yaml", "--dry-run")).toMatchObject({
      status: 0,
      out: expect.stringContaining("would reach http://127.0.0.1:3000") as string,
    });
    expect(rollcall("init", "playback", "--file", "new.yaml").status).toBe(2);
  });

  test("uses no colour when piped", () => {
    for (const args of [["list"], ["spec", "playback"], ["explain", "PLAY-CONV-04"], ["doctor"]]) {
      const { status, out } = rollcall(...args);
      expect([args, status, out.includes("\u001b"), out.length > 100]).toEqual([args, 0, false, true]);
    }
  });
});
