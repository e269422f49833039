import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";

/** Why there is no Redis to test with; undefined when there is one. */
export const NO_REDIS: string | undefined =
  spawnSync("redis-server", ["--version"]).error === undefined ? undefined : "no redis-server on this machine";

/** A Redis of our own on loopback, that keeps nothing. */
export interface TestRedis {
  readonly url: string;
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void;
  /** Starts it again, empty, on the same port. */
  again(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Another may take a port between our choosing it and Redis's listening at it. */
const PORTS_MAX = 5;

/** Starts a Redis and waits until it takes connections. */
export async function startRedis(): Promise<TestRedis> {
  for (let tries = 1; tries <= PORTS_MAX; tries += 1) {
    const port = await freePort();
    let child = await run(port);
    if (child === undefined) continue;
    return {
      url: `redis://127.0.0.1:${port}`,
      signal: (name) => void child?.kill(name),
      again: async () => {
        child = await run(port);
        if (child === undefined) throw new Error(`redis-server did not start again at ${port}`);
      },
      [Symbol.asyncDispose]: async () => {
        child?.kill("SIGKILL");
        if (child?.exitCode === null && child.signalCode === null) await once(child, "exit");
      },
    };
  }
  throw new Error("redis-server did not start");
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Only its own word tells that it is the one who listens there; undefined when it ended instead. */
async function run(port: number): Promise<ChildProcess | undefined> {
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn("redis-server", words, { stdio: ["ignore", "pipe", "ignore"] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes("Ready to accept connections")) continue;
    child.stdout.resume();
    return child;
  }
  return undefined;
}
