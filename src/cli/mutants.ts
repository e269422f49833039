import type { Binding, Mutant } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import type { MutantResult, RequirementResult, Result } from "../core/result.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { checkIn } from "./check.ts";
import { parseDuration } from "./flags.ts";
import { choiceOf, type MutantChoice } from "./find-mutant.ts";
import { INTERRUPTED } from "./interrupt.ts";
import { judgeKill } from "./kill.ts";
import { loadInShards } from "./load-in-shards.ts";
import { load } from "./load.ts";
import { describeTarget, redisMissing } from "../targets/index.ts";
import * as registry from "./registry.ts";
import { openSurroundings, type Surroundings } from "./surroundings.ts";
import { version } from "./version.ts";

export interface MutantsOptions {
  readonly binding: string;
  /** Mutant ids or patterns with `*`; default all. */
  readonly only?: readonly string[];
  /**
   * Judge the declared requirements only: shows that each is found for its reason, in a quarter of the time, but not
   * that nothing else breaks.
   */
  readonly quick?: boolean;
  readonly seed?: string;
  /** How many run side by side; default 2. */
  readonly concurrency?: number;
  readonly onProgress?: (row: MutantResult, done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs every mutant of a binding and holds what broke against what was declared.
 * @throws HarnessError for an unknown binding, or patterns that match no mutant.
 */
export async function runMutants(options: MutantsOptions): Promise<readonly MutantResult[]> {
  const binding = await registry.loadBinding(options.binding);
  const chosen = binding.mutants.filter(
    (mutant) => options.only === undefined || options.only.some((pattern) => matches(mutant.id, pattern)),
  );
  if (chosen.length === 0)
    throw new HarnessError("usage", "no mutant fits", { hint: `mutants: ${binding.mutants.map((mutant) => mutant.id).join(", ")}` });
  const { needsDirectory } = await describeTarget({ target: options.binding, registry, purpose: "check" });
  const surroundings = await openSurroundings(needsDirectory);
  try {
    const pristine =
      options.quick === true ? [] : (await checkIn(surroundings, { target: options.binding, profile: "strict" })).requirements;
    const waiting = [...chosen];
    const rows: MutantResult[] = [];
    const isInterrupted = (): boolean => options.signal?.aborted === true;
    const next = async (): Promise<void> => {
      for (let mutant = waiting.shift(); mutant !== undefined && !isInterrupted(); mutant = waiting.shift()) {
        const row = await tryMutant(mutant, binding, surroundings, options, pristine);
        if (isInterrupted()) return;
        rows.push(row);
        options.onProgress?.(row, rows.length, chosen.length);
      }
    };
    // Load mutants have the machine to themselves: their latencies count.
    const loads = waiting.filter((mutant) => mutant.shownBy !== undefined);
    waiting.splice(0, waiting.length, ...chosen.filter((mutant) => mutant.shownBy === undefined));
    await Promise.all(Array.from({ length: options.concurrency ?? 2 }, next));
    waiting.push(...loads);
    await next();
    return chosen.flatMap((mutant) => rows.find((row) => row.id === mutant.id) ?? []);
  } finally {
    await surroundings.close();
  }
}

async function tryMutant(
  mutant: Mutant,
  binding: Binding,
  surroundings: Surroundings,
  options: MutantsOptions,
  pristine: readonly RequirementResult[],
): Promise<MutantResult> {
  const startedMs = performance.now();
  const row = { id: mutant.id, summary: mutant.summary, breaks: mutant.breaks.map((each) => `${each.id} ${each.reason}`) };
  const started = choiceOf(mutant);
  const skipped = mutant.replicas === undefined ? undefined : redisMissing();
  if (skipped !== undefined) return { ...row, killed: false, skipped, problems: [], observed: skipped, durationMs: 0 };
  try {
    const result = await judged(mutant, started, binding, surroundings, options);
    const observed = result.requirements.find((each) => each.id === mutant.breaks[0]?.id)?.observed ?? "not judged";
    return { ...row, ...judgeKill(mutant, result.requirements, pristine), observed, durationMs: Math.round(performance.now() - startedMs) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return {
      ...row,
      killed: false,
      problems: [`the run itself failed: ${text}`],
      observed: text,
      durationMs: Math.round(performance.now() - startedMs),
    };
  }
}

function judged(
  mutant: Mutant,
  started: MutantChoice,
  binding: Binding,
  surroundings: Surroundings,
  options: MutantsOptions,
): Promise<Result> {
  const target = binding.manifest.name;
  const seed = options.seed === undefined ? {} : { seed: options.seed };
  const stop = options.signal === undefined ? {} : { signal: options.signal };
  if (mutant.shownBy !== undefined) {
    const parameters = parametersOf(mutant.shownBy.parameters);
    const shards = Number(mutant.shownBy.parameters["shards"] ?? 1);
    const run = { scenario: mutant.shownBy.scenario, target, parameters, mutant: started, profile: "strict", ...seed, ...stop } as const;
    return shards > 1 ? loadInShards(shards, run) : load(run);
  }
  const only = options.quick === true ? { only: mutant.breaks.map((each) => each.id) } : {};
  return checkIn(surroundings, {
    target,
    mutant: started,
    profile: "strict",
    ...only,
    ...seed,
    ...stop,
  });
}

/** Parameters as the command line takes them: whole numbers, and `10s` for times. */
function parametersOf(given: Readonly<Record<string, string>>): Partial<ScenarioParameters> {
  const { clients, rooms, rate, duration, ramp } = given;
  return {
    ...(clients === undefined ? {} : { clients: Number(clients) }),
    ...(rooms === undefined ? {} : { rooms: Number(rooms) }),
    ...(rate === undefined ? {} : { ratePerSecond: Number(rate) }),
    ...(duration === undefined ? {} : { durationMs: parseDuration(duration) }),
    ...(ramp === undefined ? {} : { rampMs: parseDuration(ramp) }),
  };
}

function matches(id: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return id === pattern;
  if (!id.startsWith(first)) return false;
  let from = first.length;
  for (const part of rest) {
    const at = id.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return pattern.endsWith("*") || id.endsWith(rest.at(-1) ?? "");
}

/** The result document of a run over mutants: alive ones are its failures. */
export function mutantResult(options: MutantsOptions, binding: Binding, rows: readonly MutantResult[], startedAt: Date): Result {
  const interrupted = options.signal?.aborted === true;
  const alive = rows.filter((row) => !row.killed && row.skipped === undefined);
  const durationMs = Date.now() - startedAt.getTime();
  const cpu = process.cpuUsage();
  return {
    schema: "rollcall/result@1",
    command: "mutants",
    version,
    startedAt: startedAt.toISOString(),
    durationMs,
    verdict: alive.length > 0 ? "fail" : interrupted ? "inconclusive" : "pass",
    exitCode: interrupted ? INTERRUPTED : alive.length > 0 ? 1 : 0,
    seed: options.seed ?? "fresh for each",
    profile: "strict",
    target: { name: options.binding, url: "http://127.0.0.1", timeScale: 1 },
    binding: options.binding,
    dialect: binding.manifest.dialects[0],
    rerun: [
      `npx rollcall mutants ${options.binding}`,
      ...(options.only ?? []).map((pattern) => `--only '${pattern}'`),
      ...(options.quick === true ? ["--quick"] : []),
      ...(options.seed === undefined ? [] : [`--seed ${options.seed}`]),
    ].join(" "),
    requirements: [],
    mutants: rows,
    harness: {
      loopLagMsP99: 0,
      cpu: Math.round(((cpu.user + cpu.system) / 1000 / Math.max(1, durationMs)) * 100) / 100,
      residentBytes: process.memoryUsage.rss(),
      workers: options.concurrency ?? 2,
      inconclusiveBecause: [],
    },
    notes: [
      ...alive.map((row) => `mutant ${row.id} is alive: ${row.problems.join("; ")}`),
      ...rows.flatMap((row) => (row.skipped === undefined ? [] : [`mutant ${row.id} was not tried: ${row.skipped}`])),
    ],
    interrupted,
  };
}

/**
 * The table of a run in Markdown. `isQuick`: only declared requirements were judged. `before`: the table as it stands;
 * with a choice of mutants the rows of those that did not run stay, when they were judged the same way.
 * `ids`: all mutants of the binding, in order.
 */
export function mutantTable(
  binding: string,
  rows: readonly MutantResult[],
  isQuick: boolean,
  ids: readonly string[] = rows.map((row) => row.id),
  before = "",
): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ").slice(0, 240);
  const how = isQuick ? "`--quick`: the declared requirements only were judged" : "every requirement was judged, under profile `strict`";
  const kept = new Map<string, string>();
  for (const line of before.includes(how) ? before.split("\n") : []) {
    const id = /^\| ([a-z0-9-]+) +\|/.exec(line)?.[1];
    if (id !== undefined && ids.includes(id)) kept.set(id, line.replaceAll(/ +\|/g, " |"));
  }
  for (const row of rows)
    kept.set(
      row.id,
      `| ${row.id} | ${cell(row.summary)} | ${row.breaks.join(", ")} | ${row.killed ? "yes" : "no"} | ${cell(row.killed ? row.observed : row.problems.join("; "))} |`,
    );
  const lines = ids.flatMap((id) => kept.get(id) ?? []);
  const killed = lines.filter((line) => line.includes("| yes |")).length;
  return [
    `# Mutants of ${binding}`,
    "",
    `Written by \`rollcall mutants ${binding}${isQuick ? " --quick" : ""} --write\`; ${how}. ${killed} of ${lines.length} killed.`,
    "",
    "| mutant | fault | breaks | killed | seen |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
  ].join("\n");
}
