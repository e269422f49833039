import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Profile } from "../core/requirement.ts";
import { HarnessError } from "../core/errors.ts";
import type { Result } from "../core/result.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { TRANSPORTS, type TransportName } from "../engines/node/transports.ts";
import { describeTarget, readTargetFile } from "../targets/index.ts";
import { scenarios } from "../../scenarios/index.ts";
import { mustBeWritable, renderTerminal, writeReports } from "../../reports/index.ts";
import { check, type CheckProgress } from "./check.ts";
import { INTERRUPTED, type Interrupt, onInterrupt } from "./interrupt.ts";
import { mutantResult, mutantTable, type MutantsOptions, runMutants } from "./mutants.ts";
import { timelineText } from "./faults.ts";
import { faultPlanOf, togetherOf } from "./load-faults.ts";
import { load, type LoadProgress } from "./load.ts";
import { recheck } from "./recheck.ts";
import { findMutant, type MutantChoice } from "./find-mutant.ts";
import { createProgress, type Progress, wantsColour } from "./progress.ts";
import * as registry from "./registry.ts";
import { keepYoungGenerationSmall } from "./young-generation.ts";

type Flags = Readonly<Record<string, unknown>>;

/** What the common flags say, read once. */
export interface Common {
  readonly out: string;
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly shared: {
    readonly profile: Profile;
    readonly seed?: string;
    readonly mayLoad?: readonly string[];
    readonly keep: boolean;
    readonly failOnWarning: boolean;
    readonly allowInconclusive: boolean;
  };
}

/** The transport, where one is named. */
export function transportOf(flags: Flags): { readonly transport?: TransportName } {
  const transport = TRANSPORTS.find((name) => name === flags["transport"]);
  return transport === undefined ? {} : { transport };
}

/** The text of a flag, where it was given. */
export function textOf(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

function listOf(flags: Flags, name: string): readonly string[] | undefined {
  const value = flags[name];
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** Reads what all runs have in common. */
export function commonOf(flags: Flags): Common {
  const seed = textOf(flags, "seed");
  const mayLoad = listOf(flags, "iMayLoad");
  return {
    out: textOf(flags, "out") ?? "rollcall-report",
    json: flags["json"] === true,
    dryRun: flags["dryRun"] === true,
    shared: {
      profile: (textOf(flags, "profile") ?? "mvp") as Profile,
      keep: flags["keep"] === true,
      failOnWarning: flags["failOn"] === "warning",
      allowInconclusive: flags["allowInconclusive"] === true,
      ...(seed === undefined ? {} : { seed }),
      ...(mayLoad === undefined ? {} : { mayLoad }),
    },
  };
}

/** The dialect in place of the target's own, where one is named. */
export function dialectOf(flags: Flags): { readonly dialect?: string } {
  const dialect = textOf(flags, "dialect");
  return dialect === undefined ? {} : { dialect };
}

/** How many processes a reference server is to have, where that is said. */
export function replicasOf(flags: Flags): { readonly replicas?: number } {
  return typeof flags["replicas"] === "number" ? { replicas: flags["replicas"] } : {};
}

/** The mutant's own environment, which the command line does not know of. */
export async function mutantOf(target: string, flags: Flags): Promise<MutantChoice | undefined> {
  const id = textOf(flags, "mutant");
  if (id === undefined) return undefined;
  if (registry.bindingNames().includes(target)) return findMutant(target, id);
  const { data } = readTargetFile(target, process.env);
  if (data.reference !== undefined) return findMutant(data.reference, id);
  if (data.compose?.reference !== true)
    throw new HarnessError("usage", "--mutant is for reference servers", { hint: "give a reference server's name as target" });
  // The stack has the replicas that it has.
  const { replicas: _, ...choice } = await findMutant(data.binding ?? "", id);
  return choice;
}

/** What a run leaves open (a socket, a worker that does not end) holds the command no longer than this. */
const LEAVE_MS_MAX = 1_000;

/** Sees to it that the process ends soon, and with this code, whatever others have set. */
function leaveWith(exitCode: number): number {
  setTimeout(() => process.exit(exitCode), LEAVE_MS_MAX).unref();
  process.once("exit", () => {
    process.exitCode = exitCode;
  });
  return exitCode;
}

/** Runs, writes every report, prints the summary. What the run has gathered is written also when it was interrupted. */
export async function perform(
  common: Common,
  work: (progress: Progress, interrupt: Interrupt) => Promise<Result>,
  /** What `--json` prints. */
  jsonOf: (result: Result) => unknown = (result) => result,
): Promise<number> {
  const progress = createProgress(process.stderr);
  const interrupt = onInterrupt((text) => progress.line(text));
  try {
    await mustBeWritable(common.out);
    const result = await work(progress, interrupt);
    progress.end();
    // Shown before it is written: a disk that has filled up meanwhile must not take the findings with it.
    if (common.json) process.stdout.write(`${JSON.stringify(jsonOf(result), null, 2)}\n`);
    const summary = renderTerminal(result, {
      colour: !common.json && wantsColour(),
      ...(process.stdout.isTTY ? { columns: process.stdout.columns } : {}),
    });
    const output = common.json ? process.stderr : process.stdout;
    output.write(`${summary.trimEnd()}\n\n`);
    const paths = await writeReports(result, common.out);
    output.write(`report: ${paths.html}\n`);
    return leaveWith(result.exitCode);
  } catch (error) {
    progress.end();
    if (interrupt.signal.aborted) return leaveWith(INTERRUPTED);
    throw error;
  } finally {
    interrupt.release();
  }
}

/** Shows the steps of a check. */
export function showCheck(progress: Progress): (step: CheckProgress) => void {
  return (step) => {
    if (step.kind === "stage") progress.line(step.text);
    else progress.status(`${step.done} of ${step.total} cases  ${step.text}`);
  };
}

/** Shows the steps of a load run. */
export function showLoad(progress: Progress): (step: LoadProgress) => void {
  return (step) => {
    if (step.kind === "stage") progress.line(step.text);
    else {
      const { t, clients, sent, delivered, deliveryMsP99 } = step.point;
      progress.status(
        `${t} of ${step.totalSeconds} s  ${clients} clients  ${sent} sent/s  ${delivered} delivered/s  p99 ${deliveryMsP99.toFixed(1)} ms`,
      );
    }
  };
}

/** `rollcall check`. Gives the exit code. */
export async function runCheck(target: string, flags: Flags): Promise<number> {
  const common = commonOf(flags);
  const only = listOf(flags, "only");
  const mutant = await mutantOf(target, flags);
  const client = textOf(flags, "client");
  if (common.dryRun) {
    const { binding, how, resolved } = await describeTarget({
      target,
      registry,
      purpose: "check",
      ...dialectOf(flags),
      ...replicasOf(flags),
    });
    const known = resolved.known.length === 0 ? "" : `, ${resolved.known.length} known failures`;
    process.stdout.write(
      `would ${how}, and judge ${only === undefined ? `the ${binding.requirements.length} requirements of ${resolved.binding}` : only.join(", ")} ` +
        `(dialect ${resolved.dialect}, profile ${common.shared.profile}${known}); reports to ${resolve(common.out)}\n`,
    );
    return 0;
  }
  return perform(common, (progress, interrupt) =>
    check({
      target,
      ...common.shared,
      ...transportOf(flags),
      ...(only === undefined ? {} : { only }),
      ...(mutant === undefined ? {} : { mutant }),
      ...dialectOf(flags),
      ...replicasOf(flags),
      ...(client === undefined ? {} : { client }),
      realTime: flags["realTime"] === true,
      onProgress: showCheck(progress),
      signal: interrupt.signal,
    }),
  );
}

/** What a user sets of a scenario. */
export function parametersOf(flags: Flags): Partial<ScenarioParameters> {
  const given = {
    clients: "clients",
    rooms: "rooms",
    ratePerSecond: "rate",
    durationMs: "duration",
    rampMs: "ramp",
    churnPerMinute: "churn",
  } as const;
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, flag]) => (typeof flags[flag] === "number" ? [[name, flags[flag]]] : [])),
  );
}

/** `rollcall load`. Gives the exit code. */
export async function runLoad(scenario: string, flags: Flags): Promise<number> {
  const common = commonOf(flags);
  const target = textOf(flags, "target") ?? "";
  const mutant = await mutantOf(target, flags);
  const parameters = parametersOf(flags);
  const faults = textOf(flags, "faults");
  if (common.dryRun) {
    const { how, resolved } = await describeTarget({
      target,
      registry,
      purpose: "load",
      ...dialectOf(flags),
      ...replicasOf(flags),
      ...(common.shared.mayLoad === undefined ? {} : { mayLoad: common.shared.mayLoad }),
    });
    const found = scenarios.find(({ name }) => name === scenario);
    if (found === undefined)
      throw new HarnessError("usage", `there is no scenario "${scenario}"`, {
        hint: `scenarios: ${scenarios.map(({ name }) => name).join(", ")}`,
      });
    process.stdout.write(
      `would ${how}, and run ${scenario} with ${JSON.stringify({ ...found.defaults, ...parameters })}; reports to ${resolve(common.out)}\n`,
    );
    const plan = togetherOf([found.faults, ...(faults === undefined ? [] : [faultPlanOf(faults)])]);
    if (plan !== undefined) {
      const seed = common.shared.seed ?? "any";
      process.stdout.write(timelineText(plan, { ...found.defaults, ...parameters }, resolved.urls.length, seed));
    }
    return 0;
  }
  const workers = flags["workers"];
  const record = textOf(flags, "record");
  const socketsPerVu = flags["socketsPerVu"];
  keepYoungGenerationSmall();
  return perform(common, (progress, interrupt) =>
    load({
      scenario,
      target,
      parameters,
      ...transportOf(flags),
      ...common.shared,
      ...(typeof workers === "number" ? { workers } : {}),
      ...(mutant === undefined ? {} : { mutant }),
      ...(record === undefined ? {} : { record }),
      ...(faults === undefined ? {} : { faults }),
      ...(textOf(flags, "engine") === "k6"
        ? {
            engine: "k6" as const,
            k6: { summary: join(common.out, "k6-summary.json"), ...(typeof socketsPerVu === "number" ? { socketsPerVu } : {}) },
          }
        : {}),
      ...dialectOf(flags),
      ...replicasOf(flags),
      onProgress: showLoad(progress),
      signal: interrupt.signal,
    }),
  );
}

/** `rollcall recheck`. Gives the exit code. */
export async function runRecheck(recording: string, flags: Flags): Promise<number> {
  return perform(commonOf(flags), async (progress, interrupt) => {
    const onProgress = ({ events }: { readonly events: number }): void => progress.status(`${events} observations`);
    const { result, fault } = await recheck({ recording, onProgress, signal: interrupt.signal });
    if (fault !== undefined) progress.line(`error: ${fault}; what could be read of it is judged as inconclusive`);
    return result;
  });
}

/** `rollcall mutants`. Gives the exit code. */
export async function runMutantTable(name: string, flags: Flags): Promise<number> {
  const binding = await registry.loadBinding(name);
  const { mutants } = binding;
  if (flags["dryRun"] === true) {
    for (const { id, breaks } of mutants)
      process.stdout.write(`${id}: breaks ${breaks.map((each) => `${each.id} (${each.reason})`).join(", ")}\n`);
    return 0;
  }
  const common = commonOf(flags);
  const only = listOf(flags, "only");
  const quick = flags["quick"] === true;
  const startedAt = new Date();
  return perform(
    common,
    async (progress, interrupt) => {
      const options: MutantsOptions = {
        binding: name,
        quick,
        ...(typeof flags["jobs"] === "number" ? { concurrency: flags["jobs"] } : {}),
        signal: interrupt.signal,
        ...(only === undefined ? {} : { only }),
        ...(common.shared.seed === undefined ? {} : { seed: common.shared.seed }),
        onProgress: (row, done, total) =>
          progress.line(
            `${done} of ${total}  ${row.killed ? "killed" : row.skipped === undefined ? "ALIVE " : "skipped"}  ${row.id}${row.killed ? "" : `: ${row.skipped ?? row.problems.join("; ")}`}`,
          ),
      };
      const rows = await runMutants(options);
      if (flags["write"] === true) {
        const path = `docs/mutants-${name}.md`;
        const before = await readFile(path, "utf8").catch(() => "");
        const ids = mutants.map((mutant) => mutant.id);
        await writeFile(path, mutantTable(name, rows, quick, ids, before));
      }
      return mutantResult(options, binding, rows, startedAt);
    },
    (result) => result.mutants,
  );
}
