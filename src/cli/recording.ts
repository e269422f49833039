import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { LedgerFigures } from "../checkers/ledger-types.ts";
import type { CheckerOutcome } from "../core/checker.ts";
import { HarnessError } from "../core/errors.ts";
import { redact } from "../core/redact.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import { CHUNK, createChunkFile, type LiveCounts, Recorder, type RecordingHeader, type ShardEnd } from "../recording/index.ts";
import type { Judging } from "./judging.ts";
import { version } from "./version.ts";
import type { WorkerJob } from "./worker.ts";

/** Name of a shard's recording in a folder. */
const SHARD_FILE = /^shard-\d+\.rec$/;

/** What a worker measures of itself; a type error here says that the recording leaves some of it out. */
type Kept = Pick<ShardEnd, keyof Omit<ShardResult, "outcomes" | "firstFailure">>;

/** One shard's recording while the run goes on. */
export interface ShardRecording {
  readonly recorder: Recorder;
  /** Waits until all is on disk. Gives why events are missing; undefined when none are. */
  end(result: ShardResult, figures: Pick<LedgerFigures, "delivered" | "expected">): Promise<string | undefined>;
}

/**
 * Where each worker writes: the file that was named, or files in the folder that was named. A folder is one that is
 * there, ends in a slash, or is needed because there are several workers.
 * @throws HarnessError `usage` when a recording is there already.
 */
export function recordingPaths(path: string, workers: number): readonly string[] {
  const isThere = existsSync(path);
  const isFolder = isThere ? statSync(path).isDirectory() : path.endsWith("/") || workers > 1;
  const hint = "give --record a path of its own";
  if (!isFolder) {
    if (isThere) throw new HarnessError("usage", `${path} is there already`, { hint });
    return [path];
  }
  mkdirSync(path, { recursive: true });
  if (recordingsIn(path).length > 0) throw new HarnessError("usage", `${path} holds a recording already`, { hint });
  return Array.from({ length: workers }, (_, index) => join(path, `shard-${index}.rec`));
}

/** The recordings of a folder, or the one file. */
export function recordingsIn(path: string): readonly string[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [path].filter((each) => existsSync(each));
  return readdirSync(path)
    .filter((name) => SHARD_FILE.test(basename(name)))
    .sort()
    .map((name) => join(path, name));
}

/** Opens a shard's recording and writes its header. */
export async function startRecording(job: WorkerJob, record: NonNullable<WorkerJob["record"]>, judging: Judging): Promise<ShardRecording> {
  const file = await createChunkFile(record.paths[job.shard.index] ?? "");
  const originMs = performance.now();
  const header: RecordingHeader = {
    format: "rollcall/recording@1",
    version,
    run: job.run,
    seed: job.seed,
    binding: job.binding,
    orderModel: judging.orderModel,
    echo: judging.echo,
    scenario: job.scenario,
    parameters: job.parameters,
    shard: job.shard,
    presence: judging.presence,
    originMs,
    ...(job.recordedFaults === undefined ? {} : { faults: job.recordedFaults }),
    about: record.about,
  };
  file.document(CHUNK.header, header);
  const recorder = new Recorder({ sink: file, run: job.run, originMs });
  return {
    recorder,
    async end(result, { delivered, expected }) {
      recorder.flush();
      const lost = recorder.lost ?? file.fault;
      const { outcomes, firstFailure, ...measured } = result;
      const kept: Kept = measured;
      const end: ShardEnd = {
        ...kept,
        ...(lost === undefined ? {} : { incomplete: lost }),
        ...(firstFailure === undefined ? {} : { firstFailure: redact(firstFailure) }),
        events: recorder.events,
        live: { delivered, expected, broken: brokenOf(outcomes) },
      };
      file.document(CHUNK.shardEnd, end);
      await file.close();
      return lost ?? file.fault;
    },
  };
}

/** Breaches by `property/reason`. */
export function brokenOf(outcomes: readonly CheckerOutcome[]): LiveCounts["broken"] {
  const broken: Record<string, number> = {};
  for (const outcome of outcomes) {
    for (const [reason, count] of Object.entries(outcome.broken))
      broken[`${outcome.property}/${reason}`] = (broken[`${outcome.property}/${reason}`] ?? 0) + count;
  }
  return broken;
}
