import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DockerComposeEnvironment } from "testcontainers";
import { stringify } from "yaml";
import type { TargetContainer } from "../../core/containers.ts";
import { HarnessError } from "../../core/errors.ts";
import { freePort } from "../network.ts";
import type { ComposeLaunch, Plan } from "../plan.ts";
import type { RunningTarget } from "../types.ts";
import { connectEngine, needCompose, type Docker } from "./client.ts";
import { composeVersion } from "./compose-file.ts";
import type { StackNetwork } from "./handle.ts";
import { PROJECT_LABEL, runName, upName } from "./owner.ts";
import { removeStacks } from "./sweep.ts";
import { lastWords, openStack, runningStack, type Replica, type Stack, UNTIL_LATER } from "./stack.ts";

const HEALTH_POLL_MS = 250;

/** A service that the host must reach, and the port of the host where it does. */
interface Published {
  readonly service: string;
  readonly port: number;
  readonly hostPort: number;
}

/**
 * A second file that publishes ports on loopback: chosen before the start, so that they stay the same over a restart,
 * whatever the first file publishes.
 */
function overlay(version: string | undefined, published: readonly Published[]): string {
  const services: Record<string, { ports: string[] }> = {};
  for (const { service, port, hostPort } of published) (services[service] ??= { ports: [] }).ports.push(`127.0.0.1:${hostPort}:${port}`);
  return stringify({ ...(version === undefined ? {} : { version }), services });
}

async function publish(launch: ComposeLaunch): Promise<readonly Published[]> {
  const wanted = [
    ...launch.services.map((service) => ({ service, port: launch.port })),
    ...(launch.directory === undefined ? [] : [launch.directory]),
    ...(launch.pds === undefined ? [] : [launch.pds]),
  ];
  const published: Published[] = [];
  for (const each of wanted) published.push({ ...each, hostPort: await freePort() });
  return published;
}

/** The engine's own words, without what Compose says of its progress. */
function complaintOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-TAIL_LINES).join("\n");
}

const TAIL_LINES = 15;

async function up(launch: ComposeLaunch, stack: Stack, published: readonly Published[]): Promise<void> {
  const compose = await needCompose();
  const folder = mkdtempSync(join(tmpdir(), "rollcall-compose-"));
  try {
    const overlayPath = join(folder, "ports.yaml");
    writeFileSync(overlayPath, overlay(composeVersion(readFileSync(launch.file, "utf8")), published));
    const environment = new DockerComposeEnvironment(dirname(launch.file), [launch.file, overlayPath])
      .withProjectName(stack.name)
      .withAutoCleanup(false)
      .withProfiles(...launch.profiles)
      .withEnvironment(launch.env)
      .withDefaultWaitStrategy(UNTIL_LATER)
      .withClientOptions(compose === "standalone" ? { executable: { standalone: true, executablePath: "docker-compose" } } : {});
    await (launch.build ? environment.withBuild() : environment).up(launch.profiles.length === 0 ? [...launch.services] : undefined);
  } catch (error) {
    await stack.watch.look();
    const words = stack.watch.seen().length === 0 ? "" : `\nthe last words of its containers:\n${lastWords(stack.watch)}`;
    throw new HarnessError("unreachable", `${launch.file} does not come up: ${complaintOf(error)}${words}`, {
      hint: "a registry that cannot be reached? Images of your own: BASE, REDIS_IMAGE, POSTGRES_IMAGE (docker-compose.yml)",
      cause: error,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function containersOf(docker: Docker, stack: string, replicas: readonly string[]): Promise<TargetContainer[]> {
  const list = await docker.listContainers({ all: true, filters: { label: [`${PROJECT_LABEL}=${stack}`] } });
  const containers = list.map(({ Id, Labels, NetworkSettings }) => {
    const name = Labels["com.docker.compose.service"] ?? Id.slice(0, 12);
    return {
      name,
      id: Id,
      role: replicas.includes(name) ? ("replica" as const) : ("dependency" as const),
      networks: Object.keys(NetworkSettings.Networks).map((network) => withoutStack(network, stack)),
    };
  });
  const rank = ({ name }: TargetContainer): number => (replicas.includes(name) ? replicas.indexOf(name) : replicas.length);
  return containers.sort((left, right) => rank(left) - rank(right));
}

function withoutStack(name: string, stack: string): string {
  return name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
}

async function networksOf(docker: Docker, stack: string): Promise<StackNetwork[]> {
  const list = await docker.listNetworks({ filters: { label: [`${PROJECT_LABEL}=${stack}`] } });
  return list.map(({ Id, Name }) => ({ name: withoutStack(Name, stack), id: Id }));
}

/** Waits for the stack's own health checks; what has none counts as healthy. */
async function awaitHealth(docker: Docker, containers: readonly TargetContainer[], withinMs: number, stack: Stack): Promise<void> {
  const until = performance.now() + withinMs;
  for (const { id, name } of containers) {
    for (;;) {
      const { State } = await docker.getContainer(id).inspect();
      const health = State.Health?.Status ?? "none";
      // A service that has done its work and ended well is as healthy as can be.
      if (health === "healthy" || health === "none" || (!State.Running && State.ExitCode === 0)) break;
      if (!State.Running || performance.now() > until) {
        await stack.watch.look();
        const last = State.Health?.Log.at(-1)?.Output.trim() ?? "";
        throw new HarnessError(
          "unreachable",
          `${name} is ${State.Running ? health : "gone"}${last === "" ? "" : ` (${last})`}; the last words of the stack:\n${lastWords(stack.watch)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, HEALTH_POLL_MS));
    }
  }
}

/**
 * Starts a compose file's services and waits until each server answers a handshake.
 * @throws HarnessError `unreachable` without an engine, and when something does not come up, with its last words.
 */
export async function startCompose(plan: Plan, launch: ComposeLaunch, say: (text: string) => void): Promise<RunningTarget> {
  const client = await connectEngine();
  await needCompose();
  const docker = client.container.dockerode;
  const name = launch.isKept === undefined ? runName() : upName(launch.isKept);
  // What stays under this name from before gives way.
  if (launch.isKept !== undefined) await removeStacks(docker, (each) => each === name);
  const stack = await openStack(client, name, launch.isKept !== undefined);
  try {
    const published = await publish(launch);
    say(launch.build ? "building the images and starting the containers" : "starting the containers");
    await up(launch, stack, published);
    await stack.watch.look();
    const containers = await containersOf(docker, name, launch.services);
    say(`waiting for ${containers.map((each) => each.name).join(", ")}`);
    await awaitHealth(docker, containers, launch.ready.withinMs, stack);
    const urlOf = (service: string, port: number): string => {
      const found = published.find((each) => each.service === service && each.port === port);
      return `http://127.0.0.1:${found?.hostPort ?? 0}`;
    };
    const replicas = launch.services.flatMap((service): readonly Replica[] => {
      const container = containers.find((each) => each.name === service);
      return container === undefined ? [] : [{ container, url: urlOf(service, launch.port) }];
    });
    const [first, ...others] = replicas;
    if (first === undefined || replicas.length < launch.services.length) {
      throw new HarnessError("usage", `${launch.file}: not all of ${launch.services.join(", ")} were started`, {
        hint: "`compose.services` names services of the file, and `compose.profiles` those that are started with them",
      });
    }
    return await runningStack(plan, stack, launch, {
      replicas: [first, ...others],
      containers,
      networks: await networksOf(docker, name),
      beside: {
        ...(launch.directory === undefined ? {} : { plcUrl: urlOf(launch.directory.service, launch.directory.port) }),
        ...(launch.pds === undefined ? {} : { pdsUrl: urlOf(launch.pds.service, launch.pds.port) }),
      },
    });
  } catch (error) {
    await stack.end();
    throw error;
  }
}
