import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "../src/core/result.ts";

/** A run over three shards, each a process of its own, against one server or two that share their rooms. */
export interface ShardedRun {
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

const SHARDS = 3;
/** A process says that it is there within this, also on a busy machine. */
const READY_MS_MAX = 150_000;
const KILL_AFTER_MS = 3_500;

interface Started {
  readonly child: ChildProcess;
  readonly words: () => string;
  readonly ended: Promise<number | null>;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, ["bin/rollcall.js", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let words = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (words += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { child, words: () => words, ended };
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
  const folder = mkdtempSync(join(tmpdir(), "rollcall-shards-"));
  const env = { ROLLCALL_RUN_TOKEN: "a token of this run alone", NODE_NO_WARNINGS: "1" };
  const all: Started[] = [];
  const begun = (args: readonly string[]): Started => {
    const started = start(args, env);
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
    const referee = begun(["referee", "--shards", String(SHARDS), "--port", "0", "--out", out, "--lost-after", "10s"]);
    const [address = ""] = await said(referee, /referee of .* at (http:\S+)/g);
    const shards = Array.from({ length: SHARDS }, (_, index) => {
      const file = join(folder, `target-${index}.yaml`);
      const known = isApart ? [urls[index % urls.length] ?? ""] : urls;
      const [first = "", second] = known;
      writeFileSync(
        file,
        `binding: playback\nurl: ${first}\n${second === undefined ? "" : `secondUrl: ${second}\n`}credential: { recipe: none }\n`,
      );
      return begun([
        "load",
        "watch-party",
        ...words({ target: file, clients, rooms, rate: 2, duration, ramp: "2s", seed: "shards" }),
        ...words({ shard: `${index + 1}/${SHARDS}`, referee: address }),
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
