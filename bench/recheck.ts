import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeRecording } from "./synthetic-recording.ts";

/**
 * `npm run bench -- recheck [largest, in millions] [repeats]`: how fast a recording is judged again, and whether time
 * grows with its length and memory does not. The bar: 1,000,000 observations a second and core, linear to 50,000,000.
 */
const largest = Number(process.argv[2] ?? 50) * 1_000_000;
const repeats = Number(process.argv[3] ?? 3);
const sizes = [1_000_000, 5_000_000, 20_000_000, 50_000_000].filter((size) => size <= largest);

interface Figures {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly residentMiB: number;
}

/** One recheck in a process of its own: a fresh heap, and its own processor time. */
async function judge(path: string): Promise<Figures> {
  const module = fileURLToPath(new URL("../dist/src/cli/recheck.js", import.meta.url));
  const script = `
    const { recheck } = await import(${JSON.stringify(module)});
    const from = process.cpuUsage();
    const startMs = performance.now();
    const { result, fault } = await recheck({ recording: process.argv[1] });
    const wallMs = performance.now() - startMs;
    const { user, system } = process.cpuUsage(from);
    const residentMiB = process.resourceUsage().maxRSS / 1024;
    console.log(JSON.stringify({ cpuMs: (user + system) / 1000, wallMs, residentMiB, reach: result.load.reach, fault, notes: result.notes }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, path]);
  const said = JSON.parse(stdout) as Figures & { reach: number; fault?: string; notes: readonly string[] };
  if (said.reach !== 1 || said.fault !== undefined || said.notes.length > 0)
    throw new Error(`the recording was not judged as it is: ${stdout}`);
  return said;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
try {
  const runs: { events: number; bytes: number; path: string; rounds: Figures[] }[] = [];
  for (const size of sizes) {
    const path = join(folder, `${size}.rec`);
    const events = await writeRecording(path, size);
    runs.push({ events, bytes: statSync(path).size, path, rounds: [] });
  }
  for (let round = 0; round < repeats; round += 1) for (const run of runs) run.rounds.push(await judge(run.path));
  const rate = ({ events, rounds }: (typeof runs)[number]): number => events / median(rounds.map(({ cpuMs }) => cpuMs / 1000));
  const first = runs[0];
  process.stdout.write(`rooms of 10, ${repeats} rounds; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? ""}\n`);
  process.stdout.write("observations   file MB   B each   CPU s   wall s   per CPU second   ratio to first   resident MiB\n");
  for (const run of runs) {
    const of = (pick: (figures: Figures) => number): number => median(run.rounds.map(pick));
    process.stdout.write(
      `${run.events.toLocaleString("en").padStart(12)}${(run.bytes / 1e6).toFixed(1).padStart(10)}${(run.bytes / run.events).toFixed(2).padStart(9)}` +
        `${(of(({ cpuMs }) => cpuMs) / 1000).toFixed(2).padStart(8)}${(of(({ wallMs }) => wallMs) / 1000).toFixed(2).padStart(9)}` +
        `${Math.round(rate(run)).toLocaleString("en").padStart(17)}${(rate(run) / (first === undefined ? 1 : rate(first))).toFixed(2).padStart(17)}` +
        `${of(({ residentMiB }) => residentMiB)
          .toFixed(0)
          .padStart(15)}\n`,
    );
  }
  const json = { node: process.version, cpu: cpus()[0]?.model, runs: runs.map(({ events, bytes, rounds }) => ({ events, bytes, rounds })) };
  writeFileSync("bench-recheck.json", `${JSON.stringify(json, null, 2)}\n`);
  process.stdout.write("written: bench-recheck.json\n");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
