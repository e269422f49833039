import { randomBytes } from "node:crypto";
import { HarnessError } from "../core/errors.ts";
import type { CaseDefinition, Phase } from "../core/case.ts";
import type { Profile } from "../core/requirement.ts";
import type { ResolvedTarget } from "../core/target.ts";
import type { Result } from "../core/result.ts";
import { TRANSPORT_DEFAULT, type TransportName } from "../engines/node/transports.ts";
import { describeTarget, type RunningTarget, startTarget, type StartOptions } from "../targets/index.ts";
import { capabilitiesOf, type Death, selectCases, type Selection } from "../../conformance/runner/index.ts";
import { allCases } from "./cases.ts";
import { assembleCheck } from "./check-result.ts";
import type { ConformanceJob } from "./conformance-job.ts";
import { startControl } from "./control.ts";
import { robustnessOf, watchDeaths } from "./death.ts";
import type { MutantChoice } from "./find-mutant.ts";
import { unlessInterrupted } from "./interrupt.ts";
import * as registry from "./registry.ts";
import { createCredentials } from "../../fixtures/credentials/index.ts";
import { INSTALL_PDS, openDirectoryView, pdsModule } from "../../fixtures/atproto/index.ts";
import { runSuite } from "./suite.ts";
import { capabilitiesGiven, openSurroundings, POOL_SEED, type Surroundings } from "./surroundings.ts";

/** Identities made before the first case: as many as the cases that run at once have on loan. */
const IDENTITIES = 400;
/** For a few cases only. */
const IDENTITIES_A_CASE = 40;

/**
 * On an instance of its own an exclusive case may begin while the last few quiet ones still wait for their time: by
 * then what is timed by the millisecond is over, unless there are few quiet ones at all. Saves a fifth of the run.
 */
const EXCLUSIVE_BESIDE = 4;

/** How many times faster our own reference servers' timers run, unless the run is in real time. */
const TIME_SCALE = 20;

export interface CheckOptions {
  /** A reference server's name, or the path of a target file. */
  readonly target: string;
  /** Requirement ids, case names, or patterns of either with `*`; default all. */
  readonly only?: readonly string[];
  /** Default `mvp`. */
  readonly profile?: Profile;
  /** Fixes workload and the cases' values; default a fresh one. */
  readonly seed?: string;
  /** How sockets are made: `net`, our own (the default), or `ws`. */
  readonly transport?: TransportName;
  /** In place of the target's own. */
  readonly dialect?: string;
  /** Reference servers only: timers unscaled. */
  readonly realTime?: boolean;
  /** Reference servers only; default 20, at most 20. */
  readonly timeScale?: number;
  /** Reference servers only: run against this mutant. */
  readonly mutant?: MutantChoice;
  /** Reference servers only: so many processes on the same rooms. */
  readonly replicas?: number;
  /** A client is under test in place of the server: the command that starts its driver. */
  readonly client?: string;
  /** Hosts that may be flooded. */
  readonly mayLoad?: readonly string[];
  /** Containers stay after the run. */
  readonly keep?: boolean;
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
  readonly onProgress?: (progress: CheckProgress) => void;
  /** Ends the run early with what was gathered. */
  readonly signal?: AbortSignal;
}

export type CheckProgress =
  | { readonly kind: "stage"; readonly text: string }
  | { /** A case has ended. */ readonly kind: "case"; readonly done: number; readonly total: number; readonly text: string };

/**
 * Judges a server against its protocol's requirements. Resolves with the result, also for runs that fail.
 * @throws HarnessError for mistakes of the user, a target never reached, and faults of ours.
 */
export async function check(options: CheckOptions): Promise<Result> {
  const start = startOptionsOf(options);
  // Mistakes are told before anything is started.
  const described = await describeTarget(start);
  const { absent } = described.binding;
  if (absent !== undefined) return assembleAbsent(options, described, absent);
  const selection = await select(described, options);
  options.onProgress?.({ kind: "stage", text: described.needsDirectory ? "starting the directory and the target" : "starting" });
  const surroundings = await openSurroundings(described.needsDirectory);
  try {
    return await checkIn(surroundings, options, selection);
  } finally {
    await surroundings.close();
  }
}

/** A check inside surroundings that stand already: runs that follow each other share them. */
export async function checkIn(surroundings: Surroundings, options: CheckOptions, chosen?: Selection): Promise<Result> {
  const startedAt = new Date();
  const cpuBefore = process.cpuUsage();
  const closers: (() => Promise<void>)[] = [];
  /** Each instance sees the directory at an address of its own: faults and counts of one are not the other's. */
  const ownView = async (): Promise<{ readonly directoryUrl?: string }> => {
    if (surroundings.directory === undefined) return {};
    const view = await openDirectoryView(surroundings.directory.controlUrl);
    closers.push(() => view.close());
    return { directoryUrl: view.url };
  };
  try {
    const start = { ...startOptionsOf(options), ...(await ownView()) };
    const selection = chosen ?? (await select(await describeTarget(start), options));
    const identities = Math.min(IDENTITIES, IDENTITIES_A_CASE * selection.cases.length);
    const prepared = surroundings.prepare(identities);
    // Awaited before the first case; a start that fails first must not leave it unheard.
    prepared.catch(() => undefined);
    const running = await unlessInterrupted(startTarget(start), options.signal, (late) => late.stop());
    closers.push(() => running.stop());
    const { binding } = running;
    const resolved = await registered(running.resolved, surroundings, identities, options);
    const hasExclusive = selection.cases.some((each) => each.phase === "exclusive");
    const quiet = selection.cases.filter((each) => each.phase === "quiet").length;
    // A reference server can run twice: its own instance for what restarts, exhausts or counts.
    const own =
      hasExclusive && running.isReference
        ? await unlessInterrupted(startTarget({ ...start, ...(await ownView()) }), options.signal, (late) => late.stop())
        : undefined;
    if (own !== undefined) closers.push(() => own.stop());
    const port = (own ?? running).process;
    const control = hasExclusive && port !== undefined ? await startControl(port) : undefined;
    if (control !== undefined) closers.push(() => control.close());
    const seed = options.seed ?? randomBytes(6).toString("hex");
    const isPdsNeeded = resolved.credential.recipe === "pds" || selection.cases.some((each) => each.needs?.includes("pds") === true);
    const job: ConformanceJob = {
      binding: binding.manifest.name,
      cases: selection.cases.map((each) => each.name),
      target: resolved,
      exclusiveTarget: own === undefined ? resolved : own.resolved,
      isExclusiveApart: own !== undefined,
      exclusiveBeside: own === undefined || quiet <= 2 * EXCLUSIVE_BESIDE ? 0 : EXCLUSIVE_BESIDE,
      capabilities: capabilitiesOf(binding.manifest, resolved),
      seed,
      run: randomBytes(4).toString("hex"),
      poolSeed: POOL_SEED,
      launch: running.isReference ? plain(start) : undefined,
      transport: options.transport ?? TRANSPORT_DEFAULT,
      directoryControlUrl: resolved.directoryUrl === undefined ? undefined : surroundings.directory?.controlUrl,
      pdsUrl: isPdsNeeded && resolved.directoryUrl !== undefined ? (await surroundings.pds()).url : undefined,
      client: options.client,
      controlUrl: control?.url,
    };
    options.onProgress?.({
      kind: "stage",
      text: `judging ${resolved.name} at ${resolved.urls[0]}: ${selection.planned.size} requirements by ${selection.cases.length} cases`,
    });
    const watched = await watchSuite(
      job,
      running,
      own,
      options,
      resolved.credential.recipe === "serviceJwt" ? prepared : Promise.resolve(),
    );
    const cpu = process.cpuUsage(cpuBefore);
    return assembleCheck({ options, running, selection, seed, startedAt, ...watched, cpuMs: (cpu.user + cpu.system) / 1000 });
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

/** A directory beside the target is told of the first identities before the first case: a look-up that finds nobody refuses a user. */
async function registered(
  target: ResolvedTarget,
  { pool }: Surroundings,
  count: number,
  { onProgress }: CheckOptions,
): Promise<ResolvedTarget> {
  if (target.plcUrl === undefined || target.credential.recipe !== "serviceJwt") return target;
  onProgress?.({ kind: "stage", text: `registering ${count} identities at the directory` });
  await createCredentials({ target, pool }).prepare(count);
  return { ...target, plcKnows: count };
}

function startOptionsOf(options: CheckOptions): StartOptions {
  return {
    target: options.target,
    registry,
    purpose: "check",
    timeScale: options.realTime === true ? 1 : (options.timeScale ?? TIME_SCALE),
    given: { ...capabilitiesGiven(), clientDriver: options.client !== undefined, clientMetrics: options.client !== undefined },
    ...(options.mayLoad === undefined ? {} : { mayLoad: options.mayLoad }),
    ...(options.dialect === undefined ? {} : { dialect: options.dialect }),
    ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
    ...(options.keep === undefined ? {} : { keep: options.keep }),
    onStage: (text) => options.onProgress?.({ kind: "stage", text }),
    ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
  };
}

/** Everything skipped, with the reason: the binding cannot run on this machine. */
function assembleAbsent(options: CheckOptions, running: Pick<RunningTarget, "binding" | "resolved">, absent: string): Result {
  const ids = new Set(running.binding.requirements.map((each) => each.id));
  return assembleCheck({
    options,
    // What is not judged cannot meet a known failure.
    running: { ...running, resolved: { ...running.resolved, known: [] } },
    selection: { cases: [], ids, planned: new Set(), gated: new Map([...ids].map((id) => [id, absent])) },
    seed: options.seed ?? randomBytes(6).toString("hex"),
    startedAt: new Date(),
    rows: [],
    figures: undefined,
    faults: [],
    death: undefined,
    interrupted: false,
    cpuMs: 0,
  });
}

/** As it goes to the worker. */
function plain(start: StartOptions): Omit<StartOptions, "registry" | "onStage"> {
  const { registry: _, onStage: __, ...rest } = start;
  return rest;
}

async function select(
  { binding, resolved, mayFlood }: Pick<RunningTarget, "binding" | "resolved" | "mayFlood">,
  { only = [], client }: Pick<CheckOptions, "only" | "client">,
): Promise<Selection> {
  // Either side is under test: the other is the harness's own then.
  const isMeant = (each: CaseDefinition): boolean => (each.needs?.includes("clientDriver") === true) === (client !== undefined);
  const robustness = binding.manifest.areas.robustness;
  const floods = (each: CaseDefinition): boolean => robustness !== undefined && each.ids.includes(robustness);
  const selection = selectCases({
    cases: (await allCases(binding)).filter((each) => isMeant(each)),
    requirements: binding.requirements,
    capabilities: capabilitiesOf(binding.manifest, resolved),
    only,
    remedies: pdsModule() === undefined ? { pds: `\`${INSTALL_PDS}\` installs the PDS` } : {},
    barred: (each) =>
      mayFlood || !floods(each)
        ? undefined
        : `it floods ${new URL(resolved.urls[0]).hostname}: allow that with --i-may-load ${new URL(resolved.urls[0]).hostname}`,
  });
  if (selection !== undefined) {
    if (client === undefined) return selection;
    const gated = new Map(selection.gated);
    for (const id of selection.ids)
      if (!selection.planned.has(id) && !gated.has(id)) gated.set(id, "a client is under test, and no case drives one for it");
    return { ...selection, gated };
  }
  throw new HarnessError("usage", `--only ${only.join(" --only ")} matches no requirement and no case of ${binding.manifest.name}`, {
    hint: `\`rollcall spec ${binding.manifest.name}\` names the requirements`,
  });
}

type Watched = Awaited<ReturnType<typeof runSuite>> & { readonly death: Death | undefined; readonly interrupted: boolean };

async function watchSuite(
  job: ConformanceJob,
  running: RunningTarget,
  own: RunningTarget | undefined,
  options: CheckOptions,
  ready: Promise<void>,
): Promise<Watched> {
  const ending = new AbortController();
  const onAbort = (): void => ending.abort();
  options.signal?.addEventListener("abort", onAbort, { once: true });
  if (options.signal?.aborted === true) ending.abort();
  const others = ["shared", "quiet", "waiting", "own"] as const satisfies readonly Phase[];
  const servers =
    own === undefined
      ? [{ running, phases: [...others, "exclusive"] as const }]
      : [
          { running, phases: others },
          { running: own, phases: ["exclusive"] as const },
        ];
  const watch = watchDeaths(servers, robustnessOf(running.binding), (death) => {
    // Nobody is left to judge; what runs on an instance of its own ends with its cases.
    if (death.phases.includes("shared")) ending.abort();
  });
  let done = 0;
  try {
    const run = await runSuite(
      job,
      ready,
      (row) => {
        done += 1;
        watch.ended(row);
        options.onProgress?.({ kind: "case", done, total: job.cases.length, text: row.name });
      },
      ending.signal,
    );
    watch.stop();
    return { ...run, death: watch.death, interrupted: options.signal?.aborted === true };
  } finally {
    watch.stop();
    options.signal?.removeEventListener("abort", onAbort);
  }
}
