import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ClientDriver, type ClientEvent, Precondition } from "../core/case.ts";
import type { Json } from "../core/op.ts";

const CALL_MS_MAX = 10_000;
/** Events kept of one client: a flood of them must not fill the harness. */
const EVENTS_MAX = 200_000;
/** Characters of one line; a longer one is cut off with its client. */
const LINE_CHARACTERS_MAX = 32 * 1024 * 1024;

type Answer = { readonly ok: Json } | { readonly error: string };

/** A driver and its end. */
export type RunningDriver = ClientDriver & { stop(): void };

/**
 * Starts a client under test: a shell command line that speaks JSON lines on stdin and stdout, in a folder of its own.
 * `{root}` in the command stands for the folder that Rollcall was called in.
 */
export function startDriver(command: string): RunningDriver {
  const folder = mkdtempSync(join(tmpdir(), "rollcall-client-"));
  const events: ClientEvent[] = [];
  const waiting = new Map<number, (answer: Answer) => void>();
  let calls = 0;
  let child: ChildProcess | undefined;

  const end = (): void => {
    const ended = child;
    child = undefined;
    if (ended?.pid === undefined) return;
    try {
      process.kill(-ended.pid, "SIGKILL");
    } catch {
      ended.kill("SIGKILL");
    }
    for (const tell of waiting.values()) tell({ error: "the client was ended" });
    waiting.clear();
  };
  const take = (line: string): void => {
    let message: Readonly<Record<string, Json>>;
    try {
      message = JSON.parse(line) as Readonly<Record<string, Json>>;
    } catch {
      return;
    }
    if (typeof message["event"] === "string" && typeof message["at"] === "number") {
      if (events.length < EVENTS_MAX) events.push(message as ClientEvent);
      return;
    }
    const id = message["id"];
    if (typeof id !== "number") return;
    waiting.get(id)?.(typeof message["error"] === "string" ? { error: message["error"] } : { ok: message["ok"] ?? null });
    waiting.delete(id);
  };
  const start = (): void => {
    const started = spawn(command.replaceAll("{root}", resolve(".")), {
      cwd: folder,
      shell: true,
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
    });
    child = started;
    started.on("error", () => undefined);
    started.stdin.on("error", () => undefined);
    started.once("exit", () => {
      if (child === started) end();
    });
    let partial = "";
    started.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (partial + text).split("\n");
      partial = lines.pop() ?? "";
      if (partial.length > LINE_CHARACTERS_MAX) end();
      for (const line of lines) take(line);
    });
  };
  const call = async (name: string, ...args: readonly Json[]): Promise<Json> => {
    calls += 1;
    const id = calls;
    const answer = await new Promise<Answer>((tell) => {
      const timer = setTimeout(() => {
        waiting.delete(id);
        tell({ error: `no answer within ${CALL_MS_MAX} ms` });
      }, CALL_MS_MAX);
      waiting.set(id, (told) => {
        clearTimeout(timer);
        tell(told);
      });
      if (child?.stdin?.writable === true) child.stdin.write(`${JSON.stringify({ id, call: name, args })}\n`);
      else waiting.get(id)?.({ error: "the client does not run" });
    });
    if ("error" in answer) throw new Precondition(`the client under test could not ${name}: ${answer.error}`);
    return answer.ok;
  };
  start();
  return {
    call,
    events,
    get isRunning() {
      return child !== undefined;
    },
    kill: end,
    restart: async (how) => {
      end();
      start();
      await call("restart", { ...how });
    },
    stop: () => {
      end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
