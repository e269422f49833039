import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchPart, type BenchResult, type BenchTable, type Machine, RESULTS } from "./result-file.ts";

/** `npm run bench -- report [--check]`: writes `docs/performance.md` from `bench/results/`, or tells whether it is as they say. */
const PAGE = join(import.meta.dirname, "..", "docs", "performance.md");

/** The most important first; others follow by name. */
const ORDER = ["density", "fifteen-thousand", "soak", "check-overhead", "fan-out", "latency-bias", "recheck", "identities"];

const INTRODUCTION = `# Performance

Every figure on this page was measured by a command of this repository, which anybody can run again; the page is made from
\`bench/results/\` by \`npm run bench -- report\`. Figures of one table come from one run in turns on one machine. Compare
ratios: they carry over to other machines better than milliseconds do. Where several rounds were played, the median stands
before the least and the greatest.
`;

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function table({ caption, columns, rows }: BenchTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  const rule = columns.map((_, index) => (index === 0 ? "---" : "---:"));
  return [`**${caption}**`, "", line(columns), line(rule), ...rows.map(line)].join("\n");
}

function machineLine({ processor, cores, memoryGib, kernel, node, commit }: Machine): string {
  return `${cores} × ${processor}, ${memoryGib} GiB, ${kernel}, Node ${node}, commit ${commit}`;
}

function part({ command, measuredOn, machine, tables, bars, notes }: BenchPart): string {
  const met = bars.map(({ what, wanted, got, isMet }) => `- ${isMet ? "met" : "**missed**"}: ${what} ${got} (wanted ${wanted})`);
  return [
    `\`${command}\`, ${measuredOn}: ${machineLine(machine)}`,
    ...tables.map(table),
    ...(met.length === 0 ? [] : [met.join("\n")]),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
  ].join("\n\n");
}

function section({ title, about, parts }: BenchResult): string {
  return [`## ${title}`, about.replaceAll("\n", " "), ...parts.map(part)].join("\n\n");
}

function rank({ name }: BenchResult): number {
  const index = ORDER.indexOf(name);
  return index === -1 ? ORDER.length : index;
}

const results = globSync("*.json", { cwd: RESULTS })
  .map((name) => JSON.parse(readFileSync(join(RESULTS, name), "utf8")) as BenchResult)
  .toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, "en"));
const page = `${[INTRODUCTION.trim(), ...results.map(section)].join("\n\n")}\n`;
if (process.argv.includes("--check")) {
  const isSame = readFileSync(PAGE, "utf8") === page;
  if (!isSame) process.stderr.write("docs/performance.md is not what bench/results says: npm run bench -- report\n");
  process.exitCode = isSame ? 0 : 1;
} else {
  writeFileSync(PAGE, page);
  process.stdout.write(`docs/performance.md: ${results.map(({ name }) => name).join(", ")}\n`);
}
