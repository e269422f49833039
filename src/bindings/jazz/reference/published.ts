import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { folderWith, INSTALL } from "../node/library.ts";

const READY_MS_MAX = 15_000;

/** The published server listens on every address and has no option for one: preloaded, this keeps it on loopback. */
const LOOPBACK = `data:text/javascript,${encodeURIComponent(`
import net from "node:net";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const isBare = typeof args[0] === "number" && typeof args[1] !== "string";
  return isBare ? listen.call(this, args[0], "127.0.0.1", ...args.slice(1)) : listen.apply(this, args);
};`)}`;

/** The published sync server as a process of its own, on loopback. */
export interface Published {
  readonly port: number;
  /** Whether it keeps what it holds on disk. */
  readonly stores: boolean;
  stop(): void;
}

/** A Node that can load the SQLite that was built at install: it may have been built for another one than ours. */
function nodeWithSqlite(folder: string): string | undefined {
  const others = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((each) => !each.includes("node_modules"))
    .map((each) => join(each, "node"));
  const test = `new (require(${JSON.stringify(join(folder, "node_modules", "better-sqlite3"))}))(":memory:")`;
  return [process.execPath, ...others.filter((path) => existsSync(path))].find(
    (program) => spawnSync(program, ["-e", test], { stdio: "ignore" }).status === 0,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/**
 * Starts `jazz-run sync`. `database`: where it keeps what it holds; undefined or impossible here: in memory.
 * @throws Error when it is not installed or does not answer in time.
 */
export async function startPublished(database: string | undefined): Promise<Published> {
  const folder = folderWith("jazz-run");
  if (folder === undefined) throw new Error(`jazz-run is not installed: ${INSTALL}`);
  const withSqlite = database === undefined ? undefined : nodeWithSqlite(folder);
  const port = await freePort();
  const storage = database === undefined || withSqlite === undefined ? ["--in-memory"] : ["--db", database];
  const child = spawn(
    withSqlite ?? process.execPath,
    ["--import", LOOPBACK, join(folder, "node_modules", "jazz-run", "dist", "index.js"), "sync", "--port", String(port), ...storage],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  await answering(child, port);
  child.once("exit", (code, signal) => {
    // Ours ends with it: a relay that died must not look like a hub that is well.
    if (!isStopping) process.exit(code ?? (signal === null ? 0 : 1));
  });
  let isStopping = false;
  return {
    port,
    stores: storage[0] === "--db",
    stop: () => {
      isStopping = true;
      child.kill("SIGKILL");
    },
  };
}

async function answering(child: ChildProcess, port: number): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  while (child.exitCode === null && performance.now() < endMs) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) });
      if ((await answer.text()) === "ok") return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  child.kill("SIGKILL");
  throw new Error("jazz-run did not answer on /health");
}
