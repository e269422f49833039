import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type ContainerRuntimeClient, getContainerRuntimeClient } from "testcontainers";
import { HarnessError } from "../../core/errors.ts";

/** A program that does not answer within this time is as good as absent. */
const PROGRAM_MS_MAX = 10_000;

/** The engine's own interface, as the library that found it hands it out. */
export type Docker = ContainerRuntimeClient["container"]["dockerode"];

/** How Compose is called here. */
export interface Compose {
  readonly version: string;
  /** `docker compose`, the plugin, or the program `docker-compose`. */
  readonly isStandalone: boolean;
}

const run = promisify(execFile);

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(program, [...args], { timeout: PROGRAM_MS_MAX, encoding: "utf8" })).stdout.trim();
  } catch {
    return undefined;
  }
}

/** Compose as it is installed; undefined when it is not. */
export async function findCompose(): Promise<Compose | undefined> {
  const plugin = await output("docker", ["compose", "version", "--short"]);
  if (plugin !== undefined) return { version: plugin, isStandalone: false };
  const program = await output("docker-compose", ["version", "--short"]);
  return program === undefined ? undefined : { version: program, isStandalone: true };
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
export async function examineEngine(): Promise<{ readonly engine: string | undefined; readonly why: string; readonly compose: string | undefined }> {
  const compose = await findCompose();
  const text = compose === undefined ? undefined : `${compose.version} (${compose.isStandalone ? "docker-compose" : "docker compose"})`;
  try {
    const { info } = await connectEngine();
    return { engine: info.containerRuntime.host === "" ? undefined : await versionOf(), why: "", compose: text };
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
