import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const SELF = "test/tidy.test.ts";
const TEXT = globSync(
  "{{src,conformance,scenarios,fixtures,reports,bench,scripts,test,docs,bin,.ci,.github}/**/*.{ts,js,json,yaml,yml,md,html,css},*.{json,md,ts,yml},.ci/run}",
).filter((path) => path !== SELF && !path.endsWith("package-lock.json") && !/(^|\/)(golden|vectors|node_modules)\//.test(path));
const LOCKS = globSync("{,optional/*/,bench/*/}package-lock.json");
const SOURCES = TEXT.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));

/** At most: a file has one idea. Data (catalogues, cases, samples) may be longer. */
const LINES_MAX = 500;
const DATA = /(requirements|mutants|samples|messages)\.ts$|\/cases\/|\.test\.ts$/;

function offenders(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((path) =>
    readFileSync(path, "utf8")
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [])),
  );
}

describe("the repository", () => {
  test("is looked at", () => {
    expect(SOURCES.length).toBeGreaterThan(50);
  });

  test.each([
    ["paths of one machine", /(^|[\s"'`(=:])\/(home|Users|root|work|workspace)\/[\w.-]+/],
    ["addresses of package registries", /registry\.npmjs\.org|\b(npm|pypi|registry)\.[\w-]+\.(internal|local|corp)\b|jfrog\.io/],
    ["unfinished work", /\b(TODO|FIXME|XXX|HACK)\b/],
    ["focused tests", /\b(test|it|describe)\.only\(/],
    ["debuggers", /^\s*debugger\b/],
    ["marks of a merge", /^(<{7}|>{7}) /],
  ])("holds no %s", (_, pattern) => {
    expect(offenders(TEXT, pattern)).toEqual([]);
  });

  test.each(LOCKS)("has no registry addresses in %s", (path) => {
    expect(readFileSync(path, "utf8")).not.toMatch(/"resolved": "https?:/);
  });

  test("explains every exported function of the seam", () => {
    const bare = SOURCES.filter((path) => /^src\/(core|targets|cli)\//.test(path)).flatMap((path) => {
      const lines = readFileSync(path, "utf8").split("\n");
      return lines.flatMap((line, index) => {
        if (!/^export (async )?function /.test(line)) return [];
        return lines[index - 1]?.trim().endsWith("*/") === true ? [] : [`${path}:${index + 1}: ${line}`];
      });
    });
    expect(bare).toEqual([]);
  });

  test("has no source file that is too long to read at once", () => {
    const long = SOURCES.filter((path) => !DATA.test(path)).map((path) => ({ path, lines: readFileSync(path, "utf8").split("\n").length }));
    expect(long.filter(({ lines }) => lines > LINES_MAX)).toEqual([]);
  });
});
