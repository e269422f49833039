import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import type { Exit } from "./types.ts";

/** Enough to see why a server died; bounded, since a broken server may log without end. */
const LOG_BYTES_MAX = 64 * 1024;
/** Servers get this long for their own farewell before they are ended. */
const STOP_MS_MAX = 5_000;

/** `SIGSTOP` and `SIGCONT`: it stands still, and goes on. */
type ChildSignal = "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT";

/** A server process in a process group of its own, so that its children end with it. */
export interface Child {
  readonly pid: number;
  logs(): string;
  exited(): Exit | undefined;
  /** Calls back for each whole line of stdout. */
  onLine(listener: (line: string) => void): void;
  /** Resolves once it has ended, for whatever reason. */
  readonly ended: Promise<Exit>;
  /** Resolves once its pipes are shut too: then the log is whole. */
  readonly drained: Promise<void>;
  signal(name: ChildSignal): void;
  /** SIGTERM, then SIGKILL after 5 s; also ends what the server has left behind in its group. */
  stop(): Promise<void>;
}

/**
 * Ends a process group once its own input is shut, which happens however we end: also by SIGKILL, when nothing of ours
 * can run any more. Without it a server would outlive a harness that was killed.
 */
const GUARD = `read -r _; kill -s TERM -- -"$1" 2>/dev/null && sleep 5 && kill -s KILL -- -"$1" 2>/dev/null`;

function guard(group: number): ChildProcess {
  const guarding = spawn("/bin/sh", ["-c", GUARD, "rollcall-guard", String(group)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guarding.on("error", () => {});
  guarding.stdin.on("error", () => {});
  guarding.unref();
  (guarding.stdin as Socket).unref();
  return guarding;
}

const living = new Set<ChildProcess>();

function signalGroup(child: ChildProcess, name: ChildSignal): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    child.kill(name);
  }
}

process.on("exit", () => {
  for (const child of living) signalGroup(child, "SIGKILL");
});

export interface ChildOptions {
  /** Program and arguments, or a shell command line. */
  readonly run: readonly [string, ...string[]] | string;
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts a process. A program that can not be started shows as an exit with the reason in its log. */
export function startChild(options: ChildOptions): Child {
  const settings = {
    env: { ...options.env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
  const child =
    typeof options.run === "string"
      ? spawn(options.run, { ...settings, shell: true })
      : spawn(options.run[0], options.run.slice(1), settings);
  living.add(child);
  const guarding = child.pid === undefined ? undefined : guard(child.pid);

  let log = "";
  let exit: Exit | undefined;
  const write = (text: string): void => {
    log += text;
    if (log.length > 2 * LOG_BYTES_MAX) log = log.slice(-LOG_BYTES_MAX);
  };
  const listeners: ((line: string) => void)[] = [];
  let partial = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    write(text);
    if (listeners.length === 0) return;
    const lines = (partial + text).split("\n");
    partial = (lines.pop() ?? "").slice(-LOG_BYTES_MAX);
    for (const line of lines) for (const listener of listeners) listener(line);
  });
  child.stderr.setEncoding("utf8").on("data", write);
  const drained = Promise.withResolvers<void>();
  const ended = new Promise<Exit>((resolve) => {
    const end = (code: number | null, signal: string | null): void => {
      exit ??= { code, signal };
      resolve(exit);
    };
    child.once("error", (error) => {
      write(`${error.message}\n`);
      living.delete(child);
      end(null, null);
    });
    child.once("exit", (code, signal) => {
      end(code, signal);
    });
    // "close" comes once the pipes are shut too: only then the log is whole and nothing of the group holds on to it.
    child.once("close", () => {
      living.delete(child);
      drained.resolve();
      guarding?.kill("SIGKILL");
    });
  });

  return {
    pid: child.pid ?? 0,
    logs: () => log.slice(-LOG_BYTES_MAX),
    exited: () => exit,
    onLine: (listener) => listeners.push(listener),
    ended,
    drained: drained.promise,
    signal: (name) => signalGroup(child, name),
    stop: async () => {
      if (exit === undefined) {
        signalGroup(child, "SIGTERM");
        let timer: NodeJS.Timeout | undefined;
        const patience = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, STOP_MS_MAX);
        });
        await Promise.race([ended, patience]);
        clearTimeout(timer);
      }
      signalGroup(child, "SIGKILL");
      await ended;
      living.delete(child);
    },
  };
}
