import { HarnessError } from "../core/errors.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { TRANSPORT_DEFAULT } from "../engines/node/transports.ts";
import type { Share } from "../load/shares.ts";
import { checkFit, checkParameters, type Ground, type LoadOptions, openGround, workersFor } from "./load.ts";
import { runWorkers } from "./load-workers.ts";
import { scenarioNamed } from "./scenario-named.ts";
import { ShardLink } from "./shard-link.ts";
import { nodeLinkPorts } from "./shard-link-node.ts";
import { version } from "./version.ts";
import type { WorkerJob } from "./worker.ts";

export interface LoadShardOptions extends LoadOptions {
  readonly share: Share;
  readonly referee: { readonly url: string; readonly token: string };
}

/** What came of the whole run, as the referee has it. */
export interface ShardVerdict {
  readonly verdict: string;
  readonly exitCode: number;
  readonly clients: number;
}

/**
 * Plays one shard of a run; the verdict is the referee's. Resolves also for runs that fail.
 * @throws HarnessError for mistakes of the user, a target or referee never reached, and faults of our own.
 */
export async function loadShard(options: LoadShardOptions): Promise<ShardVerdict> {
  const parameters = parametersOf(options);
  checkParameters(parameters);
  const ground = await openGround(options);
  try {
    if (ground.running.process !== undefined)
      throw new HarnessError("usage", `every shard would start a ${ground.running.resolved.name} of its own`, {
        hint: "start it once, with `rollcall serve` for instance, and give a target file with its url",
      });
    return await playShardOn(ground, options);
  } finally {
    await ground.close();
  }
}

/** One shard of a run on what is started already. */
export async function playShardOn({ running, source, prepare }: Ground, options: LoadShardOptions): Promise<ShardVerdict> {
  const { share, referee, onProgress } = options;
  const scenario = scenarioNamed(options.scenario);
  const parameters = parametersOf(options);
  if (options.record !== undefined) refuse("--record keeps what one process judges, and a shard's rooms are judged by several");
  if (options.faults !== undefined || scenario.faults !== undefined || scenario.rotateAt !== undefined)
    refuse(`${scenario.name} does something to the server or its users in mid-run, which one process has to do`);
  const stage = (text: string): void => onProgress?.({ kind: "stage", text });
  const { binding, resolved } = running;
  checkFit(scenario, binding, running, parameters);
  const stopping = new AbortController();
  const link = new ShardLink({
    url: referee.url,
    ports: nodeLinkPorts({ ...referee, signal: options.signal }),
    onStage: stage,
    onStop: () => stopping.abort(),
    isGivenUp: () => options.signal?.aborted === true,
  });
  stage(`registering shard ${share.index + 1} of ${share.count} at ${referee.url}`);
  const { name, urls, dialect, timeScale, known } = resolved;
  const { run, seed } = await link.register({
    shard: share.index,
    shards: share.count,
    engine: "node",
    version,
    plan: {
      binding: binding.manifest.name,
      scenario: scenario.name,
      parameters,
      by: share.by,
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    },
    target: { asked: options.target, name, urls: urls.map(withoutSecrets), dialect, timeScale, known },
  });
  stage(`preparing ${parameters.clients} identities`);
  await prepare(parameters.clients);
  const count = workersFor({ ...parameters, clients: Math.ceil(parameters.clients / share.count) }, options.workers);
  const job: Omit<WorkerJob, "shard"> = {
    kind: "job",
    binding: binding.manifest.name,
    target: resolved,
    scenario: scenario.name,
    parameters,
    seed,
    run,
    share,
    transport: options.transport ?? TRANSPORT_DEFAULT,
  };
  const signal = options.signal === undefined ? stopping.signal : AbortSignal.any([options.signal, stopping.signal]);
  const gathered = await runWorkers(job, count, { ...options, signal, link, credential: (client) => source.credential(client) });
  stage("handed over; waiting for the verdict");
  const { verdict, exitCode } = await link.verdict();
  return { verdict, exitCode, clients: gathered.done.reduce((sum, { result }) => sum + result.clients, 0) };
}

function parametersOf(options: LoadOptions): ScenarioParameters {
  return { ...scenarioNamed(options.scenario).defaults, ...options.parameters };
}

function refuse(why: string): never {
  throw new HarnessError("usage", why, { hint: "run it without --shard" });
}

function withoutSecrets(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
