import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Result } from "../src/core/result.ts";
import { contestants, sockets, type Contestant, type Load } from "./contestants.ts";
import { holdsClients, play } from "./play.ts";
import { residentBytesOf, treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";
import { flagsOf } from "../scripts/flags.ts";

/**
 * `npm run bench -- soak [--minutes 10] [--clients 2000] [--rate 1]`: resident memory of a load worker with every check
 * on, from minute to minute, and what a client takes of it beyond a socket that nobody looks at.
 */
const { values: flags } = flagsOf("npm run bench -- soak [--minutes 10] [--clients 2000] [--rate 1]", {
  options: {
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "2000" },
    rate: { type: "string", default: "1" },
  },
});
const minutes = Number(flags.minutes);
const clients = Number(flags.clients);
const rate = Number(flags.rate);
const RAMP_MS = 6000;
const SAMPLE_MS = 2000;
/** Collections settle, code is compiled: what is compared begins here. */
const SETTLE_MS = 20_000;
/** Long enough for a mean over several collections. */
const SHORT_MS = 45_000;
/** One room: what a process takes whatever the number of its clients. */
const FEW = 10;
const ABOVE_SOCKET_KIB_MAX = 10;
/** Memory of the last third of the time ÷ that of the first. */
const GROWTH_MAX = 1.05;

interface Sample {
  readonly atMs: number;
  readonly kib: number;
}

interface Soaked {
  readonly samples: readonly Sample[];
  readonly result: Result | undefined;
}

/** Plays for so long, and looks at the processes that hold the clients. */
function soak(contestant: Contestant, count: number, durationMs: number): Promise<Soaked> {
  const load: Load = { clients: count, rooms: Math.ceil(count / 10), rate, rampMs: RAMP_MS, durationMs };
  return play(contestant, load, async ({ pid, folder, hasEnded, ending }) => {
    const fromMs = performance.now();
    const samples: Sample[] = [];
    while (!hasEnded() && performance.now() - fromMs < durationMs - SAMPLE_MS) {
      const holders = treeOf(pid).filter((each) => holdsClients(contestant, each));
      samples.push({ atMs: performance.now() - fromMs, kib: residentBytesOf(holders) / 1024 });
      await pause(SAMPLE_MS);
    }
    await ending(60_000);
    const stdout = readFileSync(join(folder, "stdout"), "utf8");
    return { samples, result: contestant.name === "ours" && stdout !== "" ? (JSON.parse(stdout) as Result) : undefined };
  });
}

const settled = ({ samples }: Soaked): readonly Sample[] => samples.filter(({ atMs }) => atMs >= SETTLE_MS);
const middle = (samples: readonly Sample[]): number => median(samples.map(({ kib }) => kib));

/** What each client beyond the first room adds. */
async function perClient(contestant: Contestant, many: Soaked): Promise<number> {
  const few = await soak(contestant, FEW, SHORT_MS);
  return (middle(settled(many).filter(({ atMs }) => atMs < SHORT_MS)) - middle(settled(few))) / (clients - FEW);
}

const ours = contestants(["ours"]).there[0];
if (ours === undefined) throw new Error("our own command is not among the contestants");
const long = await soak(ours, clients, Math.max(SHORT_MS, minutes * 60_000));
const kept = settled(long);
const third = Math.max(1, Math.floor(kept.length / 3));
const growth = middle(kept.slice(-third)) / middle(kept.slice(0, third));
const own = await perClient(ours, long);
const bare = await perClient(sockets, await soak(sockets, clients, SHORT_MS));
const { result } = long;
const isWhole = result?.load?.reach === 1 && result.verdict === "pass";

const spans = Math.max(1, Math.min(10, Math.round(minutes)));
const rows = Array.from({ length: spans }, (_, index) => {
  const span = long.samples.filter(({ atMs }) => Math.min(spans - 1, Math.floor((atMs / (minutes * 60_000)) * spans)) === index);
  const each = span.map(({ kib }) => kib / clients);
  return [`${((minutes / spans) * (index + 1)).toFixed(1)}`, spread(each, 1)];
});
const part: BenchPart = {
  key: `${minutes}`,
  command: commandOf("soak"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: `${clients} clients in rooms of 10, ${rate} writes a second and client, ${result?.load?.delivered ?? 0} of ${result?.load?.expected ?? 0} deliveries: median (least–greatest)`,
      columns: ["up to minute", "resident KiB a client, worker"],
      rows,
    },
    {
      caption: `What a client adds to a process: (${clients} clients − ${FEW}) ÷ ${clients - FEW}`,
      columns: ["", "KiB a client"],
      rows: [
        ["rollcall, every check on", own.toFixed(1)],
        ["a socket of Node's, upgraded, that nobody looks at", bare.toFixed(1)],
      ],
    },
  ],
  bars: [
    {
      what: `memory in the last third of ${minutes} minutes ÷ the first`,
      wanted: `≤ ${GROWTH_MAX}`,
      got: growth.toFixed(3),
      isMet: growth <= GROWTH_MAX,
    },
    {
      what: "KiB a client above the socket's own",
      wanted: `≤ ${ABOVE_SOCKET_KIB_MAX}`,
      got: (own - bare).toFixed(1),
      isMet: own - bare <= ABOVE_SOCKET_KIB_MAX,
    },
  ],
  notes: isWhole ? [] : [`verdict ${result?.verdict ?? "none"}: ${result?.harness.inconclusiveBecause.join("; ") ?? ""}`],
};
printPart(part);
const about = `One load worker plays for minutes; its resident memory is read every ${SAMPLE_MS / 1000} s, and what comes in the first ${SETTLE_MS / 1000} s after
all have arrived is left out of the comparison. The socket's own cost is that of \`bench/bare-sockets.mjs\`.`;
writeResult({ name: "soak", title: "Memory over time", about }, [part]);
process.exitCode = part.bars.every(({ isMet }) => isMet) ? 0 : 1;
