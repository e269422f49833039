import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectEngine, findCompose, findStacks, isOrphan } from "../src/targets/containers/index.ts";
import { pdsModule } from "../fixtures/atproto/index.ts";
import { bindingNames, loadBinding } from "../src/cli/registry.ts";
import { noteCounts } from "./counts.ts";
import { CONTAINER_FAULT_CASES } from "./fault-cases.ts";
import { HEAD, tryFaults } from "./fault-runs.ts";
import { flagsOf } from "./flags.ts";

/**
 * `npm run containers [-- name…] [--within seconds]`: the stacks of docker-compose.yml, each judged for real, and every
 * kind of fault that containers can have. Needs a container engine; without one it says so and does nothing. What has not
 * begun when the time is up is left out. It is no part of `npm test`.
 */
const root = join(import.meta.dirname, "..");
const out = join(root, "rollcall-report", "containers");
const CLI = join(root, "bin", "rollcall.js");
/** A build of all images and a start on a busy machine are in it. */
const COMMAND_MS_MAX = 480_000;
/** What a killed run leaves behind is gone by then: its guard waits for Compose to have ended. */
const GONE_MS_MAX = 90_000;

interface Outcome {
  readonly exitCode: number;
  readonly text: string;
}

function rollcall(...args: readonly string[]): Outcome {
  const ran = spawnSync(process.execPath, [CLI, ...args], { cwd: root, encoding: "utf8", timeout: COMMAND_MS_MAX, maxBuffer: 2 ** 26 });
  return { exitCode: ran.status ?? 1, text: `${ran.stdout}${ran.stderr}` };
}

interface Results {
  readonly replicas?: readonly { readonly name?: string; readonly clients: number }[];
  readonly requirements: readonly { readonly id: string; readonly verdict: string }[];
  readonly load?: { readonly joinMs: { readonly count: number }; readonly objectives: readonly { readonly verdict: string }[] };
  readonly notes: readonly string[];
}

function resultIn(folder: string): Results {
  return JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as Results;
}

/** What is wrong, in a few lines; undefined when all is as it should be. */
type Problem = string | undefined;

function tail(text: string, lines: number = 25): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

function mustEndWith(wanted: number, { exitCode, text }: Outcome): Problem {
  return exitCode === wanted ? undefined : `exit code ${exitCode} instead of ${wanted}:\n${tail(text)}`;
}

/** A check in which everything that was judged passed; what a busy machine could not judge is tried once more. */
function checks(target: string, ...more: readonly string[]): Problem {
  const folder = join(out, target.replace(/\W+/g, "-"));
  const first = rollcall("check", target, "--out", folder, ...more);
  const open = first.exitCode === 4 ? resultIn(folder).requirements.filter(({ verdict }) => verdict === "inconclusive") : [];
  if (open.length === 0) return mustEndWith(0, first);
  const again = open.flatMap(({ id }) => ["--only", id]);
  return mustEndWith(0, rollcall("check", target, "--out", `${folder}-again`, ...again));
}

function everyReplicaWasSeen(folder: string): Problem {
  const { replicas = [] } = resultIn(folder);
  const idle = replicas.filter(({ clients }) => clients === 0);
  return replicas.length > 1 && idle.length === 0 ? undefined : `clients by replica: ${JSON.stringify(replicas)}`;
}

/** What there is of runs that are over. */
async function leftBehind(): Promise<string> {
  const { container } = await connectEngine();
  const stacks = (await findStacks(container.dockerode)).filter(({ stack }) => isOrphan(stack));
  return stacks
    .map(({ stack, containers, networks, volumes }) => `${stack} ${containers.length + networks.length + volumes.length}`)
    .join(", ");
}

/** Processes below one, its guard among them; none where there is no /proc. */
function processesBelow(pid: number): readonly number[] {
  const parents = (existsSync("/proc/self/stat") ? readdirSync("/proc") : [])
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // The name of a program stands in brackets and may hold anything.
        const [, parent] = readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
        return [{ pid: Number(name), parent: Number(parent) }];
      } catch {
        return [];
      }
    });
  const below = (of: number): number[] => parents.filter(({ parent }) => parent === of).flatMap((each) => [each.pid, ...below(each.pid)]);
  return below(pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A run that is killed in its middle, without a chance to clean up. */
async function killedRun(): Promise<Problem> {
  const size = ["--clients", "10", "--rooms", "2", "--ramp", "1s", "--duration", "60s"];
  const args = [CLI, "load", "co-edit", "--target", "targets/steps-compose.yaml", ...size, "--out", join(out, "killed")];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const isUnderWay = await new Promise<boolean>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => text.includes("sent/s") && resolve(true));
    child.once("exit", () => resolve(false));
  });
  if (!isUnderWay) return "it ended before it could be killed";
  const below = processesBelow(child.pid ?? 0);
  child.kill("SIGKILL");
  // A process that has ended and that nobody has asked for still has its number.
  await new Promise((resolve) => child.once("exit", resolve));
  const until = performance.now() + GONE_MS_MAX;
  while (performance.now() < until) {
    if ((await leftBehind()) === "" && !below.some(isAlive)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return `after ${GONE_MS_MAX / 1000} s there is still ${await leftBehind()}, and of ${below.length} processes ${below.filter(isAlive).length}`;
}

function imageTarget(): Problem {
  const file = join("rollcall-report", "containers", "image.yaml");
  const image = process.env["SERVER_IMAGE"] ?? "rollcall/server:local";
  writeFileSync(
    join(root, file),
    `binding: steps
image:
  name: ${image}
  entrypoint: [node, src/bindings/steps/reference/main.ts]
  env: { HOST: 0.0.0.0, PORT: "{port}" }
  ready: { http: /healthz }
credential: { recipe: none }
`,
  );
  return checks(file, "--only", "STEP-ORD-*");
}

function loginJourney(): Problem {
  const up = mustEndWith(0, rollcall("up", "leaf", "--fresh"));
  if (up !== undefined) return up;
  try {
    const folder = join(out, "login-journey");
    const args = ["--target", ".rollcall/up/leaf-compose.yaml", "--clients", "10", "--rooms", "2", "--duration", "10s", "--out", folder];
    const ran = rollcall("load", "login-journey", ...args);
    const { load, notes } = resultIn(folder);
    // It has no deliveries to judge (exit code 4): what counts is that everybody came in.
    const isWell = load !== undefined && load.joinMs.count > 0 && load.objectives.every(({ verdict }) => verdict === "pass");
    return isWell && !notes.some((note) => note.includes("joins failed")) ? undefined : tail(ran.text);
  } finally {
    rollcall("down", "leaf");
  }
}

function mutantIsNamed(): Problem {
  const folder = join(out, "mutant");
  const ran = rollcall(
    "check",
    "targets/playback-compose.yaml",
    "--mutant",
    "no-redis-fanout",
    "--only",
    "PLAY-CAP-02",
    "--fail-on",
    "warning",
    "--out",
    folder,
  );
  const verdict = resultIn(folder).requirements.find(({ id }) => id === "PLAY-CAP-02")?.verdict;
  return ran.exitCode === 1 && (verdict === "warning" || verdict === "fail")
    ? undefined
    : `PLAY-CAP-02 ${verdict ?? "unknown"}:\n${tail(ran.text)}`;
}

const PLAYBACK = "targets/playback-compose.yaml";

const CASES: Readonly<Record<string, () => Problem | Promise<Problem>>> = {
  playback: () => checks(PLAYBACK) ?? everyReplicaWasSeen(join(out, PLAYBACK.replace(/\W+/g, "-"))),
  "playback-mutant": mutantIsNamed,
  killed: killedRun,
  image: imageTarget,
  steps: () => checks("targets/steps-compose.yaml", "--only", "STEP-ORD-*", "--only", "STEP-CAP-03"),
  sync: () => checks("targets/sync-compose.yaml", "--only", "SYNC-CAP-03", "--only", "SYNC-CONV-*"),
  leaf: loginJourney,
  jazz: () => checks("targets/jazz-compose.yaml", "--only", "JAZZ-CONV-01", "--only", "JAZZ-ISO-01"),
};

/** Why a case can not run here. */
async function gap(name: string): Promise<string | undefined> {
  if (name === "leaf" && pdsModule() === undefined) return "the PDS is not installed: npm run install:pds";
  return bindingNames().includes(name) ? (await loadBinding(name)).absent : undefined;
}

/** Every kind of fault that needs containers, on one stack. */
const FAULTS = "faults";
const FAULTS_SIZE = { clients: 24, seconds: 12 };

async function main(): Promise<number> {
  const { values, positionals: asked } = flagsOf("npm run containers [-- <case>…] [--within <seconds>]", {
    allowPositionals: true,
    options: { within: { type: "string" } },
  });
  const untilMs = performance.now() + 1000 * Number(values.within ?? Infinity);
  const isTimeUp = (name: string): boolean => {
    if (performance.now() < untilMs) return false;
    console.log(`LEFT OUT  ${name}: the ${values.within} s of --within are over`);
    return true;
  };
  const missing = await connectEngine().then(
    async () => ((await findCompose()) === undefined ? "Compose is not installed" : undefined),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (missing !== undefined) {
    console.log(`SKIPPED, all cases in containers: ${missing}`);
    return 0;
  }
  mkdirSync(out, { recursive: true });
  let passed = 0;
  const failed: string[] = [];
  const note = (isOver: boolean): void => noteCounts({ name: "containers", passed, failed: failed.length, isOver });
  note(false);
  for (const [name, run] of Object.entries(CASES)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    if (isTimeUp(name)) continue;
    const why = await gap(name);
    if (why !== undefined) {
      console.log(`skipped  ${name}: ${why}`);
      continue;
    }
    const begunMs = performance.now();
    const problem = await Promise.resolve()
      .then(run)
      .catch((error: unknown) => String(error));
    console.log(`${problem === undefined ? "passed " : "FAILED "}  ${name}  ${((performance.now() - begunMs) / 1000).toFixed(0)} s`);
    if (problem === undefined) passed += 1;
    else {
      failed.push(name);
      console.log(problem.replaceAll(/^/gm, "    "));
    }
    note(false);
  }
  if ((asked.length === 0 || asked.includes(FAULTS)) && !isTimeUp(FAULTS)) {
    console.log(HEAD);
    await tryFaults(CONTAINER_FAULT_CASES, FAULTS_SIZE, 1, ({ name, verdict }, lines) => {
      for (const line of lines) console.log(line);
      if (verdict === "passed") passed += 1;
      if (verdict === "failed") failed.push(name);
      note(false);
    });
  }
  const left = await leftBehind();
  if (left !== "") failed.push(`left behind: ${left}`);
  note(true);
  console.log(`\nin containers: ${passed} passed, ${failed.length} failed${failed.length === 0 ? "" : `: ${failed.join(", ")}`}`);
  return failed.length === 0 ? 0 : 1;
}

process.exit(await main());
