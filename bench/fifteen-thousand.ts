import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "../src/core/result.ts";
import { BUILT } from "./contestants.ts";
import { cpuMsBetween, machineCpuMs, prefer, type ProcessFigures, treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";
import { flagsOf } from "../scripts/flags.ts";

/**
 * `npm run bench -- fifteen-thousand [--rates 0.2,0.1,0.05]`: 15,000 clients with DIDs and service tokens of their own
 * in one run against the playback reference server, every delivery checked. The first rate whose run is conclusive counts.
 */
const { values: flags } = flagsOf(
  "npm run bench -- fifteen-thousand [--clients 15000] [--rates 0.2,0.1,0.05] [--ramp 75] [--duration 30] [--workers 2]",
  {
    options: {
      clients: { type: "string", default: "15000" },
      rates: { type: "string", default: "0.2,0.1,0.05" },
      ramp: { type: "string", default: "75" },
      duration: { type: "string", default: "30" },
      workers: { type: "string", default: "2" },
    },
  },
);
const clients = Number(flags.clients);
const rampMs = Number(flags.ramp) * 1000;
const durationMs = Number(flags.duration) * 1000;
/** Identities are minted once, at 500 a second, and kept; then come the run and its final states. */
const OVERTIME_MS_MAX = 150_000;
const SAMPLE_MS = 1000;

const KINDS = ["workers", "server", "directory", "command"] as const;
type Kind = (typeof KINDS)[number];

interface Attempt {
  readonly rate: number;
  readonly result: Result;
  /** The greatest resident memory that each kind of process had at once. */
  readonly bytes: ReadonlyMap<Kind, number>;
  readonly wallMs: number;
  /** Each second's share of the machine, by whom. */
  readonly seconds: readonly Second[];
}

interface Second {
  readonly atMs: number;
  readonly cores: ReadonlyMap<Kind | "others", number>;
}

function kindOf({ command }: ProcessFigures): Kind {
  if (command.includes("/cli/worker.")) return "workers";
  if (command.includes("/reference/main.")) return "server";
  if (command.includes("/plc-server.")) return "directory";
  return "command";
}

async function attempt(rate: number): Promise<Attempt> {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
  const beganMs = performance.now();
  const words = ["--clients", clients, "--rooms", Math.ceil(clients / 10), "--rate", rate, "--workers", flags.workers];
  const times = ["--ramp", `${rampMs / 1000}s`, "--duration", `${durationMs / 1000}s`];
  const rest = [...words, ...times, "--seed", "bench", "--out", join(folder, "report"), "--json"].map(String);
  const child = spawn(process.execPath, [BUILT, "load", "watch-party", "--target", "playback", ...rest], {
    stdio: ["ignore", openSync(join(folder, "stdout"), "w"), openSync(join(folder, "stderr"), "w")],
  });
  const bytes = new Map<Kind, number>();
  const seconds: Second[] = [];
  let before = { atMs: performance.now(), machineMs: machineCpuMs(), tree: treeOf(process.pid) };
  const sample = (): void => {
    const now = new Map<Kind, number>();
    const tree = treeOf(process.pid);
    const after = { atMs: performance.now(), machineMs: machineCpuMs(), tree };
    const cores = new Map<Kind | "others", number>();
    const share = (ms: number): number => ms / (after.atMs - before.atMs);
    for (const kind of KINDS)
      cores.set(
        kind,
        share(
          cpuMsBetween(
            before.tree,
            tree.filter((each) => each.pid !== process.pid && kindOf(each) === kind),
          ),
        ),
      );
    cores.set("others", share(after.machineMs - before.machineMs - cpuMsBetween(before.tree, tree)));
    seconds.push({ atMs: after.atMs - beganMs, cores });
    before = after;
    for (const each of tree.filter(({ pid }) => pid !== process.pid)) {
      prefer(each.pid);
      const kind = kindOf(each);
      now.set(kind, (now.get(kind) ?? 0) + each.residentBytes);
    }
    for (const [kind, sum] of now) bytes.set(kind, Math.max(bytes.get(kind) ?? 0, sum));
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  // Ctrl-C ends a run in order: its own processes end with it.
  const limit = setTimeout(() => child.kill("SIGINT"), rampMs + durationMs + OVERTIME_MS_MAX);
  try {
    await once(child, "exit");
    const stdout = readFileSync(join(folder, "stdout"), "utf8");
    if (stdout === "") throw new Error(readFileSync(join(folder, "stderr"), "utf8").slice(-2000));
    return { rate, result: JSON.parse(stdout) as Result, bytes, wallMs: performance.now() - beganMs, seconds };
  } finally {
    clearInterval(sampling);
    clearTimeout(limit);
    rmSync(folder, { recursive: true, force: true });
  }
}

function doubtsOf({ result }: Attempt): readonly string[] {
  const { load, harness, notes, verdict } = result;
  const off = load?.objectives
    .filter((each) => each.verdict !== "pass")
    .map(({ name, got, wanted }) => `${name} ${got} (wanted ${wanted})`);
  const unjudged = result.requirements
    .filter((each) => each.verdict === "inconclusive" || each.verdict === "fail")
    .map(({ id, verdict: its }) => `${id} ${its}`);
  const all = [...(off ?? []), ...unjudged, ...harness.inconclusiveBecause, ...notes];
  return verdict === "pass" && all.length === 0 ? [] : [`verdict ${verdict}`, ...all];
}

function rowOf(made: Attempt): readonly string[] {
  const { load, harness, verdict } = made.result;
  const mib = (kind: Kind): string => ((made.bytes.get(kind) ?? 0) / 2 ** 20).toFixed(0);
  const total = [...made.bytes.values()].reduce((sum, each) => sum + each, 0) / 2 ** 20;
  return [
    String(made.rate),
    verdict,
    `${load?.delivered ?? 0} of ${load?.expected ?? 0}`,
    String(load?.achievedPerSecond ?? 0),
    `${load?.deliveryMs.p50.toFixed(1) ?? ""} / ${load?.deliveryMs.p99.toFixed(1) ?? ""}`,
    `${load?.joinMs.p50.toFixed(0) ?? ""} / ${load?.joinMs.p99.toFixed(0) ?? ""}`,
    harness.loopLagMsP99.toFixed(1),
    harness.cpu.toFixed(2),
    (harness.residentBytes / 1024 / clients).toFixed(1),
    [mib("workers"), mib("command"), mib("directory"), mib("server")].join(" + "),
    total.toFixed(0),
  ];
}

/** What every second of a run that came to nothing was like. */
function tellWhy({ result, seconds }: Attempt): void {
  const series = result.load?.series ?? [];
  for (const { t, clients: joined, sent, delivered, deliveryMsP99, loopLagMs } of series)
    process.stdout.write(
      `  ${t} s: ${joined} clients, ${sent} sent, ${delivered} delivered, p99 ${deliveryMsP99} ms, lag ${loopLagMs} ms\n`,
    );
  for (const { atMs, cores } of seconds)
    process.stdout.write(
      `  at ${(atMs / 1000).toFixed(0)} s cores: ${[...cores].map(([kind, share]) => `${kind} ${share.toFixed(2)}`).join(", ")}\n`,
    );
}

const attempts: Attempt[] = [];
for (const rate of flags.rates.split(",").map(Number)) {
  const made = await attempt(rate);
  attempts.push(made);
  process.stdout.write(`rate ${rate}: ${rowOf(made).join(" | ")}; ${doubtsOf(made).join("; ")}; ${(made.wallMs / 1000).toFixed(0)} s\n`);
  if (doubtsOf(made).length === 0) break;
  tellWhy(made);
}
const last = attempts.at(-1);
const isMet = last !== undefined && doubtsOf(last).length === 0 && last.result.load?.reach === 1;
const part: BenchPart = {
  key: `${clients}`,
  command: commandOf("fifteen-thousand"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: `${clients} clients with DIDs in ${Math.ceil(clients / 10)} rooms, ${flags.workers} workers, ${durationMs / 1000} s of writing after a ramp of ${rampMs / 1000} s`,
      columns: [
        "writes a second and client",
        "verdict",
        "deliveries",
        "writes a second",
        "delivery p50 / p99 ms",
        "join p50 / p99 ms",
        "loop lag p99 ms",
        "busiest worker's core",
        "workers' KiB a client",
        "MiB at most: workers + command + directory + server",
        "MiB in all",
      ],
      rows: attempts.map(rowOf),
    },
  ],
  bars: [
    {
      what: `${clients} DID-authenticated clients in one run, every delivery checked`,
      wanted: "conclusive, reach 1",
      got:
        last === undefined
          ? "no run"
          : `${last.result.verdict} at ${last.rate} writes a second and client, reach ${last.result.load?.reach ?? 0}`,
      isMet,
    },
  ],
  notes: attempts.flatMap((made) => {
    const doubts = doubtsOf(made);
    return doubts.length === 0 ? [] : [`at ${made.rate}: ${doubts.join("; ")}`];
  }),
};
printPart(part);
const about = `Every client has a DID of its own in the PLC directory and shows a service token that it signed; the server looks the key up and
verifies it at each join. All processes (workers, the command that mints tokens, the directory, the server) share the machine.`;
if (clients === 15_000) writeResult({ name: "fifteen-thousand", title: "15,000 authenticated clients on one machine", about }, [part]);
process.exitCode = isMet ? 0 : 1;
