import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HarnessError } from "../src/core/errors.ts";
import { mustBeWritable, readResult, writeReports } from "./index.ts";
import { failingLoadResult, hostileResult, passingResult } from "./samples.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rollcall-reports-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The usage error that a read of this text ends with. */
async function refusalOf(text: string): Promise<HarnessError> {
  const path = join(folder, "result.json");
  await writeFile(path, text);
  const error: unknown = await readResult(path).catch((cause: unknown) => cause);
  if (!(error instanceof HarnessError)) throw new Error("it was not refused with a HarnessError");
  expect(error.code).toBe("usage");
  return error;
}

describe("writeReports", () => {
  it("writes every format, leaves nothing half-written, and replaces an older report", async () => {
    const dir = join(folder, "a", "b");
    await writeReports(passingResult, dir);
    const paths = await writeReports(failingLoadResult, dir);
    expect((await readdir(dir)).toSorted()).toEqual(["ctrf.json", "junit.xml", "report.html", "report.md", "result.json"]);
    expect(await readResult(paths.result)).toEqual(failingLoadResult);
    const page = await readFile(paths.html, "utf8");
    expect([page.startsWith("<!doctype html>"), page.endsWith("</html>\n")]).toEqual([true, true]);
  });

  it("reads a hostile result back character by character, also by its folder's name", async () => {
    await writeReports(hostileResult, folder);
    expect(await readResult(folder)).toEqual(hostileResult);
  });

  it("says so when the folder cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(writeReports(passingResult, join(folder, "file"))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("cannot write reports"),
    });
    await expect(mustBeWritable(join(folder, "file", "below"))).rejects.toMatchObject({ code: "usage" });
    await expect(mustBeWritable(join(folder, "not", "yet"))).resolves.toBeUndefined();
    expect(await readdir(folder)).toEqual(["file"]);
  });

  it.runIf(process.platform === "linux")("does not wait for a folder that can never be made", async () => {
    await expect(writeReports(passingResult, "/proc/rollcall/reports")).rejects.toMatchObject({ code: "usage" });
  });
});

describe("readResult", () => {
  it("says what is wrong with a file that is no result", async () => {
    expect((await refusalOf("{ nope")).message).toMatch(/is not JSON/);
    expect((await refusalOf("null")).message).toMatch(/names no schema/);
    expect((await refusalOf('{"schema":"rollcall/result@9"}')).message).toMatch(
      /its schema is "rollcall\/result@9", not "rollcall\/result@1"/,
    );
    expect((await refusalOf(JSON.stringify({ ...passingResult, verdict: "perhaps", seed: 7 }))).message).toMatch(
      /not a valid result: verdict: .*; seed: /,
    );
    expect((await refusalOf('{"schema":"rollcall/result@1"}')).message).toMatch(/ and \d+ more$/);
  });

  it("says so when there is no such file", async () => {
    await expect(readResult(join(folder, "none.json"))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("no such file"),
    });
  });
});
