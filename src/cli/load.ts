import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Binding } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import type { FaultPlan } from "../core/fault.ts";
import type { Profile } from "../core/requirement.ts";
import type { Result } from "../core/result.ts";
import type { Scenario, ScenarioParameters } from "../core/scenario.ts";
import { createHdr } from "../engines/node/hdr.ts";
import { TRANSPORT_DEFAULT, type TransportName } from "../engines/node/transports.ts";
import { describeTarget, startTarget, type RunningTarget, type StartOptions } from "../targets/index.ts";
import { directoryClient, startPds } from "../../fixtures/atproto/index.ts";
import { createCredentials, type CredentialSource } from "../../fixtures/credentials/index.ts";
import { startDirectory } from "../../fixtures/directory/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { appendDocument, CHUNK, type RecordingAbout, type RunEnd } from "../recording/index.ts";
import type { MutantChoice } from "./find-mutant.ts";
import { unlessInterrupted } from "./interrupt.ts";
import { refuseWhereK6CanNot } from "./k6-bundle.ts";
import { runInK6 } from "./k6-run.ts";
import { preparedUsers } from "./k6-users.ts";
import { resultOf } from "./load-result.ts";
import { faultPlanOf, openFaults, togetherOf } from "./load-faults.ts";
import { turnsOf } from "./load-turns.ts";
import { type Gathered, runWorkers, type LoadProgress } from "./load-workers.ts";
import { bindingFolder, bindingNames, loadBinding } from "./registry.ts";
import { recordingPaths } from "./recording.ts";
import { scenarioNamed } from "./scenario-named.ts";
import { version } from "./version.ts";
import type { WorkerJob } from "./worker.ts";

export type { LoadProgress } from "./load-workers.ts";

export interface LoadOptions {
  readonly scenario: string;
  /** A reference server's name or the path of a target file. */
  readonly target: string;
  readonly parameters?: Partial<ScenarioParameters>;
  readonly seed?: string;
  readonly profile?: Profile;
  /** Worker processes; default one for every 5,000 clients, at most one a core. */
  readonly workers?: number;
  /** `node`, our own (the default), or `k6`. */
  readonly engine?: EngineName;
  /** Of k6: sockets in one VU (default 100), and where its own summary is put. */
  readonly k6?: { readonly socketsPerVu?: number; readonly summary?: string };
  /** How sockets are made: `net`, our own (the default), or `ws`. */
  readonly transport?: TransportName;
  /** Writes what every client saw: a file, or a folder with a file a worker. */
  readonly record?: string;
  /** What goes wrong meanwhile, beside what the scenario has of it: a named plan, a YAML file, or a plan. */
  readonly faults?: string | FaultPlan;
  /** Flags of Node for the workers, such as `--cpu-prof`. */
  readonly workerFlags?: readonly string[];
  /** In place of the target's own. */
  readonly dialect?: string;
  /** Reference servers only: run against this mutant. */
  readonly mutant?: MutantChoice;
  /** Reference servers only: so many processes on the same rooms. */
  readonly replicas?: number;
  readonly mayLoad?: readonly string[];
  /** Containers stay after the run. */
  readonly keep?: boolean;
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** What plays the clients. */
export const ENGINES = ["node", "k6"] as const;
export type EngineName = (typeof ENGINES)[number];

/** The pool that all runs share, so that its keys are made once. */
const POOL_SEED = "rollcall";

/** Clients that one worker carries before a second one pays for itself (two workers cost a quarter more processor time). */
const CLIENTS_PER_WORKER = 5000;

/** One process may have 20,000 files open on common limits; some are not sockets. */
const CLIENTS_PER_WORKER_MAX = 15_000;

/** What is started once and serves one load run after the other. */
export interface Ground {
  readonly running: RunningTarget;
  /** Where keys are: kept from run to run, since a run may have changed them. */
  readonly source: CredentialSource;
  /** Keeps the directory from answering, and lets it again; undefined without a directory of ours. */
  readonly directoryAway: ((isAway: boolean) => Promise<void>) | undefined;
  /** Has the first identities ready, and known to the directory. */
  prepare(clients: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts the directory, the target and what they need.
 * @throws HarnessError for mistakes of the user, and a target never reached.
 */
export async function openGround(options: LoadOptions): Promise<Ground> {
  const start: StartOptions = {
    target: options.target,
    registry: { bindingNames, bindingFolder, loadBinding },
    purpose: "load",
    ...(options.mayLoad === undefined ? {} : { mayLoad: options.mayLoad }),
    ...(options.dialect === undefined ? {} : { dialect: options.dialect }),
    ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    onStage: (text) => options.onProgress?.({ kind: "stage", text }),
  };
  // Mistakes are told before anything is started.
  const { needsDirectory } = await describeTarget(start);
  options.onProgress?.({ kind: "stage", text: needsDirectory ? "starting the directory and the target" : "starting" });
  const pool = await openPool({ seed: POOL_SEED });
  const directory = needsDirectory ? await startDirectory({ pool }) : undefined;
  const closing: (() => Promise<void>)[] = [async () => directory?.close()];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).toReversed()) await end();
  };
  try {
    const starting = startTarget(directory === undefined ? start : { ...start, directoryUrl: directory.url });
    const running = await unlessInterrupted(starting, options.signal, (late) => late.stop());
    closing.push(running.stop);
    const { resolved } = running;
    const pds =
      resolved.credential.recipe === "pds" && directory !== undefined ? await startPds({ directoryUrl: directory.url }) : undefined;
    if (pds !== undefined) closing.push(() => pds.close());
    let prepared = 0;
    const source = createCredentials({ target: resolved, pool, pdsUrl: pds?.url });
    return {
      running,
      source,
      directoryAway:
        directory === undefined
          ? undefined
          : (isAway) => directoryClient(directory.controlUrl, directory.url).answer("*", isAway ? { fault: "silent" } : {}),
      prepare: async (clients) => {
        if (clients <= prepared) return;
        // A directory of the target's own knows nobody yet, and a PDS makes a few accounts a second.
        if (resolved.plcUrl !== undefined || resolved.pdsUrl !== undefined)
          await unlessInterrupted(source.prepare(clients), options.signal);
        else if (directory !== undefined) await unlessInterrupted(directory.prepare(clients), options.signal);
        prepared = clients;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Runs a scenario against a target and judges every delivery. Resolves with the result, also for runs that fail.
 * @throws HarnessError for mistakes of the user, a target never reached, and faults of our own.
 */
export async function load(options: LoadOptions): Promise<Result> {
  const startedAt = new Date();
  checkParameters({ ...scenarioNamed(options.scenario).defaults, ...options.parameters });
  // A plan that is none is told before anything is started.
  if (options.faults !== undefined) faultPlanOf(options.faults);
  const ground = await openGround(options);
  try {
    return await playOn(ground, options, startedAt);
  } finally {
    await ground.close();
  }
}

/** One run of `load` on what is started already. */
export async function playOn(ground: Ground, options: LoadOptions, startedAt: Date = new Date()): Promise<Result> {
  const { running, source } = ground;
  const { binding } = running;
  const scenario = scenarioNamed(options.scenario);
  const parameters: ScenarioParameters = { ...scenario.defaults, ...options.parameters };
  checkParameters(parameters);
  checkFit(scenario, binding, running, parameters);
  if (options.engine === "k6") checkK6(binding, scenario, options);
  const seed = options.seed ?? randomBytes(6).toString("hex");
  const stage = (text: string): void => options.onProgress?.({ kind: "stage", text });
  stage(`preparing ${parameters.clients} identities`);
  await ground.prepare(parameters.clients);
  const count = workersFor(parameters, options.workers);
  const paths = options.record === undefined ? [] : recordingPaths(options.record, count);
  const plan = togetherOf([scenario.faults, ...(options.faults === undefined ? [] : [faultPlanOf(options.faults)])]);
  const faults =
    plan === undefined
      ? undefined
      : await openFaults({
          plan,
          asked: typeof options.faults === "string" ? options.faults : undefined,
          running,
          parameters,
          seed,
          directory: ground.directoryAway,
          say: stage,
        });
  const job: Omit<WorkerJob, "shard"> = {
    kind: "job",
    binding: binding.manifest.name,
    target: running.resolved,
    scenario: scenario.name,
    parameters,
    seed,
    run: randomBytes(4).toString("hex"),
    transport: options.transport ?? TRANSPORT_DEFAULT,
    ...(faults === undefined ? {} : { faults: faults.forWorkers, recordedFaults: faults.recorded }),
    ...(paths.length === 0 ? {} : { record: { paths, about: aboutOf(options, running, startedAt, count) } }),
  };
  const turns = turnsOf(scenario, parameters, { source, say: stage });
  const gathered = await (async () => {
    try {
      if (options.engine === "k6") return await playInK6(job, ground, options, turns.begin);
      return await runWorkers(job, count, {
        ...options,
        credential: (client) => source.credential(client),
        onGo: (tell) => {
          turns.begin();
          faults?.begin(tell);
        },
      });
    } finally {
      // Also after an interrupt: what is frozen or away would not end.
      await faults?.heal();
      faults?.close();
    }
  })();
  await turns.done();
  const failures = faults?.failures() ?? {};
  const endedAt = new Date();
  const exited = running.exited();
  const end: RunEnd = {
    endedAt: endedAt.toISOString(),
    interrupted: gathered.interrupted,
    ...(exited === undefined ? {} : { exited }),
    ...(Object.keys(failures).length === 0 ? {} : { failures }),
  };
  for (const path of paths) appendDocument(path, CHUNK.runEnd, end);
  const { containers, engine } = running;
  const target = {
    ...running.resolved,
    exited,
    ...(containers === undefined ? {} : { containers }),
    ...(engine === undefined ? {} : { engine }),
  };
  return resultOf({
    options,
    scenario,
    parameters,
    seed,
    target,
    binding,
    ...(faults === undefined ? {} : { faults: { ...faults.recorded, failures } }),
    gathered,
    startedAt,
    endedAt,
    workers: count,
    ports: { histogram: createHdr, version },
  });
}

/** Tells mistakes before identities are made: what the other engine has no part of. */
function checkK6(binding: Binding, scenario: Scenario, { faults, record }: LoadOptions): void {
  refuseWhereK6CanNot(binding.manifest);
  const without = (what: string): never => {
    throw new HarnessError("usage", `${what} with --engine k6`, { hint: "use our own engine: leave --engine out" });
  };
  if (record !== undefined) without("no recording is made");
  if (faults !== undefined || scenario.faults !== undefined) without("no faults are made");
}

/** The run in k6, in place of our own workers. */
async function playInK6(job: Omit<WorkerJob, "shard">, ground: Ground, options: LoadOptions, begin: () => void): Promise<Gathered> {
  const { binding, target, scenario, parameters, seed, run } = job;
  const { source } = ground;
  const rotates = scenarioNamed(scenario).rotateAt !== undefined;
  return runInK6({
    binding,
    scenario,
    target,
    parameters,
    seed,
    run,
    ...options.k6,
    targetName: options.target,
    profile: options.profile ?? "mvp",
    prepared: await preparedUsers(parameters.clients, { target, source, seed: POOL_SEED, rotates }),
    credential: (client) => source.credential(client),
    onGo: begin,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

function aboutOf(options: LoadOptions, { resolved }: RunningTarget, startedAt: Date, workers: number): RecordingAbout {
  const url = new URL(resolved.urls[0]);
  return {
    startedAt: startedAt.toISOString(),
    target: options.target,
    url: url.username === "" && url.password === "" ? resolved.urls[0] : `${url.protocol}//${url.host}`,
    name: resolved.name,
    dialect: resolved.dialect,
    ...(options.dialect === undefined ? {} : { askedDialect: options.dialect }),
    timeScale: resolved.timeScale,
    known: resolved.known,
    profile: options.profile ?? "mvp",
    ...(options.mutant === undefined ? {} : { mutant: options.mutant.id }),
    failOnWarning: options.failOnWarning ?? false,
    allowInconclusive: options.allowInconclusive ?? false,
    workers,
  };
}

/** @throws HarnessError (usage) for numbers that make no run. */
export function checkParameters(parameters: ScenarioParameters): void {
  const { clients, rooms, ratePerSecond, durationMs, rampMs, churnPerMinute } = parameters;
  const wrong = (what: string): never => {
    throw new HarnessError("usage", what, { hint: "see rollcall load --help" });
  };
  if (!Number.isInteger(clients) || clients < 1) wrong(`--clients must be a whole number of at least 1, not ${clients}`);
  if (!Number.isInteger(rooms) || rooms < 1) wrong(`--rooms must be a whole number of at least 1, not ${rooms}`);
  if (rooms > clients) wrong(`${rooms} rooms for ${clients} clients: every room needs a client`);
  if (!(ratePerSecond >= 0)) wrong(`--rate must be 0 or more, not ${ratePerSecond}`);
  if (!(durationMs > 0) || !(rampMs >= 0)) wrong("--duration must be more than 0 and --ramp at least 0");
  if (!(churnPerMinute >= 0)) wrong(`--churn must be 0 or more, not ${churnPerMinute}`);
}

/** @throws HarnessError (usage) when the target lacks what the scenario needs, allows fewer clients, or its rooms hold fewer members. */
export function checkFit(
  { name, needs = [] }: Pick<Scenario, "name" | "needs">,
  binding: Binding,
  running: Pick<RunningTarget, "resolved">,
  parameters: ScenarioParameters,
): void {
  const { capabilities } = binding.manifest;
  const missing = needs.find((need) => !(running.resolved.capabilities[need] ?? capabilities[need]?.default ?? false));
  if (missing !== undefined) {
    const known = capabilities[missing];
    throw new HarnessError("usage", `${name} needs ${missing}, which ${running.resolved.name} does not have`, {
      hint: known === undefined ? `${binding.manifest.name} knows no ${missing}: see rollcall list` : `${missing}: ${known.meaning}`,
    });
  }
  const { clientsMax } = running.resolved;
  if (clientsMax !== undefined && parameters.clients > clientsMax) {
    throw new HarnessError("usage", `${parameters.clients} clients are more than the target allows (clientsMax ${clientsMax})`, {
      hint: "lower --clients, or raise clientsMax in the target file",
    });
  }
  const membersMax = binding.rooms.kind === "named" ? undefined : binding.rooms.membersMax;
  const members = Math.ceil(parameters.clients / parameters.rooms);
  if (membersMax !== undefined && members > membersMax) {
    throw new HarnessError("usage", `${members} clients in one room; ${binding.manifest.name} holds ${membersMax}`, {
      hint: `give --rooms ${Math.ceil(parameters.clients / membersMax)} or more`,
    });
  }
}

/** How many worker processes play so many clients, at most one a room. `asked`: what the user wants. */
export function workersFor(parameters: ScenarioParameters, asked: number | undefined): number {
  const wanted = asked ?? Math.min(availableParallelism(), Math.ceil(parameters.clients / CLIENTS_PER_WORKER));
  const needed = Math.ceil(parameters.clients / CLIENTS_PER_WORKER_MAX);
  return Math.max(1, Math.min(Math.max(wanted, needed), parameters.rooms));
}
