import type { Binding } from "../core/binding.ts";
import type { CheckerOutcome } from "../core/checker.ts";
import { HarnessError } from "../core/errors.ts";
import { encodeFigures } from "../core/measured.ts";
import type { Result } from "../core/result.ts";
import { createHdr } from "../engines/node/hdr.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import {
  CHUNK,
  headerSchema,
  readChunks,
  type RecordingHeader,
  RecordingFault,
  Replay,
  type RunEnd,
  runEndSchema,
  type ShardEnd,
  shardEndSchema,
} from "../recording/index.ts";
import { ledgerOf, panelOf } from "./judging.ts";
import { resultOf } from "./load-result.ts";
import { createSeries, type Done } from "./load-workers.ts";
import { brokenOf, recordingsIn } from "./recording.ts";
import { loadBinding } from "./registry.ts";
import { scenarioNamed } from "./scenario-named.ts";
import { version } from "./version.ts";

/** The user gave what can not be read to its end. */
const EXIT_UNREADABLE = 2;

export interface RecheckOptions {
  /** What `--record` was given: a file, or a folder with one a worker. */
  readonly recording: string;
  readonly onProgress?: (progress: { readonly events: number }) => void;
  readonly signal?: AbortSignal;
}

export interface Rechecked {
  readonly result: Result;
  /** Why the recording could not be read to its end; undefined when it could. */
  readonly fault: string | undefined;
}

/** One shard, judged again. */
interface Shard {
  readonly path: string;
  readonly header: RecordingHeader;
  readonly binding: Binding;
  readonly done: Done;
  readonly end: ShardEnd | undefined;
  readonly run: RunEnd | undefined;
  /** Why it could not be read to its end. */
  readonly fault: string | undefined;
}

type Series = ReturnType<typeof createSeries>;

/**
 * Judges a recording with the ledger and the checkers of a live run, and gives the result that the live run gave. What
 * can be read of a recording that is damaged or cut off is judged as inconclusive, with exit code 2.
 * @throws HarnessError `usage` for what is no recording, or one of a binding or scenario that is not here.
 */
export async function recheck(options: RecheckOptions): Promise<Rechecked> {
  const paths = recordingsIn(options.recording);
  if (paths.length === 0)
    throw new HarnessError("usage", `${options.recording}: there is no recording`, {
      hint: "record one with rollcall load … --record FILE",
    });
  let series: Series | undefined;
  const shards: Shard[] = [];
  let events = 0;
  for (const path of paths) {
    const shard = await judgeShard(
      path,
      options,
      (header) => (series ??= createSeries(header.shard.count)),
      (count) => {
        events += count;
        options.onProgress?.({ events });
      },
    );
    shards.push(shard);
  }
  const [first] = shards;
  if (first === undefined || series === undefined) throw new HarnessError("internal", "no shard was judged");
  return resultFrom(first, shards, series);
}

async function judgeShard(
  path: string,
  options: RecheckOptions,
  seriesOf: (header: RecordingHeader) => Series,
  onEvents: (count: number) => void,
): Promise<Shard> {
  let judge: ShardJudge | undefined;
  let end: ShardEnd | undefined;
  let run: RunEnd | undefined;
  let fault: string | undefined;
  try {
    for await (const { kind, plain } of readChunks(path)) {
      options.signal?.throwIfAborted();
      if (judge === undefined) {
        if (kind !== CHUNK.header) throw new RecordingFault("it does not begin with a header");
        const header = parsed(headerSchema, plain);
        judge = await createShardJudge(header, seriesOf(header));
      } else if (kind === CHUNK.events) {
        const before = judge.replay.events;
        judge.replay.take(plain);
        onEvents(judge.replay.events - before);
      } else if (kind === CHUNK.shardEnd) end = parsed(shardEndSchema, plain);
      else if (kind === CHUNK.runEnd) run = parsed(runEndSchema, plain);
      else throw new RecordingFault(`it holds a chunk of the unknown kind ${kind}`);
    }
    if (end === undefined || run === undefined) throw new RecordingFault("it ends before the run did");
    if (end.incomplete === undefined && judge?.replay.outcomes === undefined) throw new RecordingFault("it holds no verdict");
    if (end.incomplete === undefined && judge?.replay.events !== end.events) throw new RecordingFault("events are missing");
  } catch (error) {
    if (!(error instanceof RecordingFault)) throw error;
    if (judge === undefined)
      throw new HarnessError("usage", `${path}: ${error.message}`, { hint: "give what rollcall load --record has written", cause: error });
    fault = error.message;
  }
  if (judge === undefined) throw new HarnessError("usage", `${path}: it is empty`);
  return { path, header: judge.header, binding: judge.binding, done: judge.done(end), end, run, fault };
}

interface ShardJudge {
  readonly header: RecordingHeader;
  readonly binding: Binding;
  readonly replay: Replay;
  readonly done: (end: ShardEnd | undefined) => Done;
}

async function createShardJudge(header: RecordingHeader, series: Series): Promise<ShardJudge> {
  const binding = await loadBinding(header.binding);
  const { clients } = header.parameters;
  const judging = {
    ...header,
    manifest: binding.manifest,
    timeScale: header.about.timeScale,
    ...(header.faults === undefined ? {} : { latecomersFrom: clients }),
  };
  const latencies = createHdr();
  const ledger = ledgerOf(judging, clients, (latencyMs) => latencyMs !== undefined && latencies.record(latencyMs));
  let sent = 0;
  const replay = new Replay({
    run: header.run,
    originMs: header.originMs,
    // Latecomers of a run with faults are numbered behind the clients, by their room.
    clients: clients + (header.faults === undefined ? 0 : header.parameters.rooms),
    ledger,
    panel: panelOf(judging),
    onSecond: (second) => {
      series.add(header.shard.index, { ...second, delivered: latencies.count, deliveryMs: latencies.encode() });
      latencies.reset();
      sent += second.sent;
    },
  });
  return {
    header,
    binding,
    replay,
    done: (end) => {
      const outcomes = replay.outcomes ?? replay.cutShort();
      return {
        kind: "done",
        result: resultOfShard(end, outcomes, sent),
        ...encodeFigures(ledger.figures),
        ...(end?.incomplete === undefined ? {} : { unrecorded: end.incomplete }),
      };
    },
  };
}

/** What the worker measured of itself; of a recording that was cut off only what its events show. */
function resultOfShard(end: ShardEnd | undefined, outcomes: readonly CheckerOutcome[], sent: number): ShardResult {
  if (end !== undefined) {
    const { incomplete: _, events: __, live: ___, ...measured } = end;
    return { ...measured, outcomes, firstFailure: end.firstFailure };
  }
  const nothing = { clients: 0, rooms: 0, late: 0, dropped: 0, refusedJoins: 0, firstFailure: undefined, loopLagMsP99: 0, cpu: 0 };
  return { ...nothing, outcomes, sent, planned: sent, joinMs: createHdr().encode(), actMs: 1, residentBytes: 0, interrupted: true };
}

function resultFrom(first: Shard, shards: readonly Shard[], series: Series): Rechecked {
  const { header } = first;
  const { about } = header;
  const mistakes = [...shards.flatMap(({ path, fault }) => (fault === undefined ? [] : [`${path}: ${fault}`])), ...misfits(shards)];
  const incomplete = shards.map(({ end }) => end?.incomplete).find((why) => why !== undefined);
  const why = mistakes[0] ?? (incomplete === undefined ? undefined : `the recording is incomplete: ${incomplete}`);
  const { target, profile, failOnWarning, allowInconclusive, askedDialect, mutant } = about;
  const ended = first.run;
  const result = resultOf({
    options: {
      target,
      profile,
      failOnWarning,
      allowInconclusive,
      ...(askedDialect === undefined ? {} : { dialect: askedDialect }),
      ...(mutant === undefined ? {} : { mutant: { id: mutant } }),
    },
    scenario: scenarioNamed(header.scenario),
    parameters: header.parameters,
    seed: header.seed,
    target: { ...about, urls: [about.url], exited: ended?.exited },
    binding: first.binding,
    ...(header.faults === undefined ? {} : { faults: { ...header.faults, failures: ended?.failures ?? {} } }),
    ports: { histogram: createHdr, version },
    gathered: {
      done: shards.map(({ done }) => (why === undefined ? done : undecided(done, why))),
      series: series.points,
      interrupted: ended?.interrupted ?? false,
    },
    startedAt: new Date(about.startedAt),
    endedAt: new Date(ended?.endedAt ?? about.startedAt),
    workers: about.workers,
  });
  const notes = [...result.notes, ...mistakes, ...(why === undefined ? differences(shards) : found(shards))];
  const [fault] = mistakes;
  if (fault === undefined) return { result: { ...result, notes }, fault };
  return { result: { ...result, verdict: "inconclusive", exitCode: EXIT_UNREADABLE, notes }, fault };
}

/** Why the recordings of a folder are not those of one run. */
function misfits(shards: readonly Shard[]): readonly string[] {
  const [first] = shards;
  if (first === undefined) return [];
  const stranger = shards.find(({ header }) => header.run !== first.header.run);
  if (stranger !== undefined) throw new HarnessError("usage", `${stranger.path} is of another run than ${first.path}`);
  const here = new Set(shards.map(({ header }) => header.shard.index));
  const missing = Array.from({ length: first.header.shard.count }, (_, index) => index).filter((index) => !here.has(index));
  return missing.length === 0
    ? []
    : [`the recording of worker ${missing.map((index) => index + 1).join(", ")} of ${first.header.shard.count} is missing`];
}

/** What breaks in the end of a recording that is cut off may have been mended beyond it. */
function undecided(done: Done, why: string): Done {
  const outcomes = done.result.outcomes.map(({ property, judged }): CheckerOutcome => ({
    property,
    judged,
    broken: {},
    findings: [],
    inconclusiveBecause: why,
  }));
  return { ...done, result: { ...done.result, outcomes } };
}

function found(shards: readonly Shard[]): readonly string[] {
  const broken = Object.entries(brokenOf(shards.flatMap(({ done }) => done.result.outcomes)));
  return broken.length === 0 ? [] : [`found as far as it goes: ${broken.map(([name, count]) => `${count} ${name}`).join(", ")}`];
}

/** Where the checks of today see something else than those of the live run. */
function differences(shards: readonly Shard[]): readonly string[] {
  return shards.flatMap(({ path, done, end }) => {
    if (end === undefined) return [];
    const now = { delivered: done.delivered, expected: done.expected, ...brokenOf(done.result.outcomes) };
    const then: Readonly<Record<string, number>> = { delivered: end.live.delivered, expected: end.live.expected, ...end.live.broken };
    const names = [...new Set([...Object.keys(now), ...Object.keys(then)])];
    const other = names.filter((name) => (now as Readonly<Record<string, number>>)[name] !== then[name]);
    return other.map(
      (name) => `${path}: ${name} was ${then[name] ?? 0} live, and is ${(now as Readonly<Record<string, number>>)[name] ?? 0} now`,
    );
  });
}

function parsed<T>(
  schema: { readonly safeParse: (value: unknown) => { readonly success: true; readonly data: T } | { readonly success: false } },
  plain: Buffer,
): T {
  let value: unknown;
  try {
    value = JSON.parse(plain.toString("utf8"));
  } catch {
    throw new RecordingFault("a document in it is no JSON");
  }
  const outcome = schema.safeParse(value);
  if (!outcome.success) throw new RecordingFault("a document in it has another form than this version writes");
  return outcome.data;
}
