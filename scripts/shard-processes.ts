import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findK6 } from "../src/cli/k6-find.ts";
import type { Result } from "../src/core/result.ts";

/** A run over several shards, each a process of its own, against one server or two that share their rooms. */
export interface ShardedRun {
  /** What plays each shard (default: our own engine, three times). Shards of k6 are execution segments. */
  readonly engines?: readonly ("node" | "k6")[];
  readonly mutant?: string;
  readonly replicas?: number;
  /** Each shard knows one of the servers only. */
  readonly isApart?: boolean;
  /** The shard that is killed in mid-run, from 1. */
  readonly killed?: number;
  readonly clients?: number;
  readonly rooms?: number;
  readonly duration?: string;
  readonly say?: (text: string) => void;
}

export interface ShardedOutcome {
  readonly result: Result;
  readonly refereeExit: number | null;
  readonly shardExits: readonly (number | null)[];
  readonly shardWords: readonly string[];
}

const ENGINES = ["node", "node", "node"] as const;
/** A process says that it is there within this, also on a busy machine. */
const READY_MS_MAX = 150_000;
const KILL_AFTER_MS = 3_500;

interface Started {
  readonly child: ChildProcess;
  readonly words: () => string;
  readonly ended: Promise<number | null>;
}

function start(command: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Started {
  const child = spawn(command[0], command.slice(1), {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (words += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { child, words: () => words, ended };
}

/** How a shard of k6 is started: the scenario's own script, unbundled. */
function k6Words(
  { index, count, urls, referee, out }: { index: number; count: number; urls: readonly string[]; referee: string; out: string },
  party: Readonly<Record<string, string | number>>,
): readonly string[] {
  const bounds = Array.from({ length: count + 1 }, (_, bound) => (bound === 0 ? "0" : bound === count ? "1" : `${bound}/${count}`));
  const variables = { ...party, TARGET: urls.join(","), REFEREE: referee, SHARDS: count, SOCKETS_PER_VU: 5, OUT: out };
  return [
    "run",
    "--quiet",
    "--no-color",
    "--no-usage-report",
    "--log-format",
    "raw",
    "--address",
    "",
    // A network of its own, as shards on machines of their own have one; every one of 127/8 is this machine.
    "--local-ips",
    `127.0.${index}.1`,
    "--execution-segment",
    `${bounds[index]}:${bounds[index + 1]}`,
    "--execution-segment-sequence",
    bounds.join(","),
    ...Object.entries(variables).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    "scenarios/watch-party.k6.ts",
  ];
}

/** What the process says of itself, once it says it. */
async function said(started: Started, pattern: RegExp): Promise<readonly string[]> {
  const until = performance.now() + READY_MS_MAX;
  let hasEnded = false;
  void started.ended.then(() => (hasEnded = true));
  while (performance.now() < until && !hasEnded) {
    const found = [...started.words().matchAll(pattern)].map((match) => match[1] ?? match[0]);
    if (found.length > 0) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`it never said ${String(pattern)}:\n${started.words()}`);
}

function words(flags: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** Starts the server, the referee and the shards as a user would, and gives what came of it. Ends all it has started. */
export async function runShardProcesses(run: ShardedRun): Promise<ShardedOutcome> {
  const { mutant, replicas = 1, isApart = false, killed, clients = 30, rooms = 3, duration = "8s", say = () => undefined } = run;
  const { engines = ENGINES } = run;
  const count = engines.length;
  const k6 = engines.includes("k6") ? (await findK6()).command(process.cwd()) : ([""] as const);
  const folder = mkdtempSync(join(tmpdir(), "rollcall-shards-"));
  const env = { ROLLCALL_RUN_TOKEN: "a token of this run alone", NODE_NO_WARNINGS: "1" };
  const all: Started[] = [];
  const begun = (args: readonly string[], program: readonly [string, ...string[]] = [process.execPath, "bin/rollcall.js"]): Started => {
    const started = start([...program, ...args], env);
    all.push(started);
    return started;
  };
  try {
    const servers = begun([
      "serve",
      "playback",
      "--recipe",
      "none",
      ...(mutant === undefined ? [] : ["--mutant", mutant]),
      ...(replicas === 1 ? [] : ["--replicas", String(replicas)]),
    ]);
    const [line = ""] = await said(servers, /reference server: (.+)/g);
    const urls = line.match(/http:\/\/[^\s,]+/g) ?? [];
    say(`servers: ${urls.join(" ")}${mutant === undefined ? "" : ` (${mutant})`}`);
    const out = join(folder, "out");
    const referee = begun(["referee", "--shards", String(count), "--port", "0", "--out", out, "--lost-after", "10s"]);
    const [address = ""] = await said(referee, /referee of .* at (http:\S+)/g);
    const shards = engines.map((engine, index) => {
      const known = isApart ? [urls[index % urls.length] ?? ""] : urls;
      if (engine === "k6") {
        const party = { CLIENTS: clients, ROOMS: rooms, RATE: 2, DURATION: duration, RAMP: "2s", SEED: "shards" };
        return begun(k6Words({ index, count, urls: known, referee: address, out: join(folder, `k6-${index}-`) }, party), k6);
      }
      const file = join(folder, `target-${index}.yaml`);
      const [first = "", second] = known;
      writeFileSync(
        file,
        `binding: playback\nurl: ${first}\n${second === undefined ? "" : `secondUrl: ${second}\n`}credential: { recipe: none }\n`,
      );
      return begun([
        "load",
        "watch-party",
        ...words({ target: file, clients, rooms, rate: 2, duration, ramp: "2s", seed: "shards" }),
        ...words({ shard: `${index + 1}/${count}`, referee: address }),
      ]);
    });
    if (killed !== undefined) {
      await said(referee, /it begins/g);
      await new Promise((resolve) => setTimeout(resolve, KILL_AFTER_MS));
      shards[killed - 1]?.child.kill("SIGKILL");
      say(`shard ${killed} killed`);
    }
    const [refereeExit, ...shardExits] = await Promise.all([referee.ended, ...shards.map(({ ended }) => ended)]);
    say(referee.words().trimEnd());
    const result = JSON.parse(readFileSync(join(out, "result.json"), "utf8")) as Result;
    return { result, refereeExit, shardExits, shardWords: shards.map(({ words }) => words()) };
  } finally {
    for (const { child } of all) if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await Promise.all(all.map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  }
}
