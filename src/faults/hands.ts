import { HarnessError } from "../core/errors.ts";
import type { FaultAction } from "../core/fault.ts";
import type { FaultProxy } from "./proxy/index.ts";
import { isOnTheWay, type PlannedFault } from "./timeline.ts";

/** Undoes a fault; resolves once all is as before, a server that was ended being ready. */
export type Undo = () => Promise<void>;

/** What a container may use of the machine. */
type Squeeze = Omit<Extract<FaultAction, { readonly kind: "squeeze" }>, "kind">;

/** A process or container that faults can lay hands on. */
export interface Machine {
  readonly name: string;
  readonly role: "replica" | "dependency";
  pause(): Promise<void>;
  resume(): Promise<void>;
  end(how: "politely" | "killed"): Promise<void>;
  /** Starts it again at the same address; resolves once it is ready. */
  begin(): Promise<void>;
  /** Takes it off the network that clients come by; left out where it has none of its own. */
  readonly partition?: () => Promise<Undo>;
  /** Left out where nothing can be squeezed. */
  readonly squeeze?: (limits: Squeeze) => Promise<Undo>;
}

/** What faults can lay hands on. Left out is what this target does not have. */
export interface Reach {
  readonly target: string;
  readonly proxy: FaultProxy | undefined;
  /** Replicas first, in the order of the target's addresses; none of a server that is not ours. */
  readonly machines: readonly Machine[];
  /** Keeps the DID directory from answering, and lets it again. */
  readonly directory: ((isAway: boolean) => Promise<void>) | undefined;
}

/** The name of the directory as a dependency. */
export const DIRECTORY = "plc";

type OfServer = Extract<FaultAction, { readonly kind: "pause" | "kill" | "restart" | "partition" | "squeeze" }>;

function replicasOf({ machines }: Pick<Reach, "machines">): readonly Machine[] {
  return machines.filter(({ role }) => role === "replica");
}

function dependencyOf({ machines }: Pick<Reach, "machines">, name: string): Machine | undefined {
  return machines.find((each) => each.role === "dependency" && (each.name === name || each.name.startsWith(`${name}-`)));
}

/** Why a fault can not be carried out on this target, and what would help; undefined when it can. */
export function unreached(action: FaultAction, reach: Omit<Reach, "proxy">): { readonly why: string; readonly hint: string } | undefined {
  if (isOnTheWay(action.kind)) return undefined;
  const { target } = reach;
  if (action.kind === "away") {
    if (dependencyOf(reach, action.of) !== undefined || (action.of === DIRECTORY && reach.directory !== undefined)) return undefined;
    const names = reach.machines.filter(({ role }) => role === "dependency").map(({ name }) => name);
    if (reach.directory !== undefined) names.push(DIRECTORY);
    const hint =
      names.length === 0 ? "use a target whose stack we start, such as `reference` with `replicas`" : `it has: ${names.join(", ")}`;
    return { why: `${target} has no ${action.of} that we started`, hint };
  }
  const replicas = replicasOf(reach);
  if (action.kind === "squeeze") {
    if (replicas.some(({ squeeze }) => squeeze !== undefined)) return undefined;
    return { why: `a squeeze needs containers, and ${target} is none`, hint: "use a target with `image` or `compose`" };
  }
  if (action.kind === "partition" || replicas.length > 0) return undefined;
  return {
    why: `the plan strikes the server itself (${action.kind}), and ${target} is none that we started`,
    hint: "describe with `start` in the target file how it is started",
  };
}

/** Whether a fault needs the proxy on this target. */
export function needsProxy(action: FaultAction, reach: Pick<Reach, "machines">): boolean {
  return isOnTheWay(action.kind) || (action.kind === "partition" && !replicasOf(reach).some(({ partition }) => partition !== undefined));
}

/**
 * Begins a fault, and gives how it is undone. Rejects when it can not.
 */
export async function strike(fault: PlannedFault, reach: Reach): Promise<Undo> {
  const { action } = fault;
  switch (action.kind) {
    case "latency":
    case "bandwidth":
    case "cut":
    case "reset":
    case "half-open":
    case "slow-close":
      return onTheWay(fault, action, reach);
    case "away":
      return away(action.of, reach);
    case "partition":
      return needsProxy(action, reach) ? onTheWay(fault, { kind: "half-open" }, reach) : ofServer(fault, action, reach);
    default:
      return ofServer(fault, action, reach);
  }
}

async function onTheWay(
  { id, lanes, replicas }: PlannedFault,
  rule: Parameters<FaultProxy["begin"]>[1]["rule"],
  { proxy }: Reach,
): Promise<Undo> {
  if (proxy === undefined) throw new HarnessError("internal", "a fault on the way, and no proxy there");
  await proxy.begin(id, { lanes, replicas, rule });
  return () => proxy.end(id);
}

async function away(name: string, reach: Reach): Promise<Undo> {
  const { directory } = reach;
  const dependency = dependencyOf(reach, name);
  if (dependency !== undefined) {
    await dependency.pause();
    return () => dependency.resume();
  }
  if (directory === undefined) throw new HarnessError("internal", `nothing that could keep ${name} away`);
  await directory(true);
  return () => directory(false);
}

async function ofServer(fault: PlannedFault, action: OfServer, reach: Reach): Promise<Undo> {
  const replicas = replicasOf(reach);
  const struck = fault.replicas.flatMap((index) => replicas[index] ?? []);
  if (action.kind === "restart") {
    // One after the other: each is back before the next one goes.
    for (const machine of struck.slice(0, -1)) {
      await machine.end("politely");
      await machine.begin();
    }
  }
  const last = action.kind === "restart" ? struck.slice(-1) : struck;
  const undos = await Promise.all(last.map((machine) => ofMachine(action, machine)));
  return async () => {
    await Promise.all(undos.map((undo) => undo()));
  };
}

async function ofMachine(action: OfServer, machine: Machine): Promise<Undo> {
  switch (action.kind) {
    case "pause":
      await machine.pause();
      return () => machine.resume();
    case "kill":
    case "restart":
      await machine.end(action.kind === "kill" ? "killed" : "politely");
      return () => machine.begin();
    case "partition":
      return (await machine.partition?.()) ?? (() => Promise.resolve());
    case "squeeze":
      return (await machine.squeeze?.(action)) ?? (() => Promise.resolve());
  }
}
