import { PassThrough } from "node:stream";
import type { Exit } from "../types.ts";
import type { Docker } from "./client.ts";
import { PROJECT_LABEL, STACK_LABEL } from "./owner.ts";

/** Enough to see why a server died; bounded, since a broken server may log without end. */
const LOG_BYTES_MAX = 64 * 1024;
const LOOK_MS = 500;
/** Exit code of a process that SIGKILL has ended. */
const KILLED = 137;

/** Looks after the containers of one stack: what they write, from their first line on, and how they end. */
export interface Watch {
  /** The last 64 KiB of what a container wrote, over all its starts. */
  logs(id: string): string;
  /** All containers seen so far, by name. */
  seen(): readonly { readonly id: string; readonly name: string; readonly state: string }[];
  /** How a container ended; undefined while it runs. */
  exited(id: string): Exit | undefined;
  /** Looks at once: for a state that has just been changed. */
  look(): Promise<void>;
  stop(): void;
}

interface Seen {
  readonly id: string;
  readonly name: string;
  state: string;
  exit: Exit | undefined;
  log: string;
  stream: { destroy(): unknown } | undefined;
  /** Seconds since 1970: a container that is started again is read on from here. */
  since: number;
}

/**
 * Watches a stack by name. Logs are kept from the moment a container is there, so that they outlive it: Compose takes a
 * stack that does not come up away at once.
 */
export function watchStack(docker: Docker, stack: string): Watch {
  const all = new Map<string, Seen>();
  let isOver = false;
  let looking: Promise<void> | undefined;

  const read = async (container: Seen): Promise<void> => {
    const handle = docker.getContainer(container.id);
    const stream = await handle.logs({ follow: true, stdout: true, stderr: true, since: container.since });
    if (isOver) return void (stream as unknown as PassThrough).destroy();
    const sink = new PassThrough();
    sink.setEncoding("utf8").on("data", (text: string) => {
      container.log = (container.log + text).slice(-LOG_BYTES_MAX);
    });
    handle.modem.demuxStream(stream, sink, sink);
    container.stream = stream as unknown as PassThrough;
    const end = (): void => {
      container.stream = undefined;
      container.since = Math.ceil(Date.now() / 1000);
    };
    stream.on("end", end).on("error", end);
  };

  const lookNow = async (): Promise<void> => {
    const lists = await Promise.all(
      [STACK_LABEL, PROJECT_LABEL].map((label) => docker.listContainers({ all: true, filters: { label: [`${label}=${stack}`] } })),
    );
    for (const { Id, Names, Labels, State } of lists.flat()) {
      const known = all.get(Id);
      const name = Labels["com.docker.compose.service"] ?? Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12);
      const container: Seen = known ?? { id: Id, name, state: State, exit: undefined, log: "", stream: undefined, since: 0 };
      all.set(Id, container);
      container.state = State;
      if (State === "running" || State === "paused") container.exit = undefined;
      else if ((State === "exited" || State === "dead") && container.exit === undefined) container.exit = await exitOf(docker, Id);
      const isFirst = known === undefined && State !== "created";
      if (container.stream === undefined && (isFirst || State === "running")) await read(container).catch(() => undefined);
    }
  };
  // The engine may be too busy to answer; the next look is soon.
  const look = (): Promise<void> =>
    (looking ??= lookNow()
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      }));
  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  return {
    logs: (id) => all.get(id)?.log ?? "",
    seen: () => [...all.values()].map(({ id, name, state }) => ({ id, name, state })),
    exited: (id) => all.get(id)?.exit,
    look: async () => {
      await looking;
      await look();
    },
    stop: () => {
      isOver = true;
      clearInterval(timer);
      for (const { stream } of all.values()) stream?.destroy();
    },
  };
}

async function exitOf(docker: Docker, id: string): Promise<Exit> {
  const { State } = await docker.getContainer(id).inspect();
  return State.ExitCode === KILLED ? { code: null, signal: "SIGKILL" } : { code: State.ExitCode, signal: null };
}
