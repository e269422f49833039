import { spawnSync } from "node:child_process";
import { HarnessError } from "../core/errors.ts";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./network.ts";
import { type Controlled, controlled } from "./process-control.ts";

const READY_MS_MAX = 5_000;

/** Why no Redis of ours can be started here; undefined when one can. */
export function redisMissing(): string | undefined {
  return spawnSync("redis-server", ["--version"]).error === undefined ? undefined : "no redis-server on this machine";
}

/** A Redis that keeps nothing, on loopback. */
export interface RunningRedis extends Controlled {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
}

/**
 * Starts `redis-server` from the PATH and waits until it takes connections.
 * @throws HarnessError `unreachable` when there is none, or it does not start.
 */
export async function startRedis(): Promise<RunningRedis> {
  const port = await freePort();
  return { url: `redis://127.0.0.1:${port}`, ...controlled(await start(port), () => start(port)) };
}

/** Only its own word tells that it is the one who listens there. */
async function start(port: number): Promise<Child> {
  const child = startChild({
    run: ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    env: process.env,
  });
  const ready = new Promise<boolean>((done) => {
    child.onLine((line) => {
      if (/ready to accept connections/i.test(line)) done(true);
    });
  });
  const late = new Promise<boolean>((done) => {
    setTimeout(() => done(false), READY_MS_MAX).unref();
  });
  if (await Promise.race([ready, child.ended.then(() => false), late])) return child;
  const words = child.logs().trimEnd().split("\n").slice(-3).join("; ");
  await child.stop();
  throw new HarnessError("unreachable", `redis-server, which the replicas share their rooms by, did not start: ${words}`, {
    hint: "install Redis (Debian: apt-get install redis-server), or leave out --replicas",
  });
}
