import type { ContainerEngine, TargetContainer } from "../core/containers.ts";
import type { Machine } from "../faults/hands.ts";
import type { RunningTarget, TargetProcess } from "../targets/index.ts";

/** The network of a stack that clients come by, where it has several. */
const CLIENTS_NETWORK = "clients";

/** The processes or containers of a target that faults can strike, replicas in the order of its addresses. */
export function machinesOf({ containers, engine, processes, process }: RunningTarget): readonly Machine[] {
  if (containers !== undefined && engine !== undefined) return containers.map((each) => containerMachine(each, engine));
  if (processes !== undefined) return processes.map(({ name, role, process: one }) => processMachine(name, role, one));
  return process === undefined ? [] : [processMachine("the server", "replica", process)];
}

function processMachine(name: string, role: Machine["role"], process: TargetProcess): Machine {
  return {
    name,
    role,
    pause: () => Promise.resolve(process.freeze()),
    resume: () => Promise.resolve(process.thaw()),
    end: (how) => process.end(how),
    begin: () => process.begin(),
  };
}

function containerMachine({ name, role, id, networks }: TargetContainer, engine: ContainerEngine): Machine {
  return {
    name,
    role,
    pause: () => engine.pause(id),
    resume: () => engine.unpause(id),
    end: (how) => (how === "killed" ? engine.kill(id) : engine.stop(id)),
    begin: () => engine.start(id),
    partition: async () => {
      const network = networks.find((each) => each === CLIENTS_NETWORK) ?? networks[0] ?? "default";
      await engine.disconnect(id, network);
      return () => engine.connect(id, network);
    },
    squeeze: async ({ cpus, memoryBytes }) => {
      await engine.squeeze(id, { ...(cpus === undefined ? {} : { cpus }), ...(memoryBytes === undefined ? {} : { memoryBytes }) });
      return () => engine.squeeze(id, {});
    },
  };
}
