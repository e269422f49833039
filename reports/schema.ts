import { z } from "zod";
import { FAULT_KINDS } from "../src/core/fault.ts";
import { REASONS } from "../src/core/reason.ts";
import type { Result } from "../src/core/result.ts";

const verdict = z.enum(["pass", "fail", "warning", "inconclusive", "skipped", "reported"]);
const reason = z.enum(REASONS);

const latencyFigures = z
  .object({
    count: z.number(),
    p50: z.number(),
    p90: z.number(),
    p95: z.number(),
    p99: z.number(),
    p999: z.number(),
    max: z.number(),
  })
  .describe("Milliseconds, from the planned time; from one merged histogram.");

const witnessStep = z.object({
  atMs: z.number().describe("On the run's monotonic clock."),
  from: z.string(),
  to: z.string(),
  label: z.string(),
  frame: z.string().exactOptional().describe("The raw frame, cut at 2,000 characters; binary as hexadecimal."),
  isBad: z.boolean().exactOptional().describe("The step that breaks the requirement."),
});

const requirement = z.object({
  id: z.string(),
  level: z.enum(["MUST", "SHOULD", "MAY"]),
  category: z.enum([
    "auth",
    "session",
    "ordering",
    "convergence",
    "heartbeat",
    "presence",
    "latency",
    "resume/offline",
    "isolation",
    "errors",
    "robustness",
    "capacity",
    "security",
    "observability",
  ]),
  statement: z.string(),
  source: z.string(),
  verdict,
  observed: z.string(),
  cases: z.array(z.string()),
  witness: z.object({ reason, expected: z.string(), seen: z.string(), steps: z.array(witnessStep) }).exactOptional(),
  reasons: z.array(reason),
  known: z.object({ because: z.string(), until: z.string(), state: z.enum(["excused", "stale", "flaky-pass"]) }).exactOptional(),
});

const caseResult = z.object({
  name: z.string(),
  end: z.enum(["ran", "precondition", "overran", "faulted"]),
  durationMs: z.number(),
  attempts: z
    .number()
    .int()
    .exactOptional()
    .describe("How often it was run, when more than once: what the harness was late for is judged again."),
});

const mutant = z.object({
  id: z.string(),
  summary: z.string(),
  breaks: z.array(z.string()).describe("Requirement and reason that it declares, such as `PLAY-CONV-04 lost`."),
  killed: z.boolean().describe("Exactly what it declares broke, for the declared reasons."),
  skipped: z.string().exactOptional().describe("Why it was not tried on this machine."),
  problems: z.array(z.string()),
  observed: z.string(),
  durationMs: z.number(),
});

const seriesPoint = z.object({
  t: z.number().describe("Seconds from the start of the load."),
  clients: z.number(),
  sent: z.number(),
  delivered: z.number(),
  deliveryMsP50: z.number(),
  deliveryMsP99: z.number(),
  loopLagMs: z.number(),
});

const shards = z.object({
  count: z.number(),
  compared: z.number().describe("Writes that more than one shard saw and that were held against each other."),
  lost: z.number().describe("Deliveries that had to happen and that no shard alone could miss; part of `expected`."),
  acrossMs: latencyFigures.exactOptional().describe("From a write's plan on one shard to its first arrival at another."),
  clockBoundMs: z.number().exactOptional().describe("The most that the clocks of two shards may differ by."),
});

const load = z.object({
  scenario: z.string(),
  clients: z.number(),
  rooms: z.number(),
  durationMs: z.number(),
  expected: z.number(),
  delivered: z.number(),
  reach: z.number().describe("delivered ÷ expected"),
  deliveryMs: latencyFigures,
  convergenceMs: latencyFigures,
  spreadMs: latencyFigures,
  joinMs: latencyFigures,
  past: z.number().exactOptional().describe("Writes of the past that clients were shown before they were in, each held against its place."),
  confirmMs: latencyFigures.exactOptional().describe("Planned time of a write to its confirmation."),
  readMs: latencyFigures.exactOptional().describe("Planned time of a question to its answer."),
  readsPerSecond: z.number().exactOptional().describe("Questions that were answered."),
  signals: z
    .object({ perSecond: z.number(), deliveryMs: latencyFigures })
    .exactOptional()
    .describe("Typing and word of writes, to each other member: deliveries a second, and from the planned time."),
  sent: z.number(),
  late: z.number().describe("Sends later than their plan by over 50 ms."),
  unsent: z.number().describe("Planned acts that the harness did not come to before the time was up."),
  dropped: z.number().describe("Planned acts that were left out because their client was not in its room."),
  sendLagMs: latencyFigures.describe("Planned time of an act to its send: the harness's own share of every latency."),
  plannedPerSecond: z.number(),
  achievedPerSecond: z.number(),
  faults: z
    .object({
      plan: z.string(),
      faults: z.array(
        z.object({
          kind: z.enum(FAULT_KINDS),
          what: z.string().describe("Such as `latency 200 ms ± 100 ms`."),
          whom: z.string().describe("Such as `5 of 50 clients`."),
          beginMs: z.number().describe("From the start of the load, ramp included."),
          endMs: z.number().describe("When it was over: a server that is started again is ready by then."),
          noticedBy: z.number().describe("Clients that lost their connection by it, or found the server silent."),
          detectMs: z.number().exactOptional().describe("From its begin to the first client that noticed."),
          recoverMs: z
            .number()
            .exactOptional()
            .describe("From its end until all were back and held everything written before it; absent when that was not seen."),
          failure: z.string().exactOptional().describe("Why it could not be carried out or undone."),
        }),
      ),
      upset: z.number().describe("Planned acts that were left out because a fault kept their client away."),
      missing: z.number().describe("Clients that had been in their rooms and never came back."),
      looked: z.number().describe("How often somebody new looked, when all was over, whether something was there."),
      lost: z.number().describe("What was confirmed, or shown to members, and was not there any more."),
      doubled: z.number().describe("What was there twice."),
      requirement: z.string().exactOptional().describe("The requirement that says that nothing of it may be lost."),
    })
    .exactOptional()
    .describe("What went wrong on purpose, and how the server came out of it."),
  series: z.array(seriesPoint).describe("One point a second."),
  shards: shards.exactOptional().describe("Of a run over several shards."),
  objectives: z.array(z.object({ name: z.string(), wanted: z.string(), got: z.string(), verdict })),
});

const limit = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["server", "harness"]), at: z.number(), because: z.array(z.string()) }),
  z.object({ kind: z.literal("asked"), at: z.number() }),
  z.object({ kind: z.literal("open") }),
]);

const capacity = z
  .object({
    scenario: z.string(),
    by: z.enum(["rate", "clients"]),
    from: z.number(),
    to: z.number(),
    resolution: z.number(),
    holdMs: z.number(),
    levels: z.array(
      z.object({
        at: z.number().describe("The rate of one client, or the number of clients."),
        phase: z.enum(["ramp", "bisect", "confirm"]),
        outcome: z.enum(["met", "failed", "inconclusive"]).describe("inconclusive: the harness was in the way, or too little was seen."),
        verdict,
        because: z.array(z.string()),
        clients: z.number(),
        rooms: z.number(),
        ratePerSecond: z.number(),
        durationMs: z.number(),
        plannedPerSecond: z.number(),
        achievedPerSecond: z.number(),
        deliveredPerSecond: z.number(),
        reach: z.number(),
        deliveryMs: latencyFigures,
        harness: z.object({
          loopLagMsP99: z.number(),
          cpu: z.number(),
          machineCpu: z.number().describe("Of all cores of the harness's machine, whoever used them; 0 to 1."),
        }),
        rerun: z.string(),
      }),
    ),
    answer: z
      .object({ at: z.number(), isConfirmed: z.boolean(), level: z.number().describe("Index of its last run in `levels`.") })
      .exactOptional()
      .describe("The greatest level that held; absent when none did."),
    limit: limit.describe("What ended the search: the server, the harness, the range asked for, or nothing yet."),
    kneeAt: z.number().exactOptional().describe("Where throughput divided by latency was greatest; absent when that is not in sight."),
  })
  .describe("The greatest load that the server holds.");

const result = z.object({
  schema: z.literal("rollcall/result@1"),
  command: z.enum(["check", "load", "capacity", "mutants"]),
  version: z.string(),
  startedAt: z.string().describe("ISO 8601"),
  durationMs: z.number(),
  verdict,
  exitCode: z.number(),
  seed: z.string(),
  profile: z.enum(["mvp", "production", "strict"]),
  target: z.object({ name: z.string(), url: z.string(), timeScale: z.number(), mutant: z.string().exactOptional() }),
  replicas: z
    .array(
      z.object({
        name: z.string().exactOptional().describe("Its service, where it is one of a stack."),
        url: z.string(),
        clients: z.number().describe("Clients that came into a room there."),
      }),
    )
    .exactOptional()
    .describe("Of a target with several URLs: each of them, the instance for exclusive cases included."),
  binding: z.string(),
  dialect: z.string(),
  rerun: z.string().describe("The command that runs this again."),
  requirements: z.array(requirement),
  cases: z.array(caseResult).exactOptional().describe("Of a check: each case that has ended; cases run side by side."),
  load: load.exactOptional(),
  capacity: capacity.exactOptional(),
  mutants: z.array(mutant).exactOptional().describe("Of `mutants`: the table."),
  harness: z.object({
    loopLagMsP99: z.number(),
    loopLagMsMax: z.number().exactOptional(),
    gc: z
      .object({ count: z.number(), totalMs: z.number(), maxMs: z.number() })
      .exactOptional()
      .describe("Pauses of the garbage collector."),
    cpu: z.number(),
    residentBytes: z.number(),
    workers: z.number(),
    inconclusiveBecause: z.array(z.string()),
  }),
  notes: z.array(z.string()),
  interrupted: z.boolean(),
  logs: z
    .array(z.object({ name: z.string(), text: z.string() }))
    .exactOptional()
    .describe("What the containers of a target have written last, where something did not pass."),
});

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;
type Same<Left, Right> = (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false;

/** Does not compile when the schema and core's `Result` part ways in any field. */
const isCoreType: Same<Mutable<z.infer<typeof result>>, Mutable<Result>> = true;

/** The shape of `result.json`. Fields it does not know are dropped, so that a newer minor version still reads. */
export const resultSchema: z.ZodType<Result> = isCoreType && result;

/** The published JSON Schema of `result.json` (draft 7), as the text of `schemas/result.schema.json`. */
export function resultJsonSchema(): string {
  const schema = z.toJSONSchema(result, { target: "draft-7", io: "input" });
  const described = {
    ...schema,
    title: "Rollcall result",
    description: "The document that every Rollcall command writes; every report is made from it.",
  };
  return `${JSON.stringify(described, null, 2)}\n`;
}
