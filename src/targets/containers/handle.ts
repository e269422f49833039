import type { ContainerEngine, TargetContainer } from "../../core/containers.ts";
import { HarnessError } from "../../core/errors.ts";
import type { Docker } from "./client.ts";
import type { Watch } from "./watch.ts";

const STOP_MS = 10_000;

/** A network of the stack: its name in the file, and the engine's. */
export interface StackNetwork {
  readonly name: string;
  readonly id: string;
}

interface HandleOptions {
  readonly docker: Docker;
  readonly watch: Watch;
  readonly containers: readonly TargetContainer[];
  readonly networks: readonly StackNetwork[];
  /** Resolves once a replica that has just been started answers a handshake; at once for others. */
  readonly ready: (container: TargetContainer) => Promise<void>;
}

/** `ContainerEngine` over one stack, and which of its containers were ended by it. */
export interface Handle extends ContainerEngine {
  /** Whether a container ended because it was told to here. */
  isOnPurpose(id: string): boolean;
}

/** What can be done to the containers of a stack. */
export function createHandle({ docker, watch, containers, networks, ready }: HandleOptions): Handle {
  const onPurpose = new Set<string>();
  /** As they were started, for what is put back. */
  const before = new Map<string, { readonly NanoCpus: number; readonly Memory: number; readonly MemorySwap: number }>();

  const asked = async (what: string, id: string, act: () => Promise<unknown>): Promise<void> => {
    const name = containers.find((each) => each.id === id)?.name ?? id.slice(0, 12);
    try {
      await act();
    } catch (error) {
      // Already so: what was asked for holds.
      if ((error as { readonly statusCode?: number }).statusCode === 304) return;
      const words = error instanceof Error ? error.message : String(error);
      throw new HarnessError("internal", `the container engine does not ${what} ${name}: ${words}`, { cause: error });
    }
  };
  const networkId = (name: string): string => {
    const network = networks.find((each) => each.name === name);
    if (network !== undefined) return network.id;
    throw new HarnessError("internal", `the stack has no network "${name}"`, {
      hint: `its networks: ${networks.map((each) => each.name).join(", ")}`,
    });
  };
  /** Resolves once it has ended and its end was seen. */
  const ended = async (id: string): Promise<void> => {
    await docker.getContainer(id).wait();
    await watch.look();
  };

  return {
    isOnPurpose: (id) => onPurpose.has(id),
    pause: (id) => asked("pause", id, () => docker.getContainer(id).pause()),
    unpause: (id) => asked("thaw", id, () => docker.getContainer(id).unpause()),
    kill: async (id) => {
      onPurpose.add(id);
      await asked("kill", id, () => docker.getContainer(id).kill());
      await ended(id);
    },
    stop: async (id, withinMs = STOP_MS) => {
      onPurpose.add(id);
      await asked("stop", id, () => docker.getContainer(id).stop({ t: Math.ceil(withinMs / 1000) }));
      await ended(id);
    },
    start: async (id) => {
      await asked("start", id, () => docker.getContainer(id).start());
      await watch.look();
      const container = containers.find((each) => each.id === id);
      if (container !== undefined) await ready(container);
      onPurpose.delete(id);
    },
    disconnect: (id, network) =>
      asked(`take off network ${network}`, id, () => docker.getNetwork(networkId(network)).disconnect({ Container: id })),
    connect: (id, network) => {
      const name = containers.find((each) => each.id === id)?.name;
      return asked(`put back on network ${network}`, id, () =>
        docker
          .getNetwork(networkId(network))
          .connect({ Container: id, EndpointConfig: { Aliases: name === undefined ? [] : [name, id.slice(0, 12)] } }),
      );
    },
    squeeze: (id, { cpus, memoryBytes }) =>
      asked("limit", id, async () => {
        const container = docker.getContainer(id);
        const { HostConfig } = await container.inspect();
        const first = before.get(id) ?? {
          NanoCpus: HostConfig.NanoCpus ?? 0,
          Memory: HostConfig.Memory ?? 0,
          MemorySwap: HostConfig.MemorySwap ?? 0,
        };
        before.set(id, first);
        await container.update({
          ...(cpus === undefined ? { NanoCpus: first.NanoCpus } : { NanoCpus: Math.round(cpus * 1e9) }),
          // Swap counts within: otherwise what does not fit would only become slow.
          ...(memoryBytes === undefined
            ? { Memory: first.Memory, MemorySwap: first.MemorySwap }
            : { Memory: memoryBytes, MemorySwap: memoryBytes }),
        });
      }),
    logs: (id) => watch.logs(id),
  };
}
