import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { HarnessError } from "../core/errors.ts";

/** The k6 that is known to do all that our scripts need. */
export const K6_VERSION = "1.8.1";

/** Official image of the same version; another by `K6_IMAGE`. */
const IMAGE = `grafana/k6:${K6_VERSION}`;

/** `k6 version` and `docker version` answer in well under a second; a program that hangs is none of them. */
const ANSWER_MS_MAX = 10_000;

/** Fetching and compiling takes 3 minutes on two cores. */
const INSTALL_MS_MAX = 900_000;

/** How k6 can be run. */
export interface K6 {
  /** Program and leading arguments; what k6 itself takes comes behind. `folder` is what a container gets to see. */
  readonly command: (folder: string) => readonly [string, ...string[]];
  /** Where it was found, in words. */
  readonly how: string;
}

export interface K6Places {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

const PLACES: K6Places = { env: process.env, home: homedir() };

/**
 * k6 by the first way that leads to it: `K6_BIN`, `PATH`, where `rollcall k6 install` puts it, a container image.
 * @throws HarnessError `usage` that names all four when none does, or when `K6_BIN` is no k6 of version 1 or later.
 */
export async function findK6(places: K6Places = PLACES): Promise<K6> {
  const named = places.env["K6_BIN"];
  if (named !== undefined && named !== "") {
    const version = await versionOf(named);
    if (version !== undefined) return found(named, `K6_BIN, ${version}`);
    throw new HarnessError("usage", `K6_BIN is ${named}, which is no k6 of version 1 or later`, {
      hint: "point it at a k6 program, or unset it",
    });
  }
  const onPath = (places.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const [folder, how] of [
    ...onPath.map((folder) => [folder, "PATH"] as const),
    ...goFolders(places).map((folder) => [folder, folder] as const),
  ]) {
    const path = join(folder, process.platform === "win32" ? "k6.exe" : "k6");
    const version = existsSync(path) ? await versionOf(path) : undefined;
    if (version !== undefined) return found(path, `${how}, ${version}`);
  }
  const image = places.env["K6_IMAGE"] ?? IMAGE;
  const docker = await answerOf(["docker", "image", "inspect", "--format", "{{.Id}}", image], ANSWER_MS_MAX, places.env);
  if (docker?.code === 0) {
    const command = (folder: string): readonly [string, ...string[]] => [
      "docker",
      "run",
      "--rm",
      "--network",
      "host",
      "--user",
      `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      "--volume",
      `${folder}:${folder}`,
      "--workdir",
      folder,
      image,
    ];
    return { command, how: `the image ${image}` };
  }
  throw new HarnessError("usage", "k6 is not here", {
    hint:
      `one of these gets it: (1) K6_BIN=<path of k6>  (2) put k6 ${K6_VERSION} on PATH  (3) rollcall k6 install, where Go is  ` +
      `(4) docker pull ${image}`,
  });
}

/** Where `go install` puts programs: `GOBIN`, else `bin` of `GOPATH`, else `~/go/bin`. */
export function goFolders({ env, home }: K6Places): readonly string[] {
  const named = env["GOBIN"];
  if (named !== undefined && named !== "") return [named];
  const paths = (env["GOPATH"] ?? "").split(delimiter).filter((path) => path !== "");
  return paths.length > 0 ? paths.map((path) => join(path, "bin")) : [join(home, "go", "bin")];
}

/**
 * Installs k6 by `go install`, where `findK6` looks for it.
 * @throws HarnessError `usage` when Go is not here or could not build it.
 */
export async function installK6(say: (text: string) => void, places: K6Places = PLACES): Promise<K6> {
  const go = await answerOf(["go", "version"], ANSWER_MS_MAX, places.env);
  if (go?.code !== 0) {
    throw new HarnessError("usage", "Go is not here, and k6 is built by it", {
      hint: `get Go from https://go.dev/dl, or k6 itself from https://grafana.com/docs/k6/latest/set-up/install-k6, or docker pull ${IMAGE}`,
    });
  }
  say(`${go.text.trim()}; building k6 ${K6_VERSION}, which takes some minutes`);
  const built = await answerOf(["go", "install", `go.k6.io/k6@v${K6_VERSION}`], INSTALL_MS_MAX, places.env);
  if (built?.code !== 0) {
    throw new HarnessError(
      "usage",
      `go install go.k6.io/k6@v${K6_VERSION} did not work: ${built?.text.trim().slice(-500) ?? "no answer in time"}`,
      {
        hint: "it needs Go 1.24 or later and a module proxy that can be reached",
      },
    );
  }
  return findK6(places);
}

function found(path: string, how: string): K6 {
  return { command: () => [path], how };
}

/** The version, of 1.0 or later; undefined for anything else. */
async function versionOf(path: string): Promise<string | undefined> {
  const answer = await answerOf([path, "version"], ANSWER_MS_MAX, process.env);
  const version = /^k6(?:\.exe)? v?([1-9][0-9]*\.[0-9]+\.[0-9]+\S*)/.exec(answer?.text.trim() ?? "")?.[1];
  return answer?.code === 0 && version !== undefined ? `k6 ${version}` : undefined;
}

/** What a program says and ends with; undefined when it can not be started or does not end in time. */
function answerOf(
  command: readonly [string, ...string[]],
  withinMs: number,
  env: K6Places["env"],
): Promise<{ readonly code: number | null; readonly text: string } | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: withinMs,
      killSignal: "SIGKILL",
    });
    let text = "";
    const hear = (chunk: Buffer): void => {
      if (text.length < 65_536) text += chunk.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("error", () => resolve(undefined));
    child.once("close", (code, signal) => resolve(signal === null ? { code, text } : undefined));
  });
}
