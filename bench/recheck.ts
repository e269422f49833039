import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";
import { writeRecording } from "./synthetic-recording.ts";

/**
 * `npm run bench -- recheck [largest, in millions] [repeats]`: how fast a recording is judged again, and whether time
 * grows with its length and memory does not. The bar: 1,000,000 observations a second and core, linear to 50,000,000.
 */
const largest = Number(process.argv[2] ?? 50) * 1_000_000;
const repeats = Number(process.argv[3] ?? 3);
const SIZES = [1_000_000, 5_000_000, 20_000_000, 50_000_000];
const RATE_MIN = 1_000_000;
/** Ten times the observations in at most this much more time each, and memory. */
const GROWTH_MAX = 1.25;

interface Figures {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly residentMiB: number;
}

/** One recheck in a process of its own: a fresh heap, and its own processor time, its threads' included. */
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

const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
try {
  const runs: { events: number; bytes: number; path: string; rounds: Figures[] }[] = [];
  for (const size of SIZES.filter((each) => each <= largest)) {
    const path = join(folder, `${size}.rec`);
    const events = await writeRecording(path, size);
    runs.push({ events, bytes: statSync(path).size, path, rounds: [] });
  }
  for (let round = 0; round < repeats; round += 1) for (const run of runs) run.rounds.push(await judge(run.path));
  const of = (run: (typeof runs)[number], pick: (figures: Figures) => number): number => median(run.rounds.map(pick));
  const rate = (run: (typeof runs)[number]): number => run.events / of(run, ({ cpuMs }) => cpuMs / 1000);
  // The first is too short to be warm; growth is told from the second on.
  const base = runs[1] ?? runs[0];
  const last = runs.at(-1);
  if (base === undefined || last === undefined) throw new Error("nothing to measure: the largest recording has fewer than 1 million");
  const timeGrowth = rate(base) / rate(last);
  const memoryGrowth = of(last, ({ residentMiB }) => residentMiB) / of(base, ({ residentMiB }) => residentMiB);
  const millions = (events: number): string => `${Math.round(events / 1e6)} million`;
  const part: BenchPart = {
    key: `up to ${millions(last.events)}`,
    command: commandOf("recheck"),
    measuredOn: today(),
    machine: machine(),
    tables: [
      {
        caption: "Judging a recording again: rooms of ten, one write in twelve observations, all delivered",
        columns: ["observations", "file MB", "bytes each", "CPU s", "wall s", "observations per CPU second", "resident MiB at most"],
        rows: runs.map((run) => [
          millions(run.events),
          (run.bytes / 1e6).toFixed(1),
          (run.bytes / run.events).toFixed(2),
          spread(
            run.rounds.map(({ cpuMs }) => cpuMs / 1000),
            2,
          ),
          (of(run, ({ wallMs }) => wallMs) / 1000).toFixed(2),
          Math.round(rate(run)).toLocaleString("en"),
          of(run, ({ residentMiB }) => residentMiB).toFixed(0),
        ]),
      },
    ],
    bars: [
      {
        what: "observations a second and core",
        wanted: `≥ ${RATE_MIN.toLocaleString("en")}`,
        got: Math.round(rate(last)).toLocaleString("en"),
        isMet: rate(last) >= RATE_MIN,
      },
      {
        what: `CPU time of an observation, ${millions(last.events)} ÷ ${millions(base.events)}`,
        wanted: `≤ ${GROWTH_MAX}`,
        got: timeGrowth.toFixed(2),
        isMet: timeGrowth <= GROWTH_MAX,
      },
      {
        what: `memory, ${millions(last.events)} ÷ ${millions(base.events)}`,
        wanted: `≤ ${GROWTH_MAX}`,
        got: memoryGrowth.toFixed(2),
        isMet: memoryGrowth <= GROWTH_MAX,
      },
    ],
    notes: [`${repeats} rounds, in turns over all sizes; each recheck in a process of its own, its decompression threads counted`],
  };
  printPart(part);
  const about =
    "A recording as a worker writes it, of a run without faults, is judged again by `rollcall recheck`: decompressed, decoded, and told to the ledger and the checkers of a live run.";
  writeResult({ name: "recheck", title: "Judging a recording again", about }, [part]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
