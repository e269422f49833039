import { redactAll } from "../core/redact.ts";
import type { Result } from "../core/result.ts";
import { mergeAll, type Verdict } from "../core/verdict.ts";
import type { ResolvedTarget } from "../core/target.ts";
import type { RunningTarget } from "../targets/index.ts";
import { assembleResults, isSpoilt, type CaseRow, type Death, type Selection } from "../../conformance/runner/index.ts";
import type { CheckOptions } from "./check.ts";
import type { WorkerFigures } from "./conformance-job.ts";
import { logsOf } from "./container-logs.ts";
import { exitCodeOf } from "./exit-code.ts";
import { applyKnown, counts } from "./known.ts";
import { version } from "./version.ts";

const FAULT_CHARACTERS_MAX = 2_000;

/** What a check's result is made from. */
export interface CheckGathered {
  readonly options: CheckOptions;
  readonly running: Pick<RunningTarget, "binding" | "resolved" | "containers" | "engine">;
  readonly selection: Selection;
  readonly seed: string;
  readonly startedAt: Date;
  readonly rows: readonly CaseRow[];
  readonly figures: WorkerFigures | undefined;
  readonly faults: readonly string[];
  readonly death: Death | undefined;
  readonly interrupted: boolean;
  readonly cpuMs: number;
}

/** The result document of a check. */
export function assembleCheck(gathered: CheckGathered): Result {
  const { options, running, selection, rows, death, interrupted } = gathered;
  const { binding, resolved } = running;
  const profile = options.profile ?? "mvp";
  const durationMs = Date.now() - gathered.startedAt.getTime();
  const loopLagMsP99 = Math.max(0, ...rows.map((row) => row.loopLagMsP99 ?? 0));
  const unjudgedByLag = binding.requirements.filter(
    (each) => selection.ids.has(each.id) && rows.some((row) => row.parts.some((part) => part.id === each.id && isSpoilt(row, part, each))),
  );
  const again = rows.filter((row) => row.attempts !== undefined);
  const faulted = rows.filter((row) => row.end === "faulted");
  const faults = [...faulted.map((row) => `case ${row.name} broke: ${row.because}`), ...gathered.faults].map((text) =>
    text.slice(0, FAULT_CHARACTERS_MAX),
  );
  const isCut = interrupted || death !== undefined || faults.length > 0;
  const assembled = assembleResults({
    requirements: binding.requirements,
    ids: death?.id === undefined ? selection.ids : new Set([...selection.ids, death.id]),
    rows,
    gated: selection.gated,
    planned: selection.planned,
    profile,
    cutShortBecause: interrupted
      ? "interrupted before its case had ended"
      : death === undefined
        ? undefined
        : "the server ended before its case had",
    death,
  });
  const { requirements, stale, unmatched } = applyKnown(assembled, resolved.known);
  const mistakes = isCut ? [] : unmatched;
  const verdicts: { level: "MUST" | "SHOULD" | "MAY"; verdict: Verdict }[] = requirements.filter(counts);
  // A server that dies is a finding, also where the catalogue has no word for it.
  if (death !== undefined && death.id === undefined) verdicts.push({ level: "MUST", verdict: "fail" });
  const exitCode = exitCodeOf(
    {
      usageErrors: mistakes.length,
      harnessFaults: faults.length,
      interrupted,
      staleKnown: stale.length,
      reached: true,
      judged: requirements.filter((each) => each.verdict === "pass" || each.verdict === "fail" || each.verdict === "warning").length,
      verdicts,
    },
    { failOnWarning: options.failOnWarning ?? false, allowInconclusive: options.allowInconclusive ?? false },
  );
  // What a server says stands in witnesses and reasons, and it may quote what it was shown.
  return redactAll<Result>({
    schema: "rollcall/result@1",
    command: "check",
    version,
    startedAt: gathered.startedAt.toISOString(),
    durationMs,
    verdict: stale.length > 0 ? "fail" : mergeAll(verdicts.map((each) => each.verdict)),
    exitCode,
    seed: gathered.seed,
    profile,
    target: {
      name: resolved.name,
      url: resolved.urls[0],
      timeScale: resolved.timeScale,
      ...(options.mutant === undefined ? {} : { mutant: options.mutant.id }),
    },
    ...(resolved.urls.length === 1 || gathered.figures === undefined
      ? {}
      : { replicas: replicasOf(resolved, gathered.figures.clientsByUrl) }),
    binding: binding.manifest.name,
    dialect: resolved.dialect,
    rerun: rerunOf(options, gathered.seed),
    requirements,
    cases: rows.map((row) => ({
      name: row.name,
      end: row.end,
      durationMs: row.endedAt - row.startedAt,
      ...(row.attempts === undefined ? {} : { attempts: row.attempts }),
    })),
    harness: {
      loopLagMsP99: Math.round(loopLagMsP99 * 10) / 10,
      cpu: Math.round((gathered.cpuMs / Math.max(1, durationMs)) * 100) / 100,
      residentBytes: process.memoryUsage.rss(),
      workers: 1,
      inconclusiveBecause:
        unjudgedByLag.length === 0
          ? []
          : [`event-loop lag p99 ${loopLagMsP99.toFixed(0)} ms: not judged ${unjudgedByLag.map((each) => each.id).join(", ")}`],
    },
    notes: [
      ...mistakes,
      ...stale,
      ...faults,
      ...again.map((row) => `${row.name} was run ${row.attempts} times, since the harness had lost time`),
      ...(death === undefined ? [] : [`the server died: ${death.breach.seen}${whileRunning(rows, death)}`]),
    ],
    interrupted,
    ...logsOf(running, exitCode),
  });
}

/** Those of the target first, and then those that exclusive cases ran on. */
function replicasOf(
  { urls, replicas = [] }: Pick<ResolvedTarget, "urls" | "replicas">,
  clientsByUrl: Readonly<Record<string, number>>,
): NonNullable<Result["replicas"]> {
  const all = [...new Set([...urls, ...Object.keys(clientsByUrl)])];
  return all.map((url, index) => {
    const name = replicas[index];
    return { ...(name === undefined ? {} : { name }), url, clients: clientsByUrl[url] ?? 0 };
  });
}

function whileRunning(rows: readonly CaseRow[], death: Death): string {
  const names = rows
    .filter((row) => row.startedAt <= death.at && row.endedAt >= death.at && death.phases.includes(row.phase))
    .map((row) => row.name);
  return names.length === 0 ? "" : `; running then: ${names.join(", ")}`;
}

function rerunOf(options: CheckOptions, seed: string): string {
  const quote = (text: string): string => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  return [
    "npx rollcall check",
    quote(options.target),
    `--seed ${quote(seed)}`,
    ...(options.profile === undefined || options.profile === "mvp" ? [] : [`--profile ${options.profile}`]),
    ...(options.only ?? []).map((pattern) => `--only ${quote(pattern)}`),
    ...(options.realTime === true ? ["--real-time"] : []),
    ...(options.dialect === undefined ? [] : [`--dialect ${options.dialect}`]),
    ...(options.replicas === undefined ? [] : [`--replicas ${options.replicas}`]),
    ...(options.mutant === undefined ? [] : [`--mutant ${options.mutant.id}`]),
    ...(options.mayLoad ?? []).map((host) => `--i-may-load ${quote(host)}`),
  ].join(" ");
}
