import { rmSync } from "node:fs";
import { resolve } from "node:path";
import type { Launched } from "../core/case.ts";
import { HarnessError } from "../core/errors.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { type Child, startChild } from "./child.ts";
import { freePort, probe, status } from "./network.ts";
import { type Launch, type Plan, planTarget } from "./plan.ts";
import { controlled } from "./process-control.ts";
import { startReplicas } from "./replicas.ts";
import type { RunningTarget, StartOptions } from "./types.ts";

/** A reference server loads in under two seconds; this is for a machine under load. */
const REFERENCE_READY_MS_MAX = 20_000;
const POLL_MS = 100;
/** How long the pipes of a process that has ended are waited for. */
const LAST_WORDS_MS_MAX = 2_000;
/** Lines of a dead server's log that an error shows. */
const LOG_TAIL_LINES = 30;

/** Folders of servers that may not have ended when we do; what a process leaves behind would fill the machine of a CI. */
const scratches = new Set<string>();

function removeScratch(folder: string): void {
  scratches.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

process.once("exit", () => scratches.forEach(removeScratch));

/** Waits, without holding the process open for it: the child that is waited for does that. */
function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}

function tail(child: Child): string {
  const lines = child.logs().trimEnd().split("\n").slice(-LOG_TAIL_LINES);
  return lines.join("").trim() === "" ? "it wrote nothing" : `its last words:\n${lines.map((line) => `  | ${line}`).join("\n")}`;
}

async function died(child: Child): Promise<HarnessError> {
  // What it said last may still be in the pipe.
  await Promise.race([child.drained, pause(LAST_WORDS_MS_MAX)]);
  const exit = child.exited();
  const how = exit?.signal != null ? `by ${exit.signal}` : `with exit code ${exit?.code ?? "unknown"}`;
  return new HarnessError("unreachable", `the server ended ${how} before it was ready; ${tail(child)}`);
}

interface Started {
  readonly child: Child;
  readonly url: string;
  /** What a reference server says it can do here, or cannot for want of something on this machine. */
  readonly capabilities?: Readonly<Record<string, boolean>>;
}

/** What a reference server tells once it is ready. */
type Ready = Omit<Started, "child">;

/** Gives the child also when it ended, or was not ready in time: then without a URL. */
async function spawnReference(
  launch: Extract<Launch, { kind: "reference" }>,
  port: number,
): Promise<{ readonly child: Child; readonly url: string | undefined; readonly capabilities?: Readonly<Record<string, boolean>> }> {
  scratches.add(launch.scratch);
  const own = Object.entries(launch.env).map(([name, value]) => [name, value?.replaceAll("{port}", String(port))]);
  const child = startChild({
    run: [process.execPath, launch.program],
    env: { ...process.env, ...Object.fromEntries(own), PORT: String(port) },
  });
  const ready = new Promise<Ready>((done) => {
    child.onLine((line) => {
      const told = readReady(line);
      if (told !== undefined) done(told);
    });
  });
  const told = await Promise.race([ready, child.ended.then(() => undefined), pause(REFERENCE_READY_MS_MAX)]);
  return typeof told === "object" ? { child, ...told } : { child, url: undefined };
}

async function startReference(launch: Extract<Launch, { kind: "reference" }>, port: number): Promise<Started> {
  const { child, url, capabilities } = await spawnReference(launch, port);
  if (url !== undefined) return { child, url, ...(capabilities === undefined ? {} : { capabilities }) };
  const failure =
    child.exited() === undefined
      ? new HarnessError("unreachable", `the reference server was not ready within ${REFERENCE_READY_MS_MAX} ms; ${tail(child)}`)
      : await died(child);
  await child.stop();
  throw failure;
}

function readReady(line: string): Ready | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const message = JSON.parse(line) as { readonly event?: unknown; readonly url?: unknown; readonly capabilities?: unknown };
    if (message.event !== "ready" || typeof message.url !== "string") return undefined;
    const { capabilities } = message;
    if (typeof capabilities !== "object" || capabilities === null) return { url: message.url };
    const flags = Object.entries(capabilities).filter((each): each is [string, boolean] => typeof each[1] === "boolean");
    return { url: message.url, capabilities: Object.fromEntries(flags) };
  } catch {
    return undefined;
  }
}

async function isReady(launch: Extract<Launch, { kind: "command" }>, url: string, target: ResolvedTarget): Promise<boolean> {
  const { http, ws } = launch.spec.ready;
  const options = { ca: target.ca, headers: target.headers };
  if (http !== undefined) {
    const code = await status(url + http, { ...options, upgrade: false });
    if (code < 200 || code > 299) return false;
  }
  if (ws !== undefined && (await status(url + ws, { ...options, upgrade: true })) === 0) return false;
  return http !== undefined || ws !== undefined || (await probe(url, target.ca, 1_000)) === undefined;
}

async function startCommand(
  launch: Extract<Launch, { kind: "command" }>,
  port: number,
  url: string,
  target: ResolvedTarget,
): Promise<Started> {
  const { spec } = launch;
  if ((await probe(`http://127.0.0.1:${port}`, undefined, 1_000)) === undefined) {
    throw new HarnessError("unreachable", `port ${port} is in use already`, {
      hint: "end what listens there, or write {port} into the command and leave the port to us",
    });
  }
  const filled = (text: string): string => text.replaceAll("{port}", String(port));
  const child = startChild({
    run: filled(spec.command),
    cwd: resolve(launch.folder, spec.cwd ?? "."),
    env: { ...process.env, ...Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, filled(value)])) },
  });
  const until = performance.now() + spec.ready.withinMs;
  while (child.exited() === undefined && performance.now() < until) {
    // A server that daemonises or loses the port to another would be taken for ready: the exit is looked at last.
    if ((await isReady(launch, url, target)) && child.exited() === undefined) return { child, url };
    await Promise.race([pause(POLL_MS), child.ended]);
  }
  const failure =
    child.exited() === undefined
      ? new HarnessError("unreachable", `the server was not ready within ${spec.ready.withinMs} ms; ${tail(child)}`, {
          hint: "see `start.ready` in the target file",
        })
      : await died(child);
  await child.stop();
  throw failure;
}

/** What runs as a process of this machine. */
type ProcessLaunch = Extract<Launch, { kind: "command" | "reference" }>;

/** Only the first URL is ours to fill in; a second process stands as it was given. */
function withTold(target: ResolvedTarget, { url, capabilities }: Ready): ResolvedTarget {
  const audience = target.credential.audience.replaceAll("{port}", new URL(url).port);
  return {
    ...target,
    urls: [url, ...target.urls.slice(1)],
    credential: { ...target.credential, audience },
    legs: Object.fromEntries(Object.entries(target.legs).map(([name, leg]) => [name, leg.replace(":0/", `:${new URL(url).port}/`)])),
    // What a server finds on this machine goes before what was expected of it.
    capabilities: { ...target.capabilities, ...capabilities },
  };
}

/** Any port will do, but one that stands in the server's own variables must be known before it listens. */
function portOf(launch: ProcessLaunch): number | undefined {
  if (launch.kind === "command" || launch.port !== 0) return launch.port;
  return Object.values(launch.env).some((value) => value?.includes("{port}") === true) ? undefined : launch.port;
}

async function startProcess(plan: Plan, launch: ProcessLaunch): Promise<RunningTarget> {
  if (launch.kind === "reference" && launch.replicas !== undefined)
    return startReplicas(plan, { ...launch, replicas: launch.replicas }, (one) => startProcess(plan, one));
  const port = portOf(launch) ?? (await freePort());
  const given = new URL(plan.resolved.urls[0]);
  const commandUrl = `${given.protocol}//${given.hostname}:${port}`;
  const start = (at: number): Promise<Started> =>
    launch.kind === "reference" ? startReference(launch, at) : startCommand(launch, at, commandUrl, plan.resolved);
  const first = await start(port);
  const boundPort = Number(new URL(first.url).port);
  const { process: control, exited, stop } = controlled(first.child, async () => (await start(boundPort)).child);
  return {
    resolved: withTold(plan.resolved, first),
    binding: plan.binding,
    mayFlood: plan.mayFlood,
    isReference: launch.kind === "reference",
    ...(launch.kind === "reference" || launch.spec.restart ? { process: control } : {}),
    exited,
    stop: async () => {
      await stop();
      if (launch.kind === "reference") removeScratch(launch.scratch);
    },
  };
}

/**
 * One more process of a reference server, for a case: with variables of its own (undefined takes one away) and as it
 * comes, also when it ends at once.
 * @throws HarnessError `usage` when the target is no reference server.
 */
export async function launchReference(options: StartOptions, env: Readonly<Record<string, string | undefined>>): Promise<Launched> {
  const { launch } = await planTarget(options);
  if (launch.kind !== "reference") throw new HarnessError("usage", `${options.target} is no reference server`);
  const { child, url } = await spawnReference({ ...launch, env: { ...launch.env, ...env } }, await freePort());
  // What it said last may still be in the pipe.
  if (child.exited() !== undefined) await Promise.race([child.drained, pause(LAST_WORDS_MS_MAX)]);
  void child.ended.then(() => removeScratch(launch.scratch));
  return {
    url,
    exited: child.exited,
    logs: child.logs,
    kill: () => {
      if (child.exited() === undefined) child.signal("SIGKILL");
    },
    end: async (withinMs) => {
      if (child.exited() === undefined) child.signal("SIGTERM");
      return Promise.race([child.ended, pause(withinMs).then(() => undefined)]);
    },
  };
}

/**
 * Starts what a target file or a reference server's name stands for, and waits until it is ready; a URL is only
 * reached for, within 5 s.
 * @throws HarnessError `usage` when the target is not understood, `unreachable` when it does not start or answer.
 */
export async function startTarget(options: StartOptions): Promise<RunningTarget> {
  const plan = await planTarget(options);
  const { launch } = plan;
  // Loaded when it is wanted: a run without containers need not read the engine's library.
  if (launch.kind === "compose" || launch.kind === "image") {
    const { startCompose, startImage } = await import("./containers/index.ts");
    const say = options.onStage ?? ((): void => {});
    return launch.kind === "compose" ? startCompose(plan, launch, say) : startImage(plan, launch, say);
  }
  if (launch.kind !== "url") return startProcess(plan, launch);
  for (const url of plan.resolved.urls) {
    const failure = await probe(url, plan.resolved.ca);
    if (failure !== undefined) throw new HarnessError("unreachable", `${url} can not be reached: ${failure}`);
  }
  const { resolved, binding, mayFlood } = plan;
  return { resolved, binding, mayFlood, isReference: false, exited: () => undefined, stop: async () => {} };
}

/** What `startTarget` would do, without doing it: for `--dry-run`. The port of a server that we would start is 0. */
export async function describeTarget(options: StartOptions): Promise<
  Pick<RunningTarget, "resolved" | "binding" | "mayFlood"> & {
    readonly how: string;
    /** Only our own servers are told where the DID directory is, and only those whose users have DIDs ask it. */
    readonly needsDirectory: boolean;
  }
> {
  const plan = await planTarget(options);
  const { resolved, binding, mayFlood, launch } = plan;
  const how = howOf(launch, resolved);
  const hasDids = resolved.credential.recipe !== "none" || "directory" in binding.manifest.capabilities;
  return { resolved, binding, mayFlood, how, needsDirectory: launch.kind === "reference" && hasDids };
}

function howOf(launch: Launch, { urls, binding }: ResolvedTarget): string {
  switch (launch.kind) {
    case "url":
      return `reach ${urls.join(" and ")}`;
    case "command":
      return `start \`${launch.spec.command}\``;
    case "image":
      return `start a container of ${launch.image}`;
    case "compose":
      return `start ${launch.services.join(" and ")} of ${launch.file}`;
    case "reference":
      return `start the reference server of ${binding}`;
  }
}
