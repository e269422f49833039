import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, connect } from "node:net";

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

/** Starts a Redis and waits until it answers. */
export async function startRedis(): Promise<TestRedis> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  let child = await run(port);
  return {
    url: `redis://127.0.0.1:${port}`,
    signal: (name) => void child.kill(name),
    again: async () => {
      child = await run(port);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function run(port: number): Promise<ChildProcess> {
  const child = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
    stdio: "ignore",
  });
  for (let tries = 0; tries < 200; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(
      () => false,
    );
    socket.destroy();
    if (isThere) return child;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("redis-server did not start");
}
