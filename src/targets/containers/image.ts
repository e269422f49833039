import { GenericContainer } from "testcontainers";
import { HarnessError } from "../../core/errors.ts";
import { freePort } from "../network.ts";
import type { ImageLaunch, Plan } from "../plan.ts";
import type { RunningTarget } from "../types.ts";
import { connectEngine } from "./client.ts";
import { runName, STACK_LABEL, upName } from "./owner.ts";
import { removeStacks } from "./sweep.ts";
import { lastWords, openStack, runningStack, UNTIL_LATER } from "./stack.ts";

const NETWORK = "clients";

/**
 * Starts one container of an image and waits until it answers a handshake. It is on a network of its own, whose ports
 * are published on loopback only.
 * @throws HarnessError `unreachable` without an engine, and when it does not come up, with its last words.
 */
export async function startImage(plan: Plan, launch: ImageLaunch, say: (text: string) => void): Promise<RunningTarget> {
  const client = await connectEngine();
  const docker = client.container.dockerode;
  const name = launch.isKept === undefined ? runName() : upName(launch.isKept);
  if (launch.isKept !== undefined) await removeStacks(docker, (each) => each === name);
  const stack = await openStack(client, name, launch.isKept !== undefined);
  try {
    const network = await docker.createNetwork({
      Name: name,
      Labels: { [STACK_LABEL]: name },
      Options: { "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1" },
    });
    const hostPort = await freePort();
    const fill = (text: string): string => text.replaceAll("{port}", String(launch.port));
    const prepared = new GenericContainer(launch.image)
      .withName(name)
      .withLabels({ [STACK_LABEL]: name })
      .withAutoCleanup(false)
      .withNetworkMode(name)
      .withEnvironment(Object.fromEntries(Object.entries(launch.env).map(([key, value]) => [key, fill(value)])))
      .withExposedPorts({ container: launch.port, host: hostPort })
      .withWaitStrategy(UNTIL_LATER);
    const limited =
      launch.cpus === undefined && launch.memoryBytes === undefined
        ? prepared
        : prepared.withResourcesQuota({
            ...(launch.cpus === undefined ? {} : { cpu: launch.cpus }),
            ...(launch.memoryBytes === undefined ? {} : { memory: launch.memoryBytes / 2 ** 30 }),
          });
    say(`starting ${launch.image}`);
    if (launch.entrypoint !== undefined) limited.withEntrypoint(launch.entrypoint.map((word) => fill(word)));
    if (launch.command !== undefined) limited.withCommand(launch.command.map((word) => fill(word)));
    const started = await limited.start().catch(async (error: unknown) => {
      await stack.watch.look();
      const words = stack.watch.seen().length === 0 ? "" : `\n${lastWords(stack.watch)}`;
      throw new HarnessError("unreachable", `${launch.image} does not start: ${String(error)}${words}`, {
        hint: `is it there? \`docker pull ${launch.image}\``,
        cause: error,
      });
    });
    await stack.watch.look();
    const container = { name: plan.resolved.name, id: started.getId(), role: "replica" as const, networks: [NETWORK] };
    return await runningStack(plan, stack, launch, {
      replicas: [{ container, url: `http://127.0.0.1:${hostPort}` }],
      containers: [container],
      networks: [{ name: NETWORK, id: network.id }],
    });
  } catch (error) {
    await stack.end();
    throw error;
  }
}
