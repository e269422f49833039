import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { homedir } from "node:os";
import { availableParallelism, totalmem } from "node:os";
import { delimiter, join } from "node:path";
import { INSTALL_PDS, pdsModule } from "../../fixtures/atproto/index.ts";
import { bindingNames, loadBinding } from "./registry.ts";

/** One thing that a run may need. */
export interface Finding {
  readonly name: string;
  readonly state: "here" | "missing" | "optional";
  readonly text: string;
}

const NODE_MAJOR_MIN = 24;
/** A socket is an open file at both ends, and both ends may be on this machine. */
const OPEN_FILES_WANTED = 8_192;
const PROGRAM_MS_MAX = 5_000;

function find(names: readonly string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), "go", "bin")];
  for (const name of names) {
    for (const folder of folders) if (folder !== "" && existsSync(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

function firstLine(program: string, args: readonly string[]): string {
  try {
    const text = execFileSync(program, args, { timeout: PROGRAM_MS_MAX, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return text.split("\n")[0]?.trim() ?? "";
  } catch {
    return "does not run";
  }
}

function optional(name: string, programs: readonly string[], args: readonly string[], use: string): Finding {
  const program = find(programs);
  return program === undefined
    ? { name, state: "optional", text: `not here; ${use}` }
    : { name, state: "here", text: firstLine(program, args) };
}

function pds(): Finding {
  const module = pdsModule();
  return module === undefined
    ? { name: "pds", state: "optional", text: `not here; only for cases that sign in through a PDS: ${INSTALL_PDS} (340 MB)` }
    : { name: "pds", state: "here", text: module.replace(/.node_modules.*$/, "") };
}

/** Optional pieces of bindings that are not installed, with how to get them. */
export async function examineBindings(): Promise<readonly Finding[]> {
  const bindings = await Promise.all(bindingNames().map((name) => loadBinding(name)));
  return bindings.flatMap(({ manifest, absent }) =>
    absent === undefined ? [] : [{ name: manifest.name, state: "optional" as const, text: absent }],
  );
}

/** What is here, what is missing, and how to get it. Starts nothing but `--version` calls. */
export function examine(): readonly Finding[] {
  const major = Number(process.versions.node.split(".")[0]);
  const openFiles = Number(firstLine("/bin/sh", ["-c", "ulimit -n"]));
  const names = bindingNames();
  let canWrite = true;
  try {
    accessSync(process.cwd(), constants.W_OK);
  } catch {
    canWrite = false;
  }
  return [
    {
      name: "node",
      state: major >= NODE_MAJOR_MIN ? "here" : "missing",
      text: `${process.versions.node}; ${NODE_MAJOR_MIN} or newer is needed`,
    },
    { name: "bindings", state: names.length > 0 ? "here" : "missing", text: names.join(", ") },
    {
      name: "folder",
      state: canWrite ? "here" : "missing",
      text: canWrite ? "reports can be written here" : "no permission to write reports here; use --out",
    },
    {
      name: "open files",
      state: openFiles >= OPEN_FILES_WANTED || Number.isNaN(openFiles) ? "here" : "optional",
      text:
        openFiles >= OPEN_FILES_WANTED || Number.isNaN(openFiles)
          ? `${openFiles} a process`
          : `${openFiles} a process: \`ulimit -n ${OPEN_FILES_WANTED}\` before a large load`,
    },
    { name: "machine", state: "here", text: `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB` },
    optional("k6", ["k6"], ["version"], "for load from many machines: https://grafana.com/docs/k6/latest/set-up/install-k6/"),
    optional(
      "chromium",
      ["chromium", "chromium-browser", "google-chrome"],
      ["--version"],
      "only for tests of the HTML report: apt-get install chromium",
    ),
    pds(),
  ];
}

const CONTAINERS = "only for targets with `image:` or `compose:`, and `rollcall up`";

/** Whether containers can be had: an engine that answers, and Compose. Asks both. */
export async function examineContainers(): Promise<readonly Finding[]> {
  const { examineEngine } = await import("../targets/containers/index.ts");
  const { engine, why, compose } = await examineEngine();
  return [
    { name: "engine", state: engine === undefined ? "optional" : "here", text: engine ?? `${CONTAINERS}; ${why}` },
    {
      name: "compose",
      state: compose === undefined ? "optional" : "here",
      text: compose ?? "not here; only for targets with `compose:`: https://docs.docker.com/compose/install/",
    },
  ];
}

/** The findings as a table, and whether everything that is needed is here. */
export function doctorText(findings: readonly Finding[]): { readonly text: string; readonly isWell: boolean } {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const mark = { here: "ok     ", missing: "MISSING", optional: "-      " } as const;
  const missing = findings.filter(({ state }) => state === "missing");
  const last = missing.length === 0 ? "Everything that is needed is here." : `Missing: ${missing.map(({ name }) => name).join(", ")}.`;
  return {
    text: `${findings.map(({ name, state, text }) => `${mark[state]}  ${name.padEnd(width)}  ${text}`).join("\n")}\n\n${last}\n`,
    isWell: missing.length === 0,
  };
}
