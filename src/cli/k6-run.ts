import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { HarnessError } from "../core/errors.ts";
import type { Profile } from "../core/requirement.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import type { Credential } from "../core/session.ts";
import type { ResolvedTarget } from "../core/target.ts";
import type { PreparedUser } from "../engines/k6/credentials.ts";
import type { VuReport } from "../engines/k6/report.ts";
import { startChild } from "../targets/child.ts";
import { bundleForK6 } from "./k6-bundle.ts";
import { findK6 } from "./k6-find.ts";
import { type K6Job, SOCKETS_PER_VU, vusFor } from "./k6-job.ts";
import { openK6Parent } from "./k6-parent.ts";
import { shareOfMachine, type Usage, usageOf } from "./k6-usage.ts";
import { createSeries, type Gathered, type LoadProgress } from "./load-workers.ts";

/** Loading a script takes a second; rooms, quiet, final states and the closing of sockets are over in 40. */
const OVERTIME_MS_MAX = 90_000;

/** k6 prints at most this much of why it ended; the cause stands first. */
const WORDS_SHOWN_MAX = 1_500;

export interface K6RunOptions {
  readonly binding: string;
  readonly scenario: string;
  readonly target: ResolvedTarget;
  readonly targetName: string;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly run: string;
  readonly profile: Profile;
  readonly socketsPerVu?: number;
  /** Users whose credentials k6 has beforehand, or signs by itself; the others' are minted here. */
  readonly prepared: readonly PreparedUser[];
  readonly credential: (client: number) => Promise<Credential>;
  /** Where k6's own summary is put. */
  readonly summary?: string;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly onGo?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * Plays a scenario in k6, and gathers what its VUs tell: the same that workers of our own engine tell, so that one
 * judgement serves both.
 * @throws HarnessError `usage` when k6 is not here or the binding can not run in it, `internal` when it ended without telling.
 */
export async function runInK6(options: K6RunOptions): Promise<Gathered & { readonly workers: number }> {
  const { parameters, signal } = options;
  const k6 = await findK6();
  const say = (text: string): void => options.onProgress?.({ kind: "stage", text });
  const folder = await mkdtemp(join(tmpdir(), "rollcall-k6-"));
  const vus = vusFor(parameters, options.socketsPerVu ?? SOCKETS_PER_VU);
  const totalSeconds = Math.ceil((parameters.rampMs + parameters.durationMs) / 1000);
  const series = createSeries(vus, (point) => options.onProgress?.({ kind: "second", point, totalSeconds }));
  const parent = await openK6Parent({
    credential: options.credential,
    onSeconds: ({ part, seconds }) => seconds.forEach((second) => series.add(part, second)),
    isStopped: () => signal?.aborted === true,
    secret: randomBytes(16).toString("hex"),
  });
  try {
    say(`bundling ${options.scenario} for ${options.binding}`);
    const script = join(folder, "script.js");
    await bundleForK6({ scenario: options.scenario, binding: options.binding, file: script });
    const job = join(folder, "job.json");
    await writeFile(job, JSON.stringify(jobOf(options, parent.url, `${folder}/`)), { mode: 0o600 });
    const flags = [
      "run",
      "--quiet",
      "--no-usage-report",
      "--no-color",
      "--log-format",
      "raw",
      "--address",
      "",
      "-e",
      `ROLLCALL_JOB=${job}`,
    ];
    say(`starting ${k6.how}: ${vus} VU${vus === 1 ? "" : "s"} of up to ${Math.ceil(parameters.clients / vus)} clients`);
    const child = startChild({ run: [...k6.command(folder), ...flags, script], cwd: folder, env: environmentOf() });
    options.onGo?.();
    const measured = watch(child.pid, parameters);
    const limit = setTimeout(() => child.signal("SIGKILL"), parameters.rampMs + parameters.durationMs + OVERTIME_MS_MAX);
    const exit = await child.ended;
    clearTimeout(limit);
    const { cpu, residentBytes } = measured();
    const interrupted = signal?.aborted === true;
    if (parent.reports.length < vus && !interrupted) {
      const words = child.logs().trim().slice(0, WORDS_SHOWN_MAX);
      throw new HarnessError(
        "internal",
        `k6 ended with ${exit.code ?? exit.signal}, and ${vus - parent.reports.length} of ${vus} VUs told nothing: ${words}`,
      );
    }
    const summary = join(folder, "k6-summary.json");
    if (options.summary !== undefined && existsSync(summary)) {
      // The reports' folder is made with the first of them, which comes later.
      mkdirSync(dirname(options.summary), { recursive: true });
      copyFileSync(summary, options.summary);
    }
    return {
      done: parent.reports.map((report, index) => ({ kind: "done", ...withUsage(report, cpu, index === 0 ? residentBytes : 0) })),
      series: series.points,
      interrupted,
      workers: 1,
    };
  } finally {
    parent.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function jobOf(options: K6RunOptions, parent: string, out: string): K6Job {
  const { target, targetName, parameters, seed, run, profile, prepared } = options;
  return {
    target,
    targetName,
    parameters,
    seed,
    run,
    profile,
    prepared,
    parent,
    out,
    socketsPerVu: options.socketsPerVu ?? SOCKETS_PER_VU,
    referee: undefined,
  };
}

/** k6 reads options from variables of these names, which would change what is run. */
function environmentOf(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("K6_")));
}

/** Looks at a process when its ramp and its time are over; gives its share of the machine between, and its memory then. */
function watch(pid: number, { rampMs, durationMs }: ScenarioParameters): () => { readonly cpu: number; readonly residentBytes: number } {
  let from: { readonly usage: Usage | undefined; readonly atMs: number } | undefined;
  let to: { readonly usage: Usage | undefined; readonly atMs: number } | undefined;
  const look = (): { readonly usage: Usage | undefined; readonly atMs: number } => ({ usage: usageOf(pid), atMs: performance.now() });
  const timers = [setTimeout(() => (from = look()), rampMs), setTimeout(() => (to = look()), rampMs + durationMs)];
  return () => {
    timers.forEach(clearTimeout);
    return {
      cpu: from === undefined || to === undefined ? 0 : shareOfMachine(from.usage, to.usage, to.atMs - from.atMs),
      residentBytes: to?.usage?.residentBytes ?? 0,
    };
  };
}

/** A process of many threads has no worker that could be busier than the rest: its share of the machine stands for each VU's. */
function withUsage(report: VuReport, cpu: number, residentBytes: number): VuReport {
  return { ...report, result: { ...report.result, cpu, residentBytes } };
}
