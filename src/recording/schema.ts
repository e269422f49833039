import { z } from "zod";
import { requirementId } from "../core/ids.ts";
import { FAULT_KINDS } from "../core/fault.ts";
import type { Detail } from "../core/observation.ts";
import { REASONS } from "../core/reason.ts";
import type { RecordingHeader, RunEnd, ShardEnd } from "./documents.ts";
import { CLIENTS_MAX } from "./format.ts";

/** Recordings come from outside: each document is held against its schema before anybody reads it. */

const known = z.object({
  id: z.string().transform((id, context) => {
    try {
      return requirementId(id);
    } catch {
      context.addIssue("no requirement id");
      return z.NEVER;
    }
  }),
  reason: z.enum(REASONS),
  rate: z.enum(["always", "sometimes"]),
  because: z.string(),
  until: z.string(),
});

export const headerSchema: z.ZodType<RecordingHeader> = z.object({
  format: z.literal("rollcall/recording@1"),
  version: z.string(),
  run: z.string().min(1),
  seed: z.string(),
  binding: z.string(),
  orderModel: z.enum(["total", "position", "perAuthor"]),
  echo: z.boolean(),
  scenario: z.string(),
  parameters: z.object({
    clients: z.int().positive().max(CLIENTS_MAX),
    rooms: z.int().positive(),
    ratePerSecond: z.number(),
    durationMs: z.number(),
    rampMs: z.number(),
    churnPerMinute: z.number(),
  }),
  shard: z.object({ index: z.int().min(0), count: z.int().positive() }),
  presence: z.boolean(),
  originMs: z.number(),
  faults: z
    .object({
      plan: z.string(),
      asked: z.string().exactOptional(),
      planned: z.array(z.object({ id: z.int().min(0), kind: z.enum(FAULT_KINDS), what: z.string(), whom: z.string() })),
    })
    .exactOptional(),
  about: z.object({
    startedAt: z.iso.datetime(),
    target: z.string(),
    url: z.string(),
    name: z.string(),
    dialect: z.string(),
    askedDialect: z.string().exactOptional(),
    timeScale: z.number().positive(),
    known: z.array(known),
    profile: z.enum(["mvp", "production", "strict"]),
    mutant: z.string().exactOptional(),
    failOnWarning: z.boolean(),
    allowInconclusive: z.boolean(),
    workers: z.int().positive(),
  }),
});

/** A field that a worker measures and this leaves out is a mistake of types. */
const shardEnd = {
  incomplete: z.string().exactOptional(),
  events: z.number(),
  clients: z.number(),
  rooms: z.number(),
  sent: z.number(),
  planned: z.number(),
  late: z.number(),
  dropped: z.number(),
  refusedJoins: z.number(),
  past: z.number().exactOptional(),
  firstFailure: z.string().exactOptional(),
  clientsByUrl: z.array(z.number()).exactOptional(),
  joinMs: z.string(),
  confirmMs: z.string().exactOptional(),
  readMs: z.string().exactOptional(),
  signalMs: z.string().exactOptional(),
  actMs: z.number(),
  loopLagMsP99: z.number(),
  cpu: z.number(),
  residentBytes: z.number(),
  interrupted: z.boolean(),
  pace: z
    .object({
      unsent: z.number(),
      sendLagMs: z.string(),
      loopLagMsMax: z.number(),
      gc: z.object({ count: z.number(), totalMs: z.number(), maxMs: z.number() }),
    })
    .exactOptional(),
  faults: z
    .array(
      z.object({
        fault: z.int().min(0),
        beginMs: z.number(),
        endMs: z.number(),
        noticedBy: z.number(),
        detectMs: z.number().exactOptional(),
        recoverMs: z.number().exactOptional(),
      }),
    )
    .exactOptional(),
  upset: z.number().exactOptional(),
  missing: z.number().exactOptional(),
  live: z.object({ delivered: z.number(), expected: z.number(), broken: z.record(z.string(), z.number()) }),
} satisfies Record<keyof ShardEnd, z.ZodType>;

export const shardEndSchema: z.ZodType<ShardEnd> = z.object(shardEnd);

export const runEndSchema: z.ZodType<RunEnd> = z.object({
  endedAt: z.iso.datetime(),
  interrupted: z.boolean(),
  exited: z.object({ code: z.number().nullable(), signal: z.string().nullable() }).exactOptional(),
  failures: z.record(z.string(), z.string()).exactOptional(),
});

/** Figures that a server sent may be no numbers; JSON has null for those. */
const figure = z.number().or(z.null().transform(() => Number.NaN));
const marker = z.object({ run: z.string(), author: figure, n: figure, intact: z.boolean() });

/** What an `observed` event says. */
export const detailSchema: z.ZodType<Detail> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("connected"), user: z.string(), startedMs: z.number().exactOptional() }),
  z.object({ kind: z.literal("disconnected"), code: figure, reason: z.string(), wanted: z.boolean() }),
  z.object({
    kind: z.literal("invoked"),
    op: figure,
    act: z.enum(["write", "read", "keepalive", "presence", "leave"]),
    plannedMs: figure,
    marker: marker.exactOptional(),
  }),
  z.object({ kind: z.literal("accepted"), op: figure, position: figure.exactOptional() }),
  z.object({
    kind: z.literal("rejected"),
    op: figure.exactOptional(),
    code: z.string(),
    text: z.string(),
    gone: z.literal(true).exactOptional(),
  }),
  z.object({
    kind: z.literal("delivered"),
    author: z.string().exactOptional(),
    marker: marker.exactOptional(),
    position: figure.exactOptional(),
    content: z.string(),
  }),
  z.object({
    kind: z.literal("snapshot"),
    op: figure.exactOptional(),
    askedMs: figure,
    content: z.string(),
    marker: marker.exactOptional(),
    position: figure.exactOptional(),
    members: z.array(z.string()).exactOptional(),
  }),
  z.object({ kind: z.literal("recalled"), marker, position: figure.exactOptional() }),
  z.object({
    kind: z.literal("presence"),
    event: z.enum(["joined", "left", "moved"]),
    user: z.string(),
    count: figure.exactOptional(),
  }),
  z.object({
    kind: z.literal("lifecycle"),
    event: z.enum(["joined", "left", "gone", "host", "stopping"]),
    user: z.string().exactOptional(),
    past: figure.exactOptional(),
  }),
  z.object({
    kind: z.literal("signal"),
    of: z.enum(["typing", "status", "hint"]),
    user: z.string(),
    topic: z.string(),
    value: z.string(),
    plannedMs: z.number().exactOptional(),
  }),
  z.object({ kind: z.literal("problem"), reason: z.enum(REASONS), text: z.string() }),
]);
