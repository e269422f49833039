import { access, constants, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HarnessError } from "../src/core/errors.ts";
import type { Result } from "../src/core/result.ts";
import { renderCtrf } from "./ctrf.ts";
import { renderHtml } from "./html.ts";
import { renderJUnit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";
import { resultSchema } from "./schema.ts";

export { levelHead, levelLine } from "./capacity.ts";
export { renderCtrf } from "./ctrf.ts";
export { renderHtml } from "./html.ts";
export { renderJUnit } from "./junit.ts";
export { renderMarkdown } from "./markdown.ts";
export { renderTerminal, type TerminalOptions } from "./terminal.ts";

/** Absolute paths of what `writeReports` wrote. */
export interface ReportPaths {
  readonly result: string;
  readonly html: string;
  readonly junit: string;
  readonly markdown: string;
  readonly ctrf: string;
}

/**
 * Writes every format of a result into a folder, which it makes when needed. Each file appears whole or not at all;
 * `result.json` first, so that a renderer that fails loses no finding.
 * @throws HarnessError `usage` when the folder cannot be written to.
 */
export async function writeReports(result: Result, dir: string): Promise<ReportPaths> {
  const paths: ReportPaths = {
    result: resolve(dir, "result.json"),
    html: resolve(dir, "report.html"),
    junit: resolve(dir, "junit.xml"),
    markdown: resolve(dir, "report.md"),
    ctrf: resolve(dir, "ctrf.json"),
  };
  try {
    await makeFolder(dir);
    await writeWhole(paths.result, `${JSON.stringify(result, null, 2)}\n`);
    await writeWhole(paths.html, renderHtml(result));
    await writeWhole(paths.junit, renderJUnit(result));
    await writeWhole(paths.markdown, renderMarkdown(result));
    await writeWhole(paths.ctrf, renderCtrf(result));
    if (result.logs !== undefined) await makeFolder(resolve(dir, "logs"));
    for (const { name, text } of result.logs ?? []) await writeWhole(resolve(dir, "logs", `${name.replaceAll(/[^\w.-]/g, "_")}.log`), text);
  } catch (cause) {
    throw unwritable(dir, cause);
  }
  return paths;
}

/**
 * Whether reports can be written to a folder, asked before a run that may take hours; makes nothing.
 * @throws HarnessError `usage` when they can not.
 */
export async function mustBeWritable(dir: string): Promise<void> {
  let nearest = resolve(dir);
  try {
    while ((await kindOf(nearest)) === "absent" && dirname(nearest) !== nearest) nearest = dirname(nearest);
    if ((await kindOf(nearest)) === "file") throw Object.assign(new Error(`${nearest} is a file`), { code: "ENOTDIR" });
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(dir, cause);
  }
}

async function kindOf(path: string): Promise<"folder" | "file" | "absent"> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "absent";
    throw error;
  }
}

/** Not `mkdir` with `recursive`: where nothing can be made (`/proc/x`) that never returns. */
async function makeFolder(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); (await kindOf(at)) === "absent" && dirname(at) !== at; at = dirname(at)) missing.push(at);
  for (const each of missing.toReversed()) await mkdir(each).catch(unlessThere);
}

/** Another run may have made it meanwhile. */
function unlessThere(error: unknown): void {
  if (systemCode(error) !== "EEXIST") throw error;
}

function unwritable(dir: string, cause: unknown): unknown {
  const code = systemCode(cause);
  if (code === undefined) return cause;
  return new HarnessError("usage", `cannot write reports to ${dir} (${code})`, { hint: "choose another folder with --out", cause });
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}

/** A result of a day-long load is a few megabytes; what is larger is another kind of file. */
const RESULT_BYTES_MAX = 256 * 1_024 * 1_024;
/** Mistakes named in one error: enough to see what kind of file it is. */
const ISSUES_MAX = 5;

/**
 * Reads a `result.json`, or the folder that holds one.
 * @throws HarnessError `usage` that says what is wrong: no such file, not JSON, another document, or which fields.
 */
export async function readResult(path: string): Promise<Result> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HarnessError("usage", `${path} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: "give the result.json that a Rollcall command wrote",
      cause,
    });
  }
  const named = typeof value === "object" && value !== null && "schema" in value ? value.schema : undefined;
  if (named !== "rollcall/result@1") {
    const seen = typeof named === "string" ? `its schema is "${named.slice(0, 80)}"` : "it names no schema";
    throw new HarnessError("usage", `${path} is no result that this version reads: ${seen}, not "rollcall/result@1"`, {
      hint: "give the result.json that a Rollcall command wrote",
    });
  }
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, ISSUES_MAX).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  const more = parsed.error.issues.length > ISSUES_MAX ? ` and ${parsed.error.issues.length - ISSUES_MAX} more` : "";
  throw new HarnessError("usage", `${path} is not a valid result: ${issues.join("; ")}${more}`, {
    hint: "run the command that wrote it again",
  });
}

async function readText(path: string): Promise<string> {
  try {
    const about = await stat(path);
    const file = about.isDirectory() ? join(path, "result.json") : path;
    const { size } = about.isDirectory() ? await stat(file) : about;
    if (size > RESULT_BYTES_MAX)
      throw new HarnessError("usage", `${file} has ${size} bytes, more than the ${RESULT_BYTES_MAX} a result may have`);
    return await readFile(file, "utf8");
  } catch (cause) {
    const code = systemCode(cause);
    if (code === undefined) throw cause;
    throw new HarnessError("usage", code === "ENOENT" ? `${path}: no such file` : `cannot read ${path} (${code})`, {
      hint: "give the result.json that a Rollcall command wrote",
      cause,
    });
  }
}

function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && !(cause instanceof HarnessError)
    ? cause.code
    : undefined;
}
