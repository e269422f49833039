import { spawnSync } from "node:child_process";
import { HarnessError } from "../core/errors.ts";
import { type Child, startChild } from "./child.ts";
import { freePort, probe } from "./network.ts";
import type { Exit, TargetProcess } from "./types.ts";

const READY_MS_MAX = 5_000;
const POLL_MS = 25;

/** Why no Redis of ours can be started here; undefined when one can. */
export function redisMissing(): string | undefined {
  return spawnSync("redis-server", ["--version"]).error === undefined ? undefined : "no redis-server on this machine";
}

/** A Redis that keeps nothing, on loopback. */
export interface RunningRedis {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly process: TargetProcess;
  /** How it ended by itself. */
  exited(): Exit | undefined;
  stop(): Promise<void>;
}

/**
 * Starts `redis-server` from the PATH and waits until it takes connections.
 * @throws HarnessError `unreachable` when there is none, or it does not start.
 */
export async function startRedis(): Promise<RunningRedis> {
  const port = await freePort();
  let child = await start(port);
  let isOnPurpose = false;
  const control: TargetProcess = {
    get pid() {
      return child.pid;
    },
    restart: async (how = "politely") => {
      await control.end(how);
      await control.begin();
    },
    end: async (how) => {
      isOnPurpose = true;
      if (how === "killed") child.signal("SIGKILL");
      await child.stop();
    },
    begin: async () => {
      child = await start(port);
      isOnPurpose = false;
    },
    freeze: () => child.signal("SIGSTOP"),
    thaw: () => child.signal("SIGCONT"),
    kill: () => {
      isOnPurpose = true;
      child.signal("SIGKILL");
    },
    logs: () => child.logs(),
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    process: control,
    exited: () => (isOnPurpose ? undefined : child.exited()),
    stop: async () => {
      isOnPurpose = true;
      await child.stop();
    },
  };
}

async function start(port: number): Promise<Child> {
  const child = startChild({
    run: ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    env: process.env,
  });
  const until = performance.now() + READY_MS_MAX;
  while (child.exited() === undefined && performance.now() < until) {
    if ((await probe(`http://127.0.0.1:${port}`, undefined, READY_MS_MAX)) === undefined && child.exited() === undefined) return child;
    await Promise.race([new Promise((done) => setTimeout(done, POLL_MS)), child.ended]);
  }
  const words = child.logs().trimEnd().split("\n").slice(-3).join("; ");
  await child.stop();
  throw new HarnessError("unreachable", `redis-server, which the replicas share their rooms by, did not start: ${words}`, {
    hint: "install Redis (Debian: apt-get install redis-server), or leave out --replicas",
  });
}
