import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { type ContainerRuntimeClient, getContainerRuntimeClient } from "testcontainers";
import { HarnessError } from "../../core/errors.ts";

/** A program that does not answer within this time is as good as absent. */
const PROGRAM_MS_MAX = 60_000;

/** The engine's own interface, as the library that found it hands it out. */
export type Docker = ContainerRuntimeClient["container"]["dockerode"];

/** How Compose is called here: `docker compose`, the plugin, or the program `docker-compose`. */
export type Compose = "plugin" | "standalone";

const run = promisify(execFile);

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(program, [...args], { timeout: PROGRAM_MS_MAX, encoding: "utf8" })).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Compose as it is installed; undefined when it is not. The program is only looked for: 1.29 takes long to load. */
export async function findCompose(): Promise<Compose | undefined> {
  if ((await output("docker", ["compose", "version"])) !== undefined) return "plugin";
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => folder !== "" && existsSync(join(folder, "docker-compose"))) ? "standalone" : undefined;
}

const START_IT = "start it (`sudo systemctl start docker`, or Docker Desktop), see that you may use it (`docker info`), and try again";

/** Why there is no engine to be had, in words that help. */
async function explain(): Promise<{ readonly message: string; readonly hint: string }> {
  const program = await output("docker", ["--version"]);
  return program === undefined
    ? {
        message: "containers need a container engine, and there is none here",
        hint: "install Docker (https://docs.docker.com/engine/install/; on Debian: apt-get install docker.io docker-compose), or use a reference server without containers: `rollcall check playback`",
      }
    : { message: "a container engine is installed, but it does not answer", hint: START_IT };
}

/**
 * The container engine of this machine.
 * @throws HarnessError `unreachable` when none answers; its hint says how to get one.
 */
export async function connectEngine(): Promise<ContainerRuntimeClient> {
  try {
    return await getContainerRuntimeClient();
  } catch (error) {
    const { message, hint } = await explain();
    throw new HarnessError("unreachable", message, { hint, cause: error });
  }
}

/** @throws HarnessError `unreachable` when Compose is not installed. */
export async function needCompose(): Promise<Compose> {
  const compose = await findCompose();
  if (compose !== undefined) return compose;
  throw new HarnessError("unreachable", "this target is a compose file, and Compose is not installed", {
    hint: "install it: https://docs.docker.com/compose/install/; on Debian: apt-get install docker-compose",
  });
}

/** Whether an engine answers, its version, and Compose's: for `rollcall doctor`. */
export async function examineEngine(): Promise<{
  readonly engine: string | undefined;
  readonly why: string;
  readonly compose: string | undefined;
}> {
  const compose = await findCompose();
  const text =
    compose === "plugin"
      ? await output("docker", ["compose", "version", "--short"])
      : await output("docker-compose", ["version", "--short"]);
  try {
    return { engine: await versionOf(), why: "", compose: text };
  } catch (error) {
    const hint = error instanceof HarnessError ? `${error.message}; ${error.hint ?? ""}` : String(error);
    return { engine: undefined, why: hint, compose: text };
  }
}

async function versionOf(): Promise<string> {
  const { container } = await connectEngine();
  const { Version } = await container.dockerode.version();
  return Version;
}
