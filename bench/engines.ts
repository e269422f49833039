import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Result } from "../src/core/result.ts";
import { BUILT } from "./contestants.ts";
import { cpuMsBetween, machineCpuMs, prefer, type ProcessFigures, residentBytesOf, treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";
import { startRoomServer, waitFor } from "./room-server.ts";

/**
 * `npm run bench -- engines [--clients 500] [--window 8] [--only node,k6-100,k6-1] [--rooms-of 10,1]`: one scenario with
 * every check on, in our own engine and in stock k6, against the same server: processor time per 1,000 messages and
 * memory a client.
 */
const { values: flags } = parseArgs({
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
/** k6 loads its script once for each VU. */
const ARRIVAL_MS_MAX = 40_000;
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

async function measure(engine: Engine, roomOf: number): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-bench-"));
  const server = await startRoomServer();
  const target = join(folder, "target.yaml");
  writeFileSync(target, `binding: playback\nurl: ${server.url}\ncredential:\n  recipe: none\n`);
  const durationMs = SETTLE_MS + windowMs + MARGIN_MS;
  const rate = rateOf(roomOf);
  const words = ["load", "watch-party", "--target", target, "--clients", clients, "--rooms", Math.ceil(clients / roomOf), "--rate", rate];
  const rest = ["--ramp", `${RAMP_MS}ms`, "--duration", `${durationMs}ms`, "--seed", "bench", "--out", join(folder, "report"), "--json"];
  const [out, error] = ["stdout", "stderr"].map((name) => openSync(join(folder, name), "w"));
  const child: ChildProcess = spawn(process.execPath, [BUILT, ...words.map(String), ...rest, ...engine.words], {
    detached: true,
    stdio: ["ignore", out ?? "ignore", error ?? "ignore"],
  });
  const pid = child.pid ?? 0;
  const exit = once(child, "exit");
  for (const leader of [server.pid, pid]) prefer(leader);
  try {
    const arrived = await waitFor(
      async () => child.exitCode !== null || (await server.counts()).open >= clients,
      250,
      RAMP_MS + ARRIVAL_MS_MAX,
    );
    if (!arrived || child.exitCode !== null)
      throw new Error(`only ${(await server.counts()).open} clients arrived: ${readFileSync(join(folder, "stderr"), "utf8").slice(-800)}`);
    for (const { pid: each } of treeOf(pid).filter(engine.holds)) prefer(each);
    await pause(SETTLE_MS);
    const holders = (): readonly ProcessFigures[] => treeOf(pid).filter(engine.holds);
    const [from, countsFrom, foreignFrom] = [holders(), await server.counts(), machineCpuMs()];
    const [treeFrom, serverFrom] = [treeOf(pid), treeOf(server.pid)];
    await pause(windowMs);
    const [to, countsTo, foreignTo] = [holders(), await server.counts(), machineCpuMs()];
    const beside = cpuMsBetween(treeFrom, treeOf(pid)) + cpuMsBetween(serverFrom, treeOf(server.pid));
    await Promise.race([exit, pause(MARGIN_MS + END_MS_MAX, undefined, { ref: false })]);
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
  } finally {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await Promise.race([exit, pause(5000, undefined, { ref: false })]);
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The run's own verdict; why there is none, where it gave none. */
function verdictOf(folder: string): string {
  try {
    const { verdict, load } = JSON.parse(readFileSync(join(folder, "stdout"), "utf8")) as Result;
    return `${verdict}, ${load?.delivered} of ${load?.expected}`;
  } catch {
    return `no result: ${readFileSync(join(folder, "stderr"), "utf8").trim().slice(-300)}`;
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
