import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Binding } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import type { Profile } from "../core/requirement.ts";
import type { Result } from "../core/result.ts";
import type { Scenario, ScenarioParameters } from "../core/scenario.ts";
import { TRANSPORT_DEFAULT, type TransportName } from "../engines/node/transports.ts";
import { describeTarget, startTarget, type RunningTarget, type StartOptions } from "../targets/index.ts";
import { createCredentials } from "../../fixtures/credentials/index.ts";
import { startDirectory } from "../../fixtures/directory/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { scenarios } from "../../scenarios/index.ts";
import { unlessInterrupted } from "./interrupt.ts";
import { resultOf } from "./load-result.ts";
import { runWorkers, type LoadProgress } from "./load-workers.ts";
import { bindingFolder, bindingNames, loadBinding } from "./registry.ts";
import { closest } from "./suggest.ts";
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
  /** How sockets are made: `net`, our own (the default), or `ws`. */
  readonly transport?: TransportName;
  /** Reference servers only: run against this mutant. */
  readonly mutant?: { readonly id: string; readonly env?: Readonly<Record<string, string>> };
  readonly mayLoad?: readonly string[];
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** The pool that all runs share, so that its keys are made once. */
const POOL_SEED = "rollcall";

/** Clients that one worker carries before a second one pays for itself (two workers cost a quarter more processor time). */
const CLIENTS_PER_WORKER = 5000;

/** One process may have 20,000 files open on common limits; some are not sockets. */
const CLIENTS_PER_WORKER_MAX = 15_000;

/**
 * Runs a scenario against a target and judges every delivery. Resolves with the result, also for runs that fail.
 * @throws HarnessError for mistakes of the user, a target never reached, and faults of our own.
 */
export async function load(options: LoadOptions): Promise<Result> {
  const startedAt = new Date();
  const scenario = scenarioNamed(options.scenario);
  const parameters: ScenarioParameters = { ...scenario.defaults, ...options.parameters };
  checkParameters(parameters);
  const seed = options.seed ?? randomBytes(6).toString("hex");
  const run = randomBytes(4).toString("hex");
  const stage = (text: string): void => options.onProgress?.({ kind: "stage", text });
  const start: StartOptions = {
    target: options.target,
    registry: { bindingNames, bindingFolder, loadBinding },
    purpose: "load",
    ...(options.mayLoad === undefined ? {} : { mayLoad: options.mayLoad }),
    ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
  };
  // Mistakes are told before anything is started.
  const { needsDirectory } = await describeTarget(start);
  stage(needsDirectory ? "starting the directory and the target" : "starting");
  const pool = await openPool({ seed: POOL_SEED });
  const directory = needsDirectory ? await startDirectory({ pool }) : undefined;
  try {
    const starting = startTarget(directory === undefined ? start : { ...start, directoryUrl: directory.url });
    const running = await unlessInterrupted(starting, options.signal, (late) => late.stop());
    try {
      const { binding } = running;
      checkFit(binding, running, parameters);
      stage(`preparing ${parameters.clients} identities`);
      if (directory !== undefined) await unlessInterrupted(directory.prepare(parameters.clients), options.signal);
      const job: Omit<WorkerJob, "shard"> = {
        kind: "job",
        binding: binding.manifest.name,
        target: running.resolved,
        scenario: scenario.name,
        parameters,
        seed,
        run,
        transport: options.transport ?? TRANSPORT_DEFAULT,
      };
      const count = workersFor(parameters, options.workers);
      const source = createCredentials({ target: running.resolved, pool });
      const gathered = await runWorkers(job, count, { ...options, credential: (client) => source.credential(client) });
      return resultOf({ options, scenario, parameters, seed, running, binding, gathered, startedAt, workers: count });
    } finally {
      await running.stop();
    }
  } finally {
    await directory?.close();
  }
}

function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((each) => each.name);
  const near = closest(name, names);
  throw new HarnessError("usage", `there is no scenario "${name}"`, {
    hint: `${near === undefined ? "" : `did you mean "${near}"? `}scenarios: ${names.join(", ")}`,
  });
}

function checkParameters(parameters: ScenarioParameters): void {
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

function checkFit(binding: Binding, running: RunningTarget, parameters: ScenarioParameters): void {
  const { clientsMax } = running.resolved;
  if (clientsMax !== undefined && parameters.clients > clientsMax) {
    throw new HarnessError("usage", `${parameters.clients} clients are more than the target allows (clientsMax ${clientsMax})`, {
      hint: "lower --clients, or raise clientsMax in the target file",
    });
  }
  const membersMax = binding.rooms.kind === "created" ? binding.rooms.membersMax : undefined;
  const members = Math.ceil(parameters.clients / parameters.rooms);
  if (membersMax !== undefined && members > membersMax) {
    throw new HarnessError("usage", `${members} clients in one room; ${binding.manifest.name} holds ${membersMax}`, {
      hint: `give --rooms ${Math.ceil(parameters.clients / membersMax)} or more`,
    });
  }
}

function workersFor(parameters: ScenarioParameters, asked: number | undefined): number {
  const wanted = asked ?? Math.min(availableParallelism(), Math.ceil(parameters.clients / CLIENTS_PER_WORKER));
  const needed = Math.ceil(parameters.clients / CLIENTS_PER_WORKER_MAX);
  return Math.max(1, Math.min(Math.max(wanted, needed), parameters.rooms));
}
