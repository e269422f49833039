import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestCase, TestModule, Vitest } from "vitest/node";
import { HarnessError } from "../core/errors.ts";
import { CASE_IS_OVER, type CaseRow } from "../../conformance/runner/index.ts";
import type { ConformanceJob, WorkerFigures } from "./conformance-job.ts";

/** After a cancel, a suite that does not end by itself is left behind. */
const CANCEL_MS_MAX = 3_000;
const CANCEL_AGAIN_MS = 250;
const CLOSE_MS_MAX = 5_000;

const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./conformance.entry.ts" : "./conformance.entry.js", import.meta.url),
);

export interface SuiteRun {
  readonly rows: readonly CaseRow[];
  /** Undefined when the run was cut short. */
  readonly figures: WorkerFigures | undefined;
  /** Errors outside of any case: faults of ours. */
  readonly faults: readonly string[];
}

/**
 * Runs the cases of a job under vitest, in one worker of this process, once what is around them is `ready`. `onRow` is called as each case ends; `signal`
 * ends the run early with the rows so far.
 * @throws HarnessError `internal` when vitest or the entry cannot be loaded.
 */
export async function runSuite(
  job: ConformanceJob,
  ready: Promise<void>,
  onRow: (row: CaseRow) => void,
  signal: AbortSignal,
): Promise<SuiteRun> {
  const rows: CaseRow[] = [];
  const faults: string[] = [];
  let figures: WorkerFigures | undefined;
  const take = (testCase: TestCase): void => {
    const meta = testCase.meta();
    figures = meta.rollcallFigures ?? figures;
    const row = meta.rollcallRow;
    if (row === undefined || rows.some((each) => each.name === row.name)) return;
    rows.push(row);
    onRow(row);
  };
  const end = (modules: readonly TestModule[], errors: readonly { readonly message?: string; readonly stack?: string }[]): void => {
    for (const module of modules) for (const error of module.errors()) faults.push(error.message);
    for (const error of errors) faults.push(error.stack ?? error.message ?? "an error without a message");
  };
  const before = remember();
  let vitest: Vitest | undefined;
  try {
    vitest = await open(job, { onTestCaseResult: take, onTestRunEnd: end });
    await Promise.race([ready, abortOf(signal)]);
    if (signal.aborted) return { rows, figures, faults };
    const ran = vitest.start().then(
      () => undefined,
      (error: unknown) => void faults.push(error instanceof Error ? error.message : String(error)),
    );
    await Promise.race([ran, cancelled(vitest, signal)]);
  } finally {
    await Promise.race([vitest?.close(), pause(CLOSE_MS_MAX)]);
    before.restore();
  }
  return { rows, figures, faults };
}

interface Ears {
  onTestCaseResult(testCase: TestCase): void;
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { readonly message?: string; readonly stack?: string }[]): void;
}

async function open(job: ConformanceJob, ears: Ears): Promise<Vitest> {
  const root = dirname(ENTRY);
  try {
    const { createVitest } = await import("vitest/node");
    return await createVitest({
      config: false,
      root,
      dir: root,
      watch: false,
      include: [ENTRY],
      // By default everything under node_modules is left out, and that is where a user has this package.
      exclude: [],
      pool: "threads",
      maxWorkers: 1,
      isolate: false,
      sequence: { concurrent: true },
      // All cases start at once and wait in their lanes.
      maxConcurrency: job.cases.length + 1,
      provide: { rollcall: job },
      reporters: [ears],
      fsModuleCache: false,
      cache: false,
      teardownTimeout: CLOSE_MS_MAX,
      passWithNoTests: false,
      // What a case left waiting when it was ended says nothing of anybody.
      onUnhandledError: ({ message }) => message !== CASE_IS_OVER,
    });
  } catch (error) {
    throw new HarnessError(
      "internal",
      `the runner of the cases could not be started: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** vitest takes over Ctrl-C, the exit code and some of the environment; we and servers started later must not see that. */
function remember(): { restore(): void } {
  // What vitest adds while it loads would end us at a Ctrl-C of that moment: it is taken off before any signal comes.
  const onListener = (name: string | symbol, listener: (...args: unknown[]) => void): void => {
    if (name === "SIGINT" || name === "SIGTERM") queueMicrotask(() => process.off(name, listener));
  };
  process.on("newListener", onListener);
  const environment = ["NODE_ENV", "VITEST", "TEST", "VITEST_MODE", "DEV", "PROD"].map((name) => [name, process.env[name]] as const);
  const { exitCode } = process;
  return {
    restore: () => {
      process.off("newListener", onListener);
      for (const [name, value] of environment) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      process.exitCode = exitCode;
    },
  };
}

async function cancelled(vitest: Vitest, signal: AbortSignal): Promise<void> {
  await abortOf(signal);
  // Asked while it still gathers its files it forgets; so it is asked again.
  for (let waitedMs = 0; waitedMs < CANCEL_MS_MAX; waitedMs += CANCEL_AGAIN_MS) {
    void vitest.cancelCurrentRun("keyboard-input");
    await pause(CANCEL_AGAIN_MS);
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
