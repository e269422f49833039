import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";

/** What a bench writes to `bench/results/<name>.json`; `docs/performance.md` is made of these and of nothing else. */
export interface BenchResult {
  readonly schema: "rollcall/bench@1";
  readonly name: string;
  readonly title: string;
  /** What was done, for somebody who has not seen the code; Markdown. */
  readonly about: string;
  /** Each as it was measured, at a time and with a command of its own. */
  readonly parts: readonly BenchPart[];
}

export interface BenchPart {
  /** Tells the part from the others of the same bench. */
  readonly key: string;
  readonly command: string;
  /** `YYYY-MM-DD`. */
  readonly measuredOn: string;
  readonly machine: Machine;
  readonly tables: readonly BenchTable[];
  readonly bars: readonly Bar[];
  readonly notes: readonly string[];
}

export interface BenchTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that was aimed at. */
export interface Bar {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly isMet: boolean;
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly kernel: string;
  readonly node: string;
  readonly commit: string;
}

export const RESULTS: string = join(import.meta.dirname, "results");

/** The commit that is measured, marked where the sources differ from it. */
function commit(): string {
  try {
    const git = (...words: string[]): string => execFileSync("git", words, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
    return `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "--", "../src") === "" ? "" : ", changed"}`;
  } catch {
    return "unknown";
  }
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${release().split("-")[0] ?? ""}`,
    node: process.version,
    commit: commit(),
  };
}

/** The command line that this process is the work of, for those who want to do it again. */
export function commandOf(name: string): string {
  return ["npm run bench --", name, ...process.argv.slice(2)].join(" ");
}

export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

function readResult(name: string): BenchResult | undefined {
  try {
    return JSON.parse(readFileSync(join(RESULTS, `${name}.json`), "utf8")) as BenchResult;
  } catch {
    return undefined;
  }
}

/** Writes what was measured now; other parts that the file has already stay as they are. */
export function writeResult(result: Omit<BenchResult, "schema" | "parts">, measured: readonly BenchPart[]): void {
  const kept = (readResult(result.name)?.parts ?? []).filter((part) => !measured.some((each) => each.key === part.key));
  const parts = [...kept, ...measured].toSorted((a, b) => a.key.localeCompare(b.key, "en", { numeric: true }));
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.name}.json`), `${JSON.stringify({ schema: "rollcall/bench@1", ...result, parts }, null, 1)}\n`);
}

/** Prints a part as it will stand in the documentation, in columns. */
export function printPart(part: Pick<BenchPart, "tables" | "bars" | "notes">): void {
  for (const { caption, columns, rows } of part.tables) {
    const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => (row[index] ?? "").length)));
    const line = (cells: readonly string[]): string =>
      cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0))).join("  ");
    process.stdout.write(`\n${caption}\n${[columns, ...rows].map((row) => line(row).trimEnd()).join("\n")}\n`);
  }
  for (const bar of part.bars) process.stdout.write(`${bar.isMet ? "met   " : "missed"} ${bar.what}: ${bar.got} (wanted ${bar.wanted})\n`);
  for (const note of part.notes) process.stdout.write(`- ${note}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[sorted.length / 2 - 1] ?? NaN)) / 2;
}

/** The median, and the least and the greatest of several. */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "–";
  const middle = median(values).toFixed(digits);
  if (values.length === 1) return middle;
  return `${middle} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}
