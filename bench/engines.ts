import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Result } from "../src/core/result.ts";
import { type Load, rollcall } from "./contestants.ts";
import { play, said } from "./play.ts";
import { cpuMsBetween, machineCpuMs, prefer, type ProcessFigures, residentBytesOf, treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";
import { flagsOf } from "../scripts/flags.ts";

/**
 * `npm run bench -- engines [--clients 500] [--window 8] [--only node,k6-100,k6-1] [--rooms-of 10,1]`: one scenario with
 * every check on, in our own engine and in stock k6, against the same server: processor time per 1,000 messages and
 * memory a client.
 */
const { values: flags } = flagsOf("npm run bench -- engines [--clients 500] [--window 8] [--only node,k6-100,k6-1] [--rooms-of 10,1]", {
  options: {
    clients: { type: "string", default: "500" },
    window: { type: "string", default: "8" },
    only: { type: "string", default: "node,k6-100,k6-1" },
    "rooms-of": { type: "string", default: "10,1" },
  },
});
const clients = Number(flags.clients);
const windowMs = Number(flags.window) * 1000;

interface Engine {
  readonly name: string;
  readonly title: string;
  readonly words: readonly string[];
  /** A room is never divided over VUs: one socket a VU is one member a room. */
  readonly roomsOf: (asked: number) => boolean;
  /** The processes that hold clients. */
  readonly holds: (process: ProcessFigures) => boolean;
}

const isK6 = ({ command }: ProcessFigures): boolean => /(?:^|\/)k6 run /.test(command);

const ENGINES: readonly Engine[] = [
  { name: "node", title: "our engine", words: [], roomsOf: () => true, holds: ({ command }) => command.includes("/cli/worker.") },
  {
    name: "k6-100",
    title: "k6, 100 sockets a VU",
    words: ["--engine", "k6", "--sockets-per-vu", "100"],
    roomsOf: () => true,
    holds: isK6,
  },
  {
    name: "k6-1",
    title: "k6, one socket a VU",
    words: ["--engine", "k6", "--sockets-per-vu", "1"],
    roomsOf: (asked) => asked === 1,
    holds: isK6,
  },
];

const RAMP_MS = 3000;
const SETTLE_MS = 2000;
const MARGIN_MS = 3000;
const END_MS_MAX = 60_000;

interface Figures {
  readonly cpuMsPerThousand: number;
  readonly kibPerClient: number;
  readonly messagesPerSecond: number;
  readonly share: number;
  readonly foreignCores: number;
  readonly verdict: string;
}

/** Rooms of one hear their own echo only: they write more, so that there is something to measure. */
function rateOf(roomOf: number): number {
  return roomOf === 1 ? 2 : 0.5;
}

function measure(engine: Engine, roomOf: number): Promise<Figures> {
  const rate = rateOf(roomOf);
  const durationMs = SETTLE_MS + windowMs + MARGIN_MS;
  const load: Load = { clients, rooms: Math.ceil(clients / roomOf), rate, rampMs: RAMP_MS, durationMs };
  return play(rollcall(engine.words), load, async ({ server, pid, folder, ending }) => {
    for (const { pid: each } of treeOf(pid).filter(engine.holds)) prefer(each);
    await pause(SETTLE_MS);
    const holders = (): readonly ProcessFigures[] => treeOf(pid).filter(engine.holds);
    const [from, countsFrom, foreignFrom] = [holders(), await server.counts(), machineCpuMs()];
    const [treeFrom, serverFrom] = [treeOf(pid), treeOf(server.pid)];
    await pause(windowMs);
    const [to, countsTo, foreignTo] = [holders(), await server.counts(), machineCpuMs()];
    const beside = cpuMsBetween(treeFrom, treeOf(pid)) + cpuMsBetween(serverFrom, treeOf(server.pid));
    await ending(MARGIN_MS + END_MS_MAX);
    const wallMs = countsTo.atMs - countsFrom.atMs;
    const written = countsTo.received - countsFrom.received;
    const messages = written + countsTo.sent - countsFrom.sent;
    return {
      cpuMsPerThousand: (cpuMsBetween(from, to) * 1000) / messages,
      kibPerClient: residentBytesOf(to) / 1024 / clients,
      messagesPerSecond: (messages * 1000) / wallMs,
      share: (written * 1000) / wallMs / (clients * rate),
      foreignCores: Math.max(0, foreignTo - foreignFrom - beside) / wallMs,
      verdict: verdictOf(folder),
    };
  });
}

/** The run's own verdict; why there is none, where it gave none. */
function verdictOf(folder: string): string {
  try {
    const { verdict, load } = JSON.parse(readFileSync(join(folder, "stdout"), "utf8")) as Result;
    return `${verdict}, ${load?.delivered} of ${load?.expected}`;
  } catch {
    return `no result: ${said(folder)}`;
  }
}

const engines = ENGINES.filter(({ name }) => flags.only.split(",").includes(name));
const tables = [];
for (const roomOf of flags["rooms-of"].split(",").map(Number)) {
  const rows: string[][] = [];
  for (const engine of engines.filter(({ roomsOf }) => roomsOf(roomOf))) {
    const figures = await measure(engine, roomOf);
    process.stdout.write(`rooms of ${roomOf}, ${engine.name}: ${JSON.stringify(figures)}\n`);
    rows.push([
      engine.title,
      figures.cpuMsPerThousand.toFixed(1),
      figures.kibPerClient.toFixed(0),
      figures.messagesPerSecond.toFixed(0),
      `${(figures.share * 100).toFixed(0)} %`,
      figures.foreignCores.toFixed(2),
      figures.verdict,
    ]);
  }
  tables.push({
    caption: `${clients} clients in rooms of ${roomOf}, ${rateOf(roomOf)} writes a second and client, ${windowMs / 1000} s`,
    columns: [
      "",
      "CPU ms per 1,000 messages",
      "resident KiB a client",
      "messages a second",
      "of the planned writes",
      "others' cores",
      "verdict, deliveries",
    ],
    rows,
  });
}

const part: BenchPart = {
  key: `${clients} in rooms of ${flags["rooms-of"]}`,
  command: commandOf("engines"),
  measuredOn: today(),
  machine: machine(),
  tables,
  bars: [],
  notes: [
    "one socket a VU is shown in rooms of one: a room is judged by the VU that holds all of its members, so that VUs are no more than rooms",
  ],
};
printPart(part);
writeResult(
  {
    name: "engines",
    title: "Our engine and k6",
    about: `The same scenario with the same checkers, every delivery accounted for, in our own engine and in stock k6 against one server:
processor time (user and system) and resident memory of the processes that hold the clients. Messages are those that the server counts, in and out.`,
  },
  [part],
);
