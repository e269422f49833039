import { z } from "zod";
import { PROPERTIES } from "../core/checker.ts";
import { REASONS } from "../core/reason.ts";
import type {
  CheckpointMessage,
  ClockMessage,
  MeetMessage,
  RegisterMessage,
  ResultMessage,
  RoomsMessage,
  StartMessage,
  VerdictMessage,
  WorkerDone,
} from "../core/referee.ts";
import { STREAMS_PER_CHECKPOINT_MAX, WINDOW_ENTRIES_MAX, WINDOW_MEMBERS_MAX, WINDOWS_PER_CHECKPOINT_MAX } from "../core/witness.ts";

/**
 * What shards say to a referee, held against schemas before anybody reads it: they come over a network, from other
 * versions of Rollcall and from whoever has the run's token. docs/scale-out.md describes them for other engines.
 */

/** One run goes over this many shards at most: more than a million clients at 1,000 each. */
export const SHARDS_MAX = 1_024;

/** Bytes of one message: 5,000 streams with a chunk each are 1.5 MB. */
export const BODY_BYTES_MAX: number = 8 * 1024 * 1024;

/** Workers of one shard, or VUs of one k6 process. */
const WORKERS_MAX = 1_024;

const HISTOGRAM_CHARACTERS_MAX = 256 * 1024;
const TEXT_MAX = 4_096;
const LABEL_MAX = 256;

const index = z.int().min(0);
const count = z.int().min(0);
const ms = z.number().min(-1e12).max(1e12);
const figure = z.number().min(0).max(1e15);
const text = z.string().max(TEXT_MAX);
const label = z.string().max(LABEL_MAX);
const histogram = z.string().max(HISTOGRAM_CHARACTERS_MAX);
const session = z.string().min(16).max(64);
const speaker = index.max(WORKERS_MAX - 1).exactOptional();

const parameters = z.object({
  clients: z.int().min(1).max(1_000_000),
  rooms: z.int().min(1).max(1_000_000),
  ratePerSecond: figure,
  durationMs: figure,
  rampMs: figure,
  churnPerMinute: figure,
});

const runPlan = z.object({
  binding: label,
  scenario: label,
  parameters,
  seed: label.exactOptional(),
  by: z.enum(["members", "rooms"]),
});

const targetAbout = z.object({
  asked: text,
  name: label,
  urls: z.array(text).min(1).max(1_024),
  dialect: label,
  timeScale: z.number().min(1).max(20),
  known: z
    .array(z.object({ id: label, reason: z.enum(REASONS), rate: z.enum(["always", "sometimes"]), because: text, until: label }))
    .max(1_000),
});

export const registerSchema: z.ZodType<RegisterMessage> = z.object({
  shard: index.max(SHARDS_MAX - 1),
  shards: z.int().min(1).max(SHARDS_MAX),
  engine: z.enum(["node", "k6"]),
  speakers: z.int().min(1).max(WORKERS_MAX).exactOptional(),
  version: label,
  plan: runPlan,
  target: targetAbout,
});

export const clockSchema: z.ZodType<ClockMessage> = z.object({ session });

export const startSchema: z.ZodType<StartMessage> = z.object({ session, boundMs: figure.exactOptional() });

export const meetSchema: z.ZodType<MeetMessage> = z.object({ session, speaker, point: z.enum(["quiet", "read"]) });

const room = z.object({ room: index.max(1_000_000), id: z.string().min(1).max(LABEL_MAX) });

export const roomsSchema: z.ZodType<RoomsMessage> = z.object({
  session,
  made: z.array(room).max(10_000),
  find: z.array(index.max(1_000_000)).max(10_000),
});

const chunk = z.object({
  after: label,
  upTo: label,
  count,
  order: z.string().regex(/^[0-9a-f]{16}$/),
  set: z.string().regex(/^[0-9a-f]{8}$/),
  content: z.string().max(64).exactOptional(),
  atMs: ms,
  plannedMs: ms.exactOptional(),
});

const stream = z.object({
  room: z.string().min(1).max(LABEL_MAX),
  author: index.exactOptional(),
  shards: z.int().min(1).max(SHARDS_MAX),
  members: count,
  position: count,
  chunks: z.array(chunk).max(WINDOW_ENTRIES_MAX),
  state: text.exactOptional(),
});

const windowWitness = z.object({
  room: z.string().min(1).max(LABEL_MAX),
  author: index.exactOptional(),
  after: label,
  entries: z
    .array(
      z.object({
        author: index,
        n: count,
        atMs: ms,
        sentMs: ms.exactOptional(),
        content: z.string().max(64).exactOptional(),
        isLoose: z.boolean().exactOptional(),
      }),
    )
    .max(WINDOW_ENTRIES_MAX),
  members: z.array(z.object({ client: index, sinceMs: ms })).max(WINDOW_MEMBERS_MAX),
  wrote: z.array(z.object({ author: index, n: count })).max(100_000),
  isCut: z.boolean(),
});

const second = z.object({
  worker: index.max(WORKERS_MAX),
  t: count,
  clients: count,
  sent: count,
  delivered: count,
  deliveryMs: histogram,
  loopLagMs: figure,
});

export const checkpointSchema: z.ZodType<CheckpointMessage> = z.object({
  session,
  speaker,
  seconds: z.array(second).max(1_000),
  streams: z.array(stream).max(STREAMS_PER_CHECKPOINT_MAX),
  windows: z.array(windowWitness).max(WINDOWS_PER_CHECKPOINT_MAX),
  isLast: z.boolean(),
  boundMs: figure.exactOptional(),
});

const step = z.object({
  atMs: z.number(),
  from: text,
  to: text,
  label: text,
  frame: text.exactOptional(),
  isBad: z.boolean().exactOptional(),
});

const outcome = z.object({
  property: z.enum(PROPERTIES),
  judged: count,
  broken: z.partialRecord(z.enum(REASONS), count),
  timed: z.partialRecord(z.enum(REASONS), count).exactOptional(),
  findings: z
    .array(
      z.object({
        property: z.enum(PROPERTIES),
        reason: z.enum(REASONS),
        room: text,
        client: z.int(),
        expected: text,
        seen: text,
        witness: z.array(step).max(64),
        isTimed: z.literal(true).exactOptional(),
      }),
    )
    .max(512),
  inconclusiveBecause: text.exactOptional(),
});

/** Fields that this version does not know are let through as they are. */
const shardResult = z.looseObject({
  clients: count,
  rooms: count,
  outcomes: z.array(outcome).max(64),
  sent: count,
  planned: count,
  late: count,
  dropped: count,
  refusedJoins: count,
  past: count.exactOptional(),
  clientsByUrl: z.array(count).max(1_024).exactOptional(),
  firstFailure: text.exactOptional(),
  joinMs: histogram,
  confirmMs: histogram.exactOptional(),
  readMs: histogram.exactOptional(),
  signalMs: histogram.exactOptional(),
  actMs: figure,
  loopLagMsP99: figure,
  cpu: figure,
  residentBytes: figure,
  interrupted: z.boolean(),
  pace: z
    .object({
      unsent: count,
      sendLagMs: histogram,
      loopLagMsMax: figure,
      gc: z.object({ count, totalMs: figure, maxMs: figure }),
    })
    .exactOptional(),
});

const workerDone = z.object({
  kind: z.literal("done"),
  result: shardResult,
  deliveryMs: histogram,
  convergenceMs: histogram,
  spreadMs: histogram,
  delivered: count,
  expected: count,
  recognised: count,
});

export const resultSchema: z.ZodType<ResultMessage> = z.object({ session, speaker, done: z.array(workerDone).min(1).max(WORKERS_MAX) });

export const verdictSchema: z.ZodType<VerdictMessage> = z.object({ session });

/** Histograms of a worker's last word, which must be ones that can be merged. */
export function histogramsOf({ result, deliveryMs, convergenceMs, spreadMs }: WorkerDone): readonly string[] {
  const { joinMs, confirmMs, readMs, signalMs, pace } = result;
  return [deliveryMs, convergenceMs, spreadMs, joinMs, confirmMs ?? "", readMs ?? "", signalMs ?? "", pace?.sendLagMs ?? ""].filter(
    (each) => each !== "",
  );
}
