import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../../core/errors.ts";
import type { Placed } from "./condition.ts";
import type { ProxyAnswer, ProxyCommand, Upstream } from "./messages.ts";

/** It carries out a command in milliseconds, and opens its ports in less than a second. */
const ANSWER_MS_MAX = 20_000;

type Unnumbered<T> = T extends ProxyCommand ? Omit<T, "id"> : never;

/** A TCP proxy in a process of its own; it knows no protocol and changes no byte. */
export interface FaultProxy {
  readonly host: string;
  readonly pid: number;
  /** By replica and lane. */
  readonly ports: readonly (readonly number[])[];
  /** The rule of this fault holds from now on; gives how many connections it ended. */
  begin(fault: number, placed: Placed): Promise<number>;
  end(fault: number): Promise<void>;
  /** No rule holds any more. */
  heal(): Promise<void>;
  /** Ends its process, and with it all connections. */
  close(): void;
}

/**
 * Starts a proxy before the servers, with a port for each lane of each.
 * @throws HarnessError `internal` when it does not come up.
 */
export async function startProxy(options: {
  readonly upstreams: readonly Upstream[];
  readonly lanes: number;
  readonly seed: string;
}): Promise<FaultProxy> {
  const path = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url));
  const child = fork(path, [], { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ask = asking(child);
  try {
    const { ports } = await ask({ kind: "open", ...options });
    return {
      host: "127.0.0.1",
      pid: child.pid ?? 0,
      ports: ports ?? [],
      begin: async (fault, placed) => (await ask({ kind: "begin", fault, ...placed })).ended ?? 0,
      end: async (fault) => {
        await ask({ kind: "end", fault });
      },
      heal: async () => {
        await ask({ kind: "heal" });
      },
      close: () => child.kill("SIGKILL"),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

function asking(child: ChildProcess): (command: Unnumbered<ProxyCommand>) => Promise<Extract<ProxyAnswer, { kind: "done" }>> {
  const waiting = new Map<number, (answer: ProxyAnswer | { readonly kind: "gone" }) => void>();
  let commands = 0;
  child.on("message", (answer: ProxyAnswer) => waiting.get(answer.id)?.(answer));
  child.once("exit", () => {
    for (const tell of waiting.values()) tell({ kind: "gone" });
  });
  return (command) =>
    new Promise((resolve, reject) => {
      commands += 1;
      const id = commands;
      const fail = (text: string): void => reject(new HarnessError("internal", `the fault proxy ${text}`));
      const timer = setTimeout(() => fail(`did not answer within ${ANSWER_MS_MAX} ms`), ANSWER_MS_MAX);
      waiting.set(id, (answer) => {
        clearTimeout(timer);
        waiting.delete(id);
        if (answer.kind === "done") resolve(answer);
        else fail(answer.kind === "failed" ? `could not ${command.kind}: ${answer.text}` : "has ended");
      });
      if (child.connected) child.send({ ...command, id });
      else waiting.get(id)?.({ kind: "gone" });
    });
}
