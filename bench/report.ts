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
before the least and the greatest. \`npm run bench -- all\` measures everything and writes this page; it wants a machine of its own.
`;

/** What the tables do not say: for whoever wants to make it quicker. */
const LIMITS = `## What a worker spends its time on, and what was tried

A sampling profile of a worker (\`perf record -g\` and \`node --perf-basic-prof\`) with 2,000 clients in rooms of ten, a write a
second each, so that of eleven messages one is sent, one is decoded and nine are recognised:

| part | share |
| --- | ---: |
| kernel: waiting for sockets and reading them, with libuv | 29 % |
| Node's stream layer between a read and our code | 23 % |
| our code at a read: framing, ledger, the first receiver's decoding | 14 % |
| writing to a socket, nearly all of it in the kernel | 9 % |
| our code at a send: plan, content, marker, encoding, checkers | 18 % |
| collector and compiler | 5 % |

So half of the time is not ours to save while sockets are Node's own. A script of a hundred lines with the same idea, which
decodes the first copy, compares the others and checks little, took 0.69 to 0.84 of what the bare \`ws\` script takes.

What helped: taking a recognised frame before its text is held against UTF-8; comparing by words of four bytes; using log entries
again and keeping their frames in common memory (a quarter fewer collections, half as long); counting latencies in slots of the
histogram before the library sees them; reading what has arrived twice a millisecond once thousands of messages a second do
(\`src/engines/node/gathering.ts\`; 5 to 28 % less in the script, the more the quieter the machine; it adds a quarter of a millisecond to
a delivery, half of one at most); leaving the schema library out of workers that record nothing (9 MB), and the command's young
generation small (56 MB).

What did not: a second worker (a quarter more processor time in all); permessage-deflate (four times as much); reading
less often than twice a millisecond, which saves a tenth more and would bias the median by half a millisecond.

What limits the figures that were missed above. By the shares of this profile, the parts of the kernel and of Node alone (61 %)
are 0.5 to 0.6 of what bare \`ws\` takes and 0.17 to 0.23 of what k6 takes: what is left for every check would have to be a half or a
third of what it is. Over 30 s it is 0.82 of bare \`ws\` at 22,000 messages a second of 2,000 clients, 0.85 at 55,000 of 5,000, and
1.03 of 10,000 that write in 5 s: there every sixth thing sent is a heartbeat, which the bare script leaves out, and what is known of
a client has left the processor's caches when its next message comes (a young generation of 16 instead of 4 MiB took about a tenth
less, and 6 KiB a client more). Artillery does not read what arrives by its script; here all of it is judged. Memory of the whole command:
what mints credentials, gathers figures and writes reports takes 70 to 160 MB once, which 2,000 clients feel and 10,000 hardly do.
The ledger and the checkers take 11.8 % of what a profile sees, which leaves out what the kernel does in the process's name; the
largest parts are recognising a frame and an entry of the room's log. No single function takes more than 4 %.

The latency bias is that of two cores with server and harness on both: a bare \`ws\` script is as far off from what the server says of
itself, to 0.4 ms in the median and 0.9 ms at p99 (the note under the table). At p99 it comes from waits that the server does not
know of: while its loop works, or another process has its core, what arrives lies in its sockets. With the worker put before all
others (\`chrt --rr\`) nothing was sent late and the bias at p99 stayed at 2 ms of a tenth of saturation. In the median it is a quarter of a
millisecond for gathering, and the way there and back. A server with a core of its own made it worse (p50 up to 3 ms, p99 up to 22),
for then the harness shares the other with everything else; runs of 8 s instead of 3 changed nothing.
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
const page = `${[INTRODUCTION.trim(), ...results.map(section), LIMITS.trim()].join("\n\n")}\n`;
if (process.argv.includes("--check")) {
  const isSame = readFileSync(PAGE, "utf8") === page;
  if (!isSame) process.stderr.write("docs/performance.md is not what bench/results says: npm run bench -- report\n");
  process.exitCode = isSame ? 0 : 1;
} else {
  writeFileSync(PAGE, page);
  process.stdout.write(`docs/performance.md: ${results.map(({ name }) => name).join(", ")}\n`);
}
