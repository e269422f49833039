import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Result } from "../src/core/result.ts";
import { contestants, type Contestant, type Load } from "./contestants.ts";
import { holdsClients, play, said } from "./play.ts";
import { cpuMsBetween, machineCpuMs, type ProcessFigures, residentBytesOf, treeOf } from "./process-tree.ts";
import { type Bar, type BenchPart, commandOf, machine, median, printPart, spread, today, writeResult } from "./result-file.ts";
import { waitFor } from "./room-server.ts";
import { flagsOf } from "../scripts/flags.ts";

/**
 * `npm run bench -- density [--setup 2000] [--rounds 3] [--only ours,bare]`: processor time and memory of a fully
 * judged run beside load generators that judge nothing, in turns, against the same server.
 */
const { values: flags } = flagsOf(
  "npm run bench -- density [--setup 2000,5000,10000] [--rounds 3] [--only ours,bare,artillery,k6,k6-single] [--window 30]",
  {
    options: {
      setup: { type: "string", default: "2000,5000,10000" },
      rounds: { type: "string", default: "3" },
      only: { type: "string", default: "ours,bare,artillery,k6,k6-single" },
      window: { type: "string", default: "30" },
    },
  },
);
const rounds = Number(flags.rounds);
const windowMs = Number(flags.window) * 1000;

/** Rooms of ten. At 10,000 everybody writes once in 5 s: a message a second each is more than the server can do. */
interface Setup {
  readonly clients: number;
  readonly rate: number;
  readonly rampMs: number;
}

const SETUPS: Readonly<Record<string, Setup>> = {
  "200": { clients: 200, rate: 1, rampMs: 1000 },
  "2000": { clients: 2000, rate: 1, rampMs: 5000 },
  "5000": { clients: 5000, rate: 1, rampMs: 9000 },
  "10000": { clients: 10_000, rate: 0.2, rampMs: 16_000 },
};

/** After all have arrived: joins are answered, and what they left behind is collected. */
const SETTLE_MS = 1500;
/** Writing goes on for this much longer than is measured: contestants start at different speed. */
const MARGIN_MS = 3500;
/** A contestant that ends by itself has this long after its last write. */
const END_MS_MAX = 30_000;
/** Less than this share of the planned writes: it falls behind. */
const SHARE_BEHIND = 0.95;
/** One socket a virtual user is measured once, for comparison: it costs as much time as all the others. */
const ONCE: ReadonlySet<string> = new Set(["k6-single"]);

/** More of the machine than this went to processes that have no part in it: measured again, so often at most. */
const FOREIGN_CORES_MAX = 0.1;
const TRIES_MAX = 2;
/** So long is waited for others to leave the machine alone. */
const QUIET_MS_MAX = 45_000;
const QUIET_WINDOW_MS = 1500;

interface Figures {
  readonly cpuMsPerThousand: number;
  /** Of the whole process tree. */
  readonly kibPerClient: number;
  /** Of the processes that hold the clients: what grows with them. */
  readonly holdersKibPerClient: number;
  readonly messagesPerSecond: number;
  /** Of the planned writes. */
  readonly share: number;
  readonly serverCores: number;
  /** Of our command's processes that hold no clients. */
  readonly besideCores: number;
  /** What all other processes of the machine had meanwhile. */
  readonly foreignCores: number;
  readonly problem: string | undefined;
}

function cpuMsNow(trees: readonly (readonly ProcessFigures[])[]): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + trees.flat().reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

function measure(contestant: Contestant, setup: Setup): Promise<Figures> {
  const load: Load = { ...setup, rooms: setup.clients / 10, durationMs: SETTLE_MS + windowMs + MARGIN_MS };
  return play(contestant, load, async ({ server, pid, folder, ending }) => {
    await isWriting(server.counts, load);
    await pause(SETTLE_MS);
    const [countsFrom, treeFrom, serverFrom] = [await server.counts(), treeOf(pid), treeOf(server.pid)];
    const foreignFromMs = machineCpuMs() - cpuMsNow([treeFrom, serverFrom]);
    await pause(windowMs);
    const [treeTo, serverTo] = [treeOf(pid), treeOf(server.pid)];
    const foreignMs = machineCpuMs() - cpuMsNow([treeTo, serverTo]) - foreignFromMs;
    const countsTo = await server.counts();
    if (treeTo.length === 0) throw new Error(`it ended before it was measured: ${said(folder)}`);
    const wallMs = countsTo.atMs - countsFrom.atMs;
    const written = countsTo.received - countsFrom.received;
    const messages = written + countsTo.sent - countsFrom.sent;
    if (contestant.ends) await ending(MARGIN_MS + END_MS_MAX);
    return {
      cpuMsPerThousand: (cpuMsBetween(treeFrom, treeTo) * 1000) / messages,
      kibPerClient: residentBytesOf(treeTo) / 1024 / load.clients,
      holdersKibPerClient: residentBytesOf(treeTo.filter((each) => holdsClients(contestant, each))) / 1024 / load.clients,
      messagesPerSecond: (messages * 1000) / wallMs,
      share: (written * 1000) / wallMs / (load.clients * load.rate),
      serverCores: cpuMsBetween(serverFrom, serverTo) / wallMs,
      besideCores:
        cpuMsBetween(
          treeFrom,
          treeTo.filter((each) => !holdsClients(contestant, each)),
        ) / wallMs,
      foreignCores: Math.max(0, foreignMs / wallMs),
      problem: problemOf(contestant, folder),
    };
  });
}

/** Once the server hears writes at half of the planned rate: the ramp is over. */
async function isWriting(counts: () => Promise<{ readonly received: number; readonly atMs: number }>, load: Load): Promise<void> {
  let last = await counts();
  await waitFor(
    async () => {
      await pause(500);
      const now = await counts();
      const perSecond = ((now.received - last.received) * 1000) / (now.atMs - last.atMs);
      last = now;
      return perSecond >= (load.clients * load.rate) / 2;
    },
    0,
    load.rampMs + 5000,
  );
}

/** The verdict of our own run: a figure of a run that lost something, or does not know, is none. */
function problemOf(contestant: Contestant, folder: string): string | undefined {
  if (contestant.name !== "ours") return undefined;
  try {
    const result = JSON.parse(readFileSync(join(folder, "stdout"), "utf8")) as Result;
    const { verdict, load, harness, notes } = result;
    const isWhole = load?.reach === 1 && (verdict === "pass" || verdict === "warning");
    const late = load?.objectives.filter((objective) => objective.verdict !== "pass").map(({ name, got }) => `${name} ${got}`);
    if (isWhole && late?.length === 0) return undefined;
    return [`verdict ${verdict}, reach ${load?.reach ?? 0}`, ...(late ?? []), ...harness.inconclusiveBecause, ...notes].join("; ");
  } catch {
    return `no result: ${said(folder)}`;
  }
}

type Round = ReadonlyMap<string, Figures>;

/** Measured while nobody else had much of the machine, or else the least disturbed of several tries. */
async function undisturbed(contestant: Contestant, setup: Setup, about: string): Promise<Figures> {
  const made: Figures[] = [];
  for (let trial = 0; trial < TRIES_MAX; trial += 1) {
    await quiet();
    const measured = await measure(contestant, setup).catch((error: unknown) => {
      process.stdout.write(`${about}, ${contestant.name}: ${String(error)}\n`);
    });
    if (measured === undefined) continue;
    made.push(measured);
    process.stdout.write(`${about}, ${contestant.name}: ${JSON.stringify(measured)}\n`);
    if (measured.foreignCores <= FOREIGN_CORES_MAX) return measured;
  }
  if (made.length === 0) throw new Error(`${contestant.name} could not be measured at ${about}`);
  return made.reduce((best, each) => (each.foreignCores < best.foreignCores ? each : best));
}

async function quiet(): Promise<void> {
  await waitFor(
    async () => {
      const fromMs = machineCpuMs() - cpuMsNow([]);
      await pause(QUIET_WINDOW_MS);
      return (machineCpuMs() - cpuMsNow([]) - fromMs) / QUIET_WINDOW_MS <= FOREIGN_CORES_MAX;
    },
    0,
    QUIET_MS_MAX,
  );
}

async function compare(key: string, setup: Setup): Promise<BenchPart> {
  const { there, missing } = contestants(flags.only.split(","));
  const gathered: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const figures = new Map<string, Figures>();
    for (const contestant of there) {
      if (round > 0 && ONCE.has(contestant.name)) continue;
      figures.set(contestant.name, await undisturbed(contestant, setup, `${key} clients, round ${round + 1}`));
    }
    gathered.push(figures);
  }
  return partOf(key, setup, there, gathered, missing);
}

/** Ours ÷ theirs, each from one round. */
function ratios(gathered: readonly Round[], name: string, of: (figures: Figures) => number): readonly number[] {
  return gathered.flatMap((round) => {
    const [mine, theirs] = [round.get("ours"), round.get(name)];
    return mine === undefined || theirs === undefined ? [] : [of(mine) / of(theirs)];
  });
}

const BARS: readonly { readonly name: Contestant["name"]; readonly cpu: number; readonly memory: number }[] = [
  { name: "bare", cpu: 0.75, memory: 1 },
  { name: "artillery", cpu: 0.8, memory: 0.3 },
  { name: "k6", cpu: 0.25, memory: 0.4 },
];

function partOf(
  key: string,
  { clients, rate }: Setup,
  there: readonly Contestant[],
  gathered: readonly Round[],
  missing: readonly string[],
): BenchPart {
  const cpu = (each: Figures): number => each.cpuMsPerThousand;
  const memory = (each: Figures): number => each.kibPerClient;
  const holders = (each: Figures): number => each.holdersKibPerClient;
  const rows = there.map(({ name, title }) => {
    const own = gathered.flatMap((round) => round.get(name) ?? []);
    const share = median(own.map((each) => each.share));
    return [
      share < SHARE_BEHIND ? `${title} (falls behind: ${(share * 100).toFixed(0)} % of its writes)` : title,
      spread(own.map(cpu), 2),
      spread(own.map(memory), 1),
      spread(own.map(holders), 1),
      spread(ratios(gathered, name, cpu), 2),
      spread(ratios(gathered, name, memory), 2),
      spread(ratios(gathered, name, holders), 2),
      median(own.map((each) => each.messagesPerSecond)).toFixed(0),
      median(own.map((each) => each.serverCores)).toFixed(2),
      Math.max(...own.map((each) => each.foreignCores)).toFixed(2),
    ];
  });
  const bars = BARS.flatMap(({ name, ...wanted }): Bar[] => {
    if (!there.some((each) => each.name === name)) return [];
    const bar = (what: string, limit: number, of: (figures: Figures) => number): Bar => {
      const got = median(ratios(gathered, name, of));
      return { what: `${clients} clients, ours ÷ ${name}, ${what}`, wanted: `≤ ${limit}`, got: got.toFixed(2), isMet: got <= limit };
    };
    return [
      bar("CPU per message", wanted.cpu, cpu),
      bar("memory of the processes that hold clients", wanted.memory, holders),
      bar("memory of the whole command", wanted.memory, memory),
    ];
  });
  const problems = gathered.flatMap((round, index) => {
    const problem = round.get("ours")?.problem;
    return problem === undefined ? [] : [`round ${index + 1}, our run: ${problem}`];
  });
  return {
    key,
    command: commandOf("density"),
    measuredOn: today(),
    machine: machine(),
    tables: [
      {
        caption: `${clients} clients in rooms of 10, ${rate === 1 ? "a write a second" : `a write in ${1 / rate} s`} and client, ${gathered.length} rounds, ${windowMs / 1000} s each: median (least–greatest)`,
        columns: [
          "",
          "CPU ms per 1,000 messages",
          "resident KiB a client, whole command",
          "of the processes that hold clients",
          "ours ÷ it, CPU",
          "ours ÷ it, whole command",
          "ours ÷ it, holding clients",
          "messages a second",
          "server's cores",
          "others' cores",
        ],
        rows,
      },
    ],
    bars,
    notes: [...problems, ...missing],
  };
}

const about = `Processor time (user and system) of the whole process tree of each load generator over a steady window after
all clients have arrived, and its resident memory at the window's end. Messages are those that the server counts, in and out:
in favour of those that fall behind. All play against the same reference server, one after the other in each round. Ours is
the built command with every check on, and every delivery accounted for; the bare script is \`bench/bare-ws.mjs\` (JSON and an
HDR histogram); artillery sends and leaves what comes unread by its script; k6 decodes JSON and adds to a Trend. A message is
one write or one delivery. Our command has a process that mints credentials, gathers figures and writes reports beside its workers;
its memory, about 140 MB, does not grow with the clients, and is told apart. Others' cores are what processes that have no part in it took of the
machine during the window; above ${FOREIGN_CORES_MAX} a window is measured again.`;

const parts: BenchPart[] = [];
for (const key of flags.setup.split(",")) {
  const setup = SETUPS[key];
  if (setup === undefined) throw new Error(`--setup takes ${Object.keys(SETUPS).join(", ")}`);
  parts.push(await compare(key, setup));
}
for (const part of parts) printPart(part);
const lasting = parts.filter((part) => part.key !== "200");
if (lasting.length > 0) writeResult({ name: "density", title: "Density: CPU and memory beside others", about }, lasting);
process.exitCode = parts.every((part) => part.bars.every((bar) => bar.isMet)) ? 0 : 1;
