import type { Docker } from "./client.ts";
import { isOrphan, isOurs, PROJECT_LABEL, STACK_LABEL } from "./owner.ts";

/** Networks that something is still leaving are asked again, so often and with this pause. */
const TRIES = 20;
const PAUSE_MS = 250;

/** What of a stack is there, by name. */
export interface Leftovers {
  readonly stack: string;
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

type Labels = Readonly<Record<string, string>> | null | undefined;

function stackOf(labels: Labels): string | undefined {
  const name = labels?.[STACK_LABEL] ?? labels?.[PROJECT_LABEL];
  return name !== undefined && isOurs(name) ? name : undefined;
}

/** Every stack of ours with what belongs to it. */
export async function findStacks(docker: Docker): Promise<readonly Leftovers[]> {
  const found = new Map<string, { containers: string[]; networks: string[]; volumes: string[] }>();
  const add = (kind: "containers" | "networks" | "volumes", labels: Labels, id: string): void => {
    const stack = stackOf(labels);
    if (stack === undefined) return;
    const entry = found.get(stack) ?? { containers: [], networks: [], volumes: [] };
    entry[kind].push(id);
    found.set(stack, entry);
  };
  const [containers, networks, { Volumes }] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
  ]);
  for (const { Id, Labels } of containers) add("containers", Labels, Id);
  for (const { Id, Labels } of networks) add("networks", Labels, Id);
  for (const { Name, Labels } of Volumes) add("volumes", Labels, Name);
  return [...found].map(([stack, things]) => ({ stack, ...things }));
}

/** Already gone is as good as removed. */
async function removed(removal: Promise<unknown>): Promise<boolean> {
  return removal.then(
    () => true,
    (error: { readonly statusCode?: number }) => error.statusCode === 404,
  );
}

async function removeOnce(docker: Docker, { containers, networks, volumes }: Leftovers): Promise<boolean> {
  // Containers may be on their way out already: the engine says 409 then, and the next look finds them gone.
  const gone = await Promise.all(containers.map((id) => removed(docker.getContainer(id).remove({ force: true, v: true }))));
  const rest = await Promise.all([
    ...networks.map((id) => removed(docker.getNetwork(id).remove())),
    ...volumes.map((name) => removed(docker.getVolume(name).remove())),
  ]);
  return [...gone, ...rest].every((isGone) => isGone);
}

/** Removes the stacks that `isMeant` names, with containers, networks and volumes. Gives what could not be removed. */
export async function removeStacks(docker: Docker, isMeant: (stack: string) => boolean): Promise<readonly Leftovers[]> {
  for (let tries = 0; ; tries += 1) {
    const stacks = (await findStacks(docker)).filter(({ stack }) => isMeant(stack));
    if (stacks.length === 0 || tries === TRIES) return stacks;
    const isDone = (await Promise.all(stacks.map((each) => removeOnce(docker, each)))).every((each) => each);
    if (!isDone) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Removes what runs of this machine have left behind that are over: killed, most likely. */
export async function removeOrphans(docker: Docker): Promise<void> {
  await removeStacks(docker, (stack) => isOrphan(stack));
}
