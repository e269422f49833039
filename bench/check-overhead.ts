import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";

/** The build is measured, as users run it: sources stripped of types as they load keep the stripper's memory. */
const { load } = (await import(new URL("../dist/src/cli/load.js", import.meta.url).href)) as typeof import("../src/cli/load.ts");

/**
 * `npm run bench -- check-overhead [clients] [rounds]`: which share of a worker's processor time goes to the ledger and
 * the checkers (by a profile of the worker), and what a recording adds (runs with and without, in turns). The bars: at
 * most 10 % for the checks, at most 15 % more for the recording.
 */
const clients = Number(process.argv[2] ?? 2000);
const rounds = Number(process.argv[3] ?? 3);
const rampMs = 8000;
const PLAYED_MS = 15_000;
/** The profile covers joins, too, which are to be a small part of it. */
const PROFILED_MS = 60_000;
const CHECKS_SHARE_MAX = 0.1;
const RECORDING_RATIO_MAX = 1.15;
/** Finer than the default, so that calls of a microsecond are met often enough. */
const SAMPLING_US = 500;

interface Run {
  readonly cpuMsPerThousand: number;
  readonly residentKib: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
let count = 0;

async function play(options: {
  readonly record?: true;
  readonly workerFlags?: readonly string[];
  readonly durationMs?: number;
}): Promise<Run> {
  const { durationMs = PLAYED_MS } = options;
  count += 1;
  const result = await load({
    scenario: "watch-party",
    target: "playback",
    parameters: { clients, rooms: Math.ceil(clients / 10), ratePerSecond: 1, rampMs, durationMs },
    seed: "bench",
    workers: 1,
    ...(options.record === true ? { record: join(folder, `${count}.rec`) } : {}),
    ...(options.workerFlags === undefined ? {} : { workerFlags: options.workerFlags }),
  });
  const run = result.load;
  if (run === undefined || run.reach !== 1 || result.notes.length > 0)
    throw new Error(`the judged run found something: ${JSON.stringify(run?.objectives)} ${result.notes.join("; ")}`);
  return {
    cpuMsPerThousand: (result.harness.cpu * durationMs * 1000) / (run.delivered + run.sent),
    residentKib: result.harness.residentBytes / 1024 / clients,
  };
}

/** What a call counts for, with everything that it calls; undefined: for what its caller does. */
function labelOf({ functionName, url }: Profile["nodes"][number]["callFrame"]): string | undefined {
  if (functionName === "(garbage collector)") return "garbage collection";
  // A process that rests in `gathering.ts` is asleep, which the profiler, who samples by the clock, can not see.
  if (functionName === "(idle)" || (functionName === "rest" && url.includes("/gathering."))) return "idle";
  if (functionName === "(program)") return "native";
  if (url.includes("/src/recording/")) return "recording";
  if (url.includes("/src/checkers/")) return "ledger and checkers";
  if (url.includes("/src/bindings/")) return "session and codec";
  if (url.includes("/src/websocket/") || /net-transport|node:net|node:internal\/(?:stream|net)/.test(url)) return "framing and sockets";
  return undefined;
}

/** Shares of the time that the worker was not idle, by what it was spent for. */
function sharesOf(path: string): ReadonlyMap<string, number> {
  const profile = JSON.parse(readFileSync(path, "utf8")) as Profile;
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const labels = new Map<number, string>();
  const waiting: { readonly id: number; readonly label: string }[] = [{ id: profile.nodes[0]?.id ?? 0, label: "engine and other" }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const node = nodes.get(next.id);
    if (node === undefined) continue;
    const label = labelOf(node.callFrame) ?? next.label;
    labels.set(node.id, label);
    for (const id of node.children ?? []) waiting.push({ id, label });
  }
  const times = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const label = labels.get(id) ?? "engine and other";
    times.set(label, (times.get(label) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  times.delete("idle");
  const busy = [...times.values()].reduce((sum, time) => sum + time, 0);
  return new Map([...times].map(([label, time]) => [label, time / busy]));
}

/** A run under the profiler: its shares, from the worker's start to its end. */
async function profiled(record: boolean): Promise<ReadonlyMap<string, number>> {
  const into = mkdtempSync(join(folder, "profile-"));
  await play({
    ...(record ? { record: true } : {}),
    durationMs: PROFILED_MS,
    workerFlags: ["--cpu-prof", `--cpu-prof-dir=${into}`, `--cpu-prof-interval=${SAMPLING_US}`],
  });
  const [name] = readdirSync(into);
  if (name === undefined) throw new Error("the worker wrote no profile");
  return sharesOf(join(into, name));
}

try {
  const plain: Run[] = [];
  const recorded: Run[] = [];
  for (let round = 0; round < rounds; round += 1) {
    plain.push(await play({}));
    recorded.push(await play({ record: true }));
  }
  const shares = await profiled(false);
  const withRecording = await profiled(true);
  const ratios = recorded.map((run, round) => run.cpuMsPerThousand / (plain[round]?.cpuMsPerThousand ?? NaN));
  const checks = shares.get("ledger and checkers") ?? 0;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const part: BenchPart = {
    key: `${clients} clients`,
    command: commandOf("check-overhead"),
    measuredOn: today(),
    machine: machine(),
    tables: [
      {
        caption: `A recording's cost: ${clients} clients in rooms of ten, one message a second each`,
        columns: ["", "checks", "checks and --record", "ratio"],
        rows: [
          [
            "CPU ms per 1,000 messages",
            ...[plain, recorded].map((runs) =>
              spread(
                runs.map(({ cpuMsPerThousand }) => cpuMsPerThousand),
                2,
              ),
            ),
            spread(ratios, 2),
          ],
          [
            "resident KiB a client",
            ...[plain, recorded].map((runs) =>
              spread(
                runs.map(({ residentKib }) => residentKib),
                1,
              ),
            ),
            spread(
              recorded.map((run, round) => run.residentKib / (plain[round]?.residentKib ?? NaN)),
              2,
            ),
          ],
        ],
      },
      {
        caption: "Where the worker's processor time goes, by profile",
        columns: ["", "checks", "checks and --record"],
        rows: [...new Set([...shares.keys(), ...withRecording.keys()])]
          .toSorted((left, right) => (shares.get(right) ?? 0) - (shares.get(left) ?? 0))
          .map((label) => [label, percent(shares.get(label) ?? 0), percent(withRecording.get(label) ?? 0)]),
      },
    ],
    bars: [
      {
        what: "share of the ledger and the checkers",
        wanted: `≤ ${percent(CHECKS_SHARE_MAX)}`,
        got: percent(checks),
        isMet: checks <= CHECKS_SHARE_MAX,
      },
      {
        what: "CPU with a recording ÷ without",
        wanted: `≤ ${RECORDING_RATIO_MAX}`,
        got: median(ratios).toFixed(2),
        isMet: median(ratios) <= RECORDING_RATIO_MAX,
      },
    ],
    notes: [
      `${rounds} rounds in turns; the profile covers a whole run of a minute, joins included, and counts a histogram's work for whoever asks for it`,
    ],
  };
  printPart(part);
  const about =
    "The same watch party with and without `--record`, in turns, every delivery judged; and where the processor time of the worker goes, by `--cpu-prof`.";
  writeResult({ name: "check-overhead", title: "What the checks and a recording cost", about }, [part]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
