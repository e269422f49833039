import type { Restart } from "../core/case.ts";
import type { Launch, Plan } from "./plan.ts";
import { startRedis } from "./redis.ts";
import type { NamedProcess, RunningTarget, TargetProcess } from "./types.ts";

type Reference = Extract<Launch, { kind: "reference" }>;

/**
 * Several processes of a reference server on the same rooms, with the store that they share them by; each is started
 * by `startOne`.
 * @throws HarnessError `unreachable` when the store or one of them does not start.
 */
export async function startReplicas(
  plan: Plan,
  launch: Reference & { readonly replicas: NonNullable<Reference["replicas"]> },
  startOne: (launch: Reference) => Promise<RunningTarget>,
): Promise<RunningTarget> {
  const redis = await startRedis();
  const started: RunningTarget[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((each) => each.stop()));
    await redis.stop();
  };
  try {
    for (let n = 1; n <= launch.replicas.count; n += 1) {
      const scratch = `${launch.scratch}-${n}`;
      started.push(await startOne({ ...launch, replicas: undefined, scratch, env: { ...launch.env, REDIS_URL: redis.url } }));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const [first, ...others] = started;
  if (first?.process === undefined) throw new RangeError("a target of no replicas");
  const processes: readonly NamedProcess[] = [
    ...started.flatMap(({ process }, index) =>
      process === undefined ? [] : [{ name: `replica-${index + 1}`, role: "replica" as const, process }],
    ),
    { name: "redis", role: "dependency", process: redis.process },
  ];
  return {
    resolved: { ...first.resolved, urls: [first.resolved.urls[0], ...others.map(({ resolved }) => resolved.urls[0])] },
    binding: plan.binding,
    mayFlood: plan.mayFlood,
    isReference: true,
    process: together(
      first.process,
      processes.filter(({ role }) => role === "replica").map(({ process }) => process),
    ),
    processes,
    exited: () => started.map((each) => each.exited()).find((exit) => exit !== undefined) ?? redis.exited(),
    stop,
  };
}

/** All replicas as one server: what it knew, only the store still knows. */
function together(first: TargetProcess, all: readonly TargetProcess[]): TargetProcess {
  const end = async (how: Restart): Promise<void> => {
    await Promise.all(all.map((each) => each.end(how)));
  };
  const begin = async (): Promise<void> => {
    await Promise.all(all.map((each) => each.begin()));
  };
  return {
    get pid() {
      return first.pid;
    },
    restart: async (how = "politely") => {
      await end(how);
      await begin();
    },
    end,
    begin,
    freeze: () => {
      for (const each of all) each.freeze();
    },
    thaw: () => {
      for (const each of all) each.thaw();
    },
    kill: () => {
      for (const each of all) each.kill();
    },
    logs: () => all.map((each, index) => `replica-${index + 1}:\n${each.logs()}`).join("\n"),
  };
}
