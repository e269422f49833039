import { z } from "zod";
import type { FaultAction, FaultEntry, FaultPlan, FaultTime, FaultWhom } from "../core/fault.ts";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000 } as const;

function timeOf(text: string): FaultTime | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|%)$/.exec(text);
  const unit = match?.[2];
  if (unit === "%") return { share: Number(match?.[1]) / 100 };
  return unit === "ms" || unit === "s" || unit === "m" ? { ms: Number(match?.[1]) * UNIT_MS[unit] } : undefined;
}

const span = z.string().transform((text, context): number => {
  const time = timeOf(text);
  if (time !== undefined && "ms" in time) return time.ms;
  context.addIssue("a duration is written 200ms, 2s or 1m");
  return z.NEVER;
});

const time = z.string().transform((text, context): FaultTime => {
  const found = timeOf(text);
  if (found !== undefined && !("share" in found && found.share > 1)) return found;
  context.addIssue("a time is written 200ms, 2s, 1m, or as a share of the run such as 40%");
  return z.NEVER;
});

const share = z.string().transform((text, context): number => {
  const found = timeOf(text);
  if (found !== undefined && "share" in found && found.share > 0 && found.share <= 1) return found.share;
  context.addIssue("a share is written 10%, up to 100%");
  return z.NEVER;
});

const whom = z
  .union([z.literal("all"), z.strictObject({ clients: share }), z.strictObject({ replicas: z.int().min(1).max(1000) })])
  .describe("`all`, `{ clients: 10% }` or `{ replicas: 1 }`");

const times = {
  at: time.describe("When it begins, from the end of the ramp: `8s`, or a share of the run such as `40%`."),
  for: time.optional().describe("How long it lasts; left out: it happens in one moment."),
  every: time.optional().describe("It comes again, so long after it began."),
  whom: whom.optional().describe("Default: all clients for what lies on the way, one replica for what strikes a server."),
};

const entry = z.discriminatedUnion("what", [
  z.strictObject({ what: z.literal("latency"), latency: span, jitter: span.optional(), ...times }),
  z.strictObject({ what: z.literal("bandwidth"), bytesPerSecond: z.int().min(100), ...times }),
  z.strictObject({ what: z.enum(["cut", "reset", "half-open", "pause", "kill", "restart", "partition"]), ...times }),
  z.strictObject({ what: z.literal("slow-close"), delay: span, ...times }),
  z.strictObject({
    what: z.literal("squeeze"),
    cpus: z.number().min(0.01).optional(),
    memoryMiB: z.number().min(6).optional(),
    ...times,
  }),
  z.strictObject({ what: z.literal("away"), of: z.string().min(1), ...times }),
]);

const file = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).optional().describe("For reports. Default: the file's name."),
    summary: z.string().default(""),
    faults: z.array(entry).min(1),
  })
  .describe("What goes wrong in a load run.");

type Written = z.infer<typeof entry>;

function actionOf(written: Written): FaultAction {
  switch (written.what) {
    case "latency":
      return { kind: "latency", latencyMs: written.latency, jitterMs: written.jitter ?? 0 };
    case "bandwidth":
      return { kind: "bandwidth", bytesPerSecond: written.bytesPerSecond };
    case "slow-close":
      return { kind: "slow-close", delayMs: written.delay };
    case "squeeze":
      return {
        kind: "squeeze",
        cpus: written.cpus,
        memoryBytes: written.memoryMiB === undefined ? undefined : Math.round(written.memoryMiB * 2 ** 20),
      };
    case "away":
      return { kind: "away", of: written.of };
    default:
      return { kind: written.what };
  }
}

const ONE_REPLICA: FaultWhom = { replicas: 1 };
const OF_A_SERVER: ReadonlySet<string> = new Set(["pause", "kill", "restart", "partition", "squeeze"]);

function entryOf(written: Written): FaultEntry {
  return {
    action: actionOf(written),
    whom: written.whom ?? (OF_A_SERVER.has(written.what) ? ONE_REPLICA : "all"),
    at: written.at,
    during: written.for ?? { ms: 0 },
    every: written.every,
  };
}

/** What a plan's file holds, parsed once; one line for each mistake when it is none. `name` is for files that say none. */
export function parseFaultPlan(
  value: unknown,
  name: string,
): { readonly ok: true; readonly plan: FaultPlan } | { readonly ok: false; readonly mistakes: readonly string[] } {
  const parsed = file.safeParse(value);
  if (!parsed.success)
    return {
      ok: false,
      mistakes: parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".") || "the file"}: ${message}`),
    };
  const { data } = parsed;
  const lasting = data.faults.flatMap((each, index) => lastingMistake(each, index));
  if (lasting.length > 0) return { ok: false, mistakes: lasting };
  return { ok: true, plan: { name: data.name ?? name, summary: data.summary, faults: data.faults.map(entryOf) } };
}

/** Kinds that are a state, and do nothing when they last no time. */
const STATES: ReadonlySet<string> = new Set(["latency", "bandwidth", "half-open", "slow-close", "pause", "partition", "squeeze", "away"]);

function lastingMistake(written: Written, index: number): readonly string[] {
  if (STATES.has(written.what) && written.for === undefined) return [`faults.${index}: ${written.what} needs \`for\`, how long it lasts`];
  if (written.what === "squeeze" && written.cpus === undefined && written.memoryMiB === undefined)
    return [`faults.${index}: squeeze needs \`cpus\` or \`memoryMiB\``];
  const isOfServer = OF_A_SERVER.has(written.what);
  if (isOfServer && typeof written.whom === "object" && "clients" in written.whom)
    return [`faults.${index}: ${written.what} strikes servers; its \`whom\` is \`all\` or \`{ replicas: 1 }\``];
  return [];
}

/** JSON Schema (2020-12) of fault plans, for editors; `schemas/faults.schema.json` is this text. */
export function faultsJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(file, { io: "input", target: "draft-2020-12" }), null, 2)}\n`;
}

function writtenTime(at: FaultTime): string {
  return "ms" in at ? writtenSpan(at.ms) : `${at.share * 100}%`;
}

function writtenSpan(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

function writtenAction(action: FaultAction): Readonly<Record<string, string | number>> {
  switch (action.kind) {
    case "latency":
      return { what: "latency", latency: writtenSpan(action.latencyMs), jitter: writtenSpan(action.jitterMs) };
    case "bandwidth":
      return { what: "bandwidth", bytesPerSecond: action.bytesPerSecond };
    case "slow-close":
      return { what: "slow-close", delay: writtenSpan(action.delayMs) };
    case "squeeze":
      return {
        what: "squeeze",
        ...(action.cpus === undefined ? {} : { cpus: action.cpus }),
        ...(action.memoryBytes === undefined ? {} : { memoryMiB: action.memoryBytes / 2 ** 20 }),
      };
    case "away":
      return { what: "away", of: action.of };
    default:
      return { what: action.kind };
  }
}

/** A plan in the form of its file; `parseFaultPlan` reads it again. */
export function writtenPlan({ name, summary, faults }: FaultPlan): Readonly<Record<string, unknown>> {
  return {
    name,
    summary,
    faults: faults.map(({ action, whom, at, during, every }) => ({
      ...writtenAction(action),
      whom: typeof whom === "object" && "clients" in whom ? { clients: `${whom.clients * 100}%` } : whom,
      at: writtenTime(at),
      ...("ms" in during && during.ms === 0 ? {} : { for: writtenTime(during) }),
      ...(every === undefined ? {} : { every: writtenTime(every) }),
    })),
  };
}
