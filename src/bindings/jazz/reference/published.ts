import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { folderWith, INSTALL } from "../node/library.ts";

const READY_MS_MAX = 15_000;

/**
 * The published server listens on every address, has no option for one and does not say which port it was given:
 * preloaded, this keeps it on loopback, tells us the port, and ends it when we have ended, however that came.
 */
const PRELOAD = `data:text/javascript,${encodeURIComponent(`
import net from "node:net";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const isBare = typeof args[0] === "number" && typeof args[1] !== "string";
  this.once("listening", () => process.send?.({ port: this.address().port }));
  return isBare ? listen.call(this, args[0], "127.0.0.1", ...args.slice(1)) : listen.apply(this, args);
};
process.once("disconnect", () => process.exit());`)}`;

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

/**
 * Starts `jazz-run sync`. `database`: where it keeps what it holds; undefined or impossible here: in memory.
 * @throws Error when it is not installed, or does not listen in time.
 */
export async function startPublished(database: string | undefined): Promise<Published> {
  const folder = folderWith("jazz-run");
  if (folder === undefined) throw new Error(`jazz-run is not installed: ${INSTALL}`);
  const withSqlite = database === undefined ? undefined : nodeWithSqlite(folder);
  const storage = database === undefined || withSqlite === undefined ? ["--in-memory"] : ["--db", database];
  const child = spawn(
    withSqlite ?? process.execPath,
    ["--import", PRELOAD, join(folder, "node_modules", "jazz-run", "dist", "index.js"), "sync", "--port", "0", ...storage],
    { stdio: ["ignore", "inherit", "inherit", "ipc"] },
  );
  const port = await listening(child);
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

/** The port on which it listens. */
function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (how: string): void => {
      child.kill("SIGKILL");
      reject(new Error(`jazz-run ${how}`));
    };
    const timer = setTimeout(() => fail(`did not listen within ${READY_MS_MAX} ms`), READY_MS_MAX);
    child.once("message", ({ port }: { readonly port: number }) => {
      clearTimeout(timer);
      resolve(port);
    });
    child.once("error", (error) => fail(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? `exit code ${code ?? "unknown"}`} before it listened`));
  });
}
