import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { HarnessError } from "../core/errors.ts";
import { redact } from "../core/redact.ts";
import { readTargetFile, type RunningTarget, startTarget } from "../targets/index.ts";
import { connectEngine, findStacks, isOrphan, removeStacks, stackLogs, upName } from "../targets/containers/index.ts";
import { findMutant } from "./find-mutant.ts";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { createProgress } from "./progress.ts";
import * as registry from "./registry.ts";

type Flags = Readonly<Record<string, unknown>>;

/** The folder above `src/`, or above `dist/`. */
const ROOT = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../.." : "../../..", import.meta.url));
/** Where `up` writes how its stack is reached. */
const UP_FOLDER = join(".rollcall", "up");

interface UpTarget {
  /** Path of the target file that describes the stack. */
  readonly path: string;
  readonly name: string;
}

/** What a name or a path stands for: a binding's own stack in the repository, or a target file with containers. */
function upTarget(asked: string): UpTarget {
  if (!registry.bindingNames().includes(asked)) {
    const file = readTargetFile(asked, process.env);
    if (file.data.compose === undefined && file.data.image === undefined)
      throw new HarnessError("usage", `${asked} describes no containers`, { hint: "a target file with `compose:` or `image:` does" });
    return { path: asked, name: file.name };
  }
  const path = join(ROOT, "targets", `${asked}-compose.yaml`);
  if (!existsSync(path)) {
    throw new HarnessError("usage", `the stack of ${asked} is part of the repository, and this is the installed package`, {
      hint: "clone the repository, or describe a stack of your own: a target file with `compose:`",
    });
  }
  return { path: relative(process.cwd(), path), name: readTargetFile(path, process.env).name };
}

/** How the stack is reached from now on, as a target file. */
function reachedBy(path: string, { resolved, containers = [] }: RunningTarget): string {
  const { data } = readTargetFile(path, process.env);
  const [url, secondUrl] = resolved.urls;
  const text = stringify({
    name: resolved.name,
    binding: resolved.binding,
    dialect: resolved.dialect,
    url,
    ...(secondUrl === undefined ? {} : { secondUrl }),
    ...(resolved.legs["hub"] === undefined ? {} : { hub: resolved.legs["hub"] }),
    ...(resolved.plcUrl === undefined ? {} : { directory: resolved.plcUrl }),
    ...(resolved.pdsUrl === undefined ? {} : { pds: resolved.pdsUrl }),
    credential: data.credential,
    capabilities: data.capabilities,
    limits: data.limits,
    hooks: data.hooks,
  });
  return `# The stack that \`rollcall up\` has started: ${containers.map(({ name }) => name).join(", ")}\n${text}`;
}

function fileOf(name: string): string {
  return join(UP_FOLDER, `${name}.yaml`);
}

/** `rollcall up`: starts a stack that stays. Gives the exit code. */
export async function runUp(asked: string, flags: Flags): Promise<number> {
  const { path, name } = upTarget(asked);
  const client = await connectEngine();
  const docker = client.container.dockerode;
  const stack = upName(name);
  const progress = createProgress(process.stderr);
  const before = (await findStacks(docker)).find((each) => each.stack === stack);
  if (before !== undefined && before.containers.length > 0 && flags["fresh"] !== true) {
    throw new HarnessError("usage", `${name} is up already`, {
      hint: `rollcall check ${fileOf(name)}; \`rollcall up ${asked} --fresh\` starts it anew, \`rollcall down ${asked}\` removes it`,
    });
  }
  if (before !== undefined) await removeStacks(docker, (each) => each === stack);
  const interrupt = onInterrupt((text) => progress.line(text));
  const binding = readTargetFile(path, process.env).data.binding ?? "";
  const mutant = typeof flags["mutant"] === "string" ? await findMutant(binding, flags["mutant"]) : undefined;
  const startedMs = performance.now();
  const starting = startTarget({
    target: path,
    registry,
    purpose: "check",
    keep: true,
    onStage: (text) => progress.line(text),
    ...(mutant === undefined ? {} : { mutant: { id: mutant.id } }),
    ...(typeof flags["dialect"] === "string" ? { dialect: flags["dialect"] } : {}),
  });
  try {
    const running = await Promise.race([
      starting,
      new Promise<undefined>((resolve) => interrupt.signal.addEventListener("abort", () => resolve(undefined), { once: true })),
    ]);
    if (running === undefined) {
      starting.catch(() => undefined);
      await removeStacks(docker, (each) => each === stack);
      return INTERRUPTED;
    }
    const file = fileOf(name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, reachedBy(path, running));
    const { resolved, containers = [] } = running;
    await running.stop();
    const about = {
      stack,
      target: file,
      urls: resolved.urls,
      ...(resolved.plcUrl === undefined ? {} : { directory: resolved.plcUrl }),
      ...(resolved.pdsUrl === undefined ? {} : { pds: resolved.pdsUrl }),
      containers: containers.map((each) => ({ name: each.name, id: each.id })),
    };
    if (flags["json"] === true) process.stdout.write(`${JSON.stringify(about, null, 2)}\n`);
    else {
      const lines = [
        ...resolved.urls.map((url, index) => `${resolved.replicas?.[index] ?? "server"}: ${url}`),
        ...(resolved.plcUrl === undefined ? [] : [`DID directory: ${resolved.plcUrl}`]),
        ...(resolved.pdsUrl === undefined ? [] : [`PDS: ${resolved.pdsUrl}`]),
        `up in ${((performance.now() - startedMs) / 1000).toFixed(0)} s. Now: rollcall check ${file}`,
        `It stays until: rollcall down ${asked}`,
      ];
      process.stdout.write(`${lines.join("\n")}\n`);
    }
    return 0;
  } catch (error) {
    await removeStacks(docker, (each) => each === stack);
    throw error;
  } finally {
    interrupt.release();
  }
}

/** `rollcall down`: removes stacks of ours with all that belongs to them. Gives the exit code. */
export async function runDown(asked: string | undefined, flags: Flags): Promise<number> {
  const docker = (await connectEngine()).container.dockerode;
  const named = asked === undefined ? undefined : upName(upTarget(asked).name);
  const isMeant = (stack: string): boolean =>
    named === undefined ? flags["all"] === true || stack.startsWith("rollcall-up-") || isOrphan(stack) : stack === named;
  const found = (await findStacks(docker)).filter(({ stack }) => isMeant(stack));
  const left = await removeStacks(docker, isMeant);
  for (const { stack } of found) rmSync(fileOf(stack.replace(/^rollcall-up-/, "")), { force: true });
  if (flags["json"] === true) process.stdout.write(`${JSON.stringify({ removed: found, left }, null, 2)}\n`);
  else if (found.length === 0) process.stdout.write("nothing of ours is there\n");
  for (const { stack, containers, networks, volumes } of flags["json"] === true ? [] : found)
    process.stdout.write(`${stack}: ${containers.length} containers, ${networks.length} networks, ${volumes.length} volumes removed\n`);
  if (left.length === 0) return 0;
  throw new HarnessError("internal", `could not be removed: ${left.map(({ stack }) => stack).join(", ")}`, {
    hint: "docker ps --all, docker network ls: what holds on to them?",
  });
}

/** `rollcall logs`: what the containers of a stack that is up have written. Gives the exit code. */
export async function runLogs(asked: string, service: string | undefined, flags: Flags): Promise<number> {
  const docker = (await connectEngine()).container.dockerode;
  const stack = upName(upTarget(asked).name);
  const isJson = flags["json"] === true;
  const show = (name: string, line: string): void => {
    process.stdout.write(isJson ? `${JSON.stringify({ service: name, line: redact(line) })}\n` : `${name} | ${redact(line)}\n`);
  };
  const tail = typeof flags["tail"] === "number" ? flags["tail"] : undefined;
  const names = await stackLogs(docker, stack, { service, tail, follow: flags["follow"] === true }, show);
  if (names.length > 0) return 0;
  throw new HarnessError("usage", `${asked} is not up${service === undefined ? "" : `, or has no service "${service}"`}`, {
    hint: `rollcall up ${asked}`,
  });
}
