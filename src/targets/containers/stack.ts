import type { ContainerRuntimeClient, WaitStrategy } from "testcontainers";
import type { Restart } from "../../core/case.ts";
import type { TargetContainer } from "../../core/containers.ts";
import { HarnessError } from "../../core/errors.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import type { ComposeLaunch, ImageLaunch, Plan } from "../plan.ts";
import { answersHandshake, type Ready } from "../ready.ts";
import type { Exit, RunningTarget, TargetProcess } from "../types.ts";
import { guardStack } from "./guard.ts";
import { createHandle, type Handle, type StackNetwork } from "./handle.ts";
import { removeOrphans, removeStacks } from "./sweep.ts";
import { type Watch, watchStack } from "./watch.ts";

const POLL_MS = 100;
/** Lines of a container's log that an error shows. */
const TAIL_LINES = 12;

/** A stack that is started is waited for by handshakes of our own, and by its own health checks. */
export const UNTIL_LATER: WaitStrategy = {
  waitUntilReady: () => Promise.resolve(),
  withStartupTimeout: () => UNTIL_LATER,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
};

/** A stack that is being started: it has a name, a watch over it, and a guard that outlives us. */
export interface Stack {
  readonly name: string;
  readonly client: ContainerRuntimeClient;
  readonly watch: Watch;
  /** Removes it, unless it is to stay. */
  readonly end: () => Promise<void>;
}

/**
 * Begins a stack: removes what runs before this one have left behind, and sees to it that this one is removed, however
 * we end.
 */
export async function openStack(client: ContainerRuntimeClient, name: string, isKept: boolean): Promise<Stack> {
  const docker = client.container.dockerode;
  await removeOrphans(docker);
  const watch = watchStack(docker, name);
  const guard = isKept ? undefined : guardStack(name);
  return {
    name,
    client,
    watch,
    end: async () => {
      watch.stop();
      if (isKept) return;
      const rest = await removeStacks(docker, (stack) => stack === name);
      // What could not be removed is left to the guard.
      if (rest.length === 0) guard?.dismiss();
    },
  };
}

/** The last lines of every container that has not come up, or of all. */
export function lastWords(watch: Watch): string {
  const all = watch.seen();
  const troubled = all.filter(({ id, state }) => state !== "running" || watch.exited(id) !== undefined);
  return (troubled.length === 0 ? all : troubled)
    .map(({ id, name, state }) => {
      const lines = watch.logs(id).trimEnd().split("\n").slice(-TAIL_LINES);
      const text = lines.join("").trim() === "" ? "  it wrote nothing" : lines.map((line) => `  | ${line}`).join("\n");
      return `${name} (${state}):\n${text}`;
    })
    .join("\n");
}

/** One server of a stack as it is reached. */
export interface Replica {
  readonly container: TargetContainer;
  readonly url: string;
}

/** Waits until each server answers a handshake. @throws HarnessError `unreachable` with their last words. */
async function awaitReplicas(
  replicas: readonly Replica[],
  ready: Ready,
  target: Pick<ResolvedTarget, "ca" | "headers">,
  watch: Watch,
): Promise<void> {
  const until = performance.now() + ready.withinMs;
  await Promise.all(
    replicas.map(async ({ container, url }) => {
      while (!(await answersHandshake(url, ready, target))) {
        const exit = watch.exited(container.id);
        if (exit !== undefined || performance.now() > until) {
          await watch.look();
          const how = exit === undefined ? `was not ready within ${ready.withinMs} ms` : `ended ${wordsOf(exit)} before it was ready`;
          throw new HarnessError("unreachable", `${container.name} ${how}; the last words of the stack:\n${lastWords(watch)}`, {
            hint: "see `ready` in the target file, and `rollcall doctor`",
          });
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }),
  );
}

function wordsOf({ code, signal }: Exit): string {
  return signal === null ? `with exit code ${code ?? "unknown"}` : `by ${signal}`;
}

/**
 * A stack that is up, as a target, once each of its servers answers a handshake.
 * @throws HarnessError `unreachable` with their last words.
 */
export async function runningStack(
  plan: Plan,
  stack: Stack,
  { ready, restart }: ImageLaunch | ComposeLaunch,
  parts: {
    readonly replicas: readonly [Replica, ...Replica[]];
    readonly containers: readonly TargetContainer[];
    readonly networks: readonly StackNetwork[];
    /** What the servers need of the stack, where identities are made there. */
    readonly beside?: Pick<ResolvedTarget, "plcUrl" | "pdsUrl">;
  },
): Promise<RunningTarget> {
  const { replicas, containers, networks, beside } = parts;
  const { watch } = stack;
  const docker = stack.client.container.dockerode;
  await awaitReplicas(replicas, ready, plan.resolved, watch);
  const [first, ...others] = replicas;
  const { State } = await docker.getContainer(first.container.id).inspect();
  const { port } = new URL(first.url);
  const resolved: ResolvedTarget = {
    ...plan.resolved,
    urls: [first.url, ...others.map(({ url }) => url)],
    replicas: replicas.map(({ container }) => container.name),
    legs: Object.fromEntries(Object.entries(plan.resolved.legs).map(([leg, url]) => [leg, url.replace(":0/", `:${port}/`)])),
    ...beside,
  };
  const handle = createHandle({
    docker,
    watch,
    containers,
    networks,
    ready: async (container) => {
      const replica = replicas.find((each) => each.container.id === container.id);
      if (replica !== undefined) await awaitReplicas([replica], ready, resolved, watch);
    },
  });
  let isStopping = false;
  return {
    resolved,
    binding: plan.binding,
    mayFlood: plan.mayFlood,
    isReference: false,
    containers,
    engine: handle,
    ...(restart ? { process: processOf(handle, replicas, watch, State.Pid) } : {}),
    exited: () => {
      if (isStopping) return undefined;
      const ended = replicas.find(({ container }) => !handle.isOnPurpose(container.id) && watch.exited(container.id) !== undefined);
      return ended === undefined ? undefined : watch.exited(ended.container.id);
    },
    stop: async () => {
      isStopping = true;
      await stack.end();
    },
  };
}

/** All replicas as one server: what it knew, only what they keep their state in still knows. */
function processOf(handle: Handle, replicas: readonly Replica[], watch: Watch, pid: number): TargetProcess {
  const ids = replicas.map(({ container }) => container.id);
  const each = async (act: (id: string) => Promise<void>): Promise<void> => {
    await Promise.all(ids.map((id) => act(id)));
  };
  // What is not awaited by its contract must not go unheard as a rejection.
  const unheard = (work: Promise<void>): void => void work.catch(() => undefined);
  const end = (how: Restart): Promise<void> => each(how === "killed" ? handle.kill : (id) => handle.stop(id));
  const begin = (): Promise<void> => each(handle.start);
  return {
    pid,
    restart: async (how = "politely") => {
      await end(how);
      await begin();
    },
    end,
    begin,
    freeze: () => unheard(each(handle.pause)),
    thaw: () => unheard(each(handle.unpause)),
    kill: () => unheard(each(handle.kill)),
    logs: () => replicas.map(({ container }) => `${container.name}:\n${watch.logs(container.id)}`).join("\n"),
  };
}
