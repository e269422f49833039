import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { OrderModel } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import { requirementId } from "../core/ids.ts";
import type { Profile } from "../core/requirement.ts";
import type { Result } from "../core/result.ts";
import { createHdr } from "../engines/node/hdr.ts";
import { Referee, type RefereeOutcome, SHARDS_MAX, startRefereeServer } from "../referee/index.ts";
import { resultOf } from "./load-result.ts";
import type { LoadProgress } from "./load-workers.ts";
import { refereeNotes, shardDoubts } from "./referee-notes.ts";
import { bindingNames, loadBinding } from "./registry.ts";
import { scenarioNamed } from "./scenario-named.ts";
import { machineMs } from "./machine-clock.ts";
import { version } from "./version.ts";

export interface RefereeRunOptions {
  readonly shards: number;
  readonly token: string;
  readonly port: number;
  readonly bind: string;
  readonly gatherMsMax: number;
  readonly silentMsMax: number;
  /** Goes on answering after the verdict, with the result, until `signal`. */
  readonly stay?: boolean;
  /** Called with the verdict, before it stays. */
  readonly onResult?: (result: Result) => Promise<void>;
  readonly seed?: string;
  readonly profile?: Profile;
  readonly failOnWarning?: boolean;
  readonly allowInconclusive?: boolean;
  readonly onListening?: (url: string) => void;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/** Shorter tokens can be guessed. */
const TOKEN_CHARACTERS_MIN = 16;

/** After the verdict the shards come for it once more. */
const FAREWELL_MS_MAX = 8_000;

/**
 * A run's token: the text given, else the file's first line, else the environment's `ROLLCALL_RUN_TOKEN`.
 * @throws HarnessError `usage` when there is none, or it is short.
 */
export function tokenOf(given: string | undefined, file: string | undefined): string {
  const token = (given ?? (file === undefined ? process.env["ROLLCALL_RUN_TOKEN"] : readToken(file)) ?? "").trim();
  if (token.length >= TOKEN_CHARACTERS_MIN) return token;
  throw new HarnessError("usage", token === "" ? "the run needs a token" : `a run's token has ${TOKEN_CHARACTERS_MIN} characters or more`, {
    hint: "make one with `openssl rand -hex 16 > token`, and give every shard and the referee --token-file token",
  });
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").split("\n", 1)[0] ?? "";
  } catch (error) {
    throw new HarnessError("usage", `${file} can not be read`, { cause: error });
  }
}

/**
 * Referees one run of several shards, from their coming to the verdict.
 * @throws HarnessError `usage` when the address is taken, `unreachable` when no shard ever came.
 */
export async function runReferee(options: RefereeRunOptions): Promise<Result> {
  const startedAt = new Date();
  if (!(options.shards >= 1 && options.shards <= SHARDS_MAX)) throw new HarnessError("usage", `--shards is 1 to ${SHARDS_MAX}`);
  const stage = (text: string): void => options.onProgress?.({ kind: "stage", text });
  const referee = new Referee({
    shards: options.shards,
    run: randomBytes(4).toString("hex"),
    seed: options.seed ?? randomBytes(6).toString("hex"),
    orderModels: await orderModels(),
    histogram: createHdr,
    nowMs: machineMs,
    gatherMsMax: options.gatherMsMax,
    silentMsMax: options.silentMsMax,
    newSession: () => randomBytes(16).toString("hex"),
    say: stage,
  });
  const { token, port, bind, signal } = options;
  const server = await startRefereeServer({ referee, token, port, bind, nowMs: machineMs }).catch((error: unknown) => {
    throw new HarnessError("usage", `${bind}:${port} can not be listened on`, { hint: "choose another --port or --bind", cause: error });
  });
  const stop = (): void => referee.stop();
  signal?.addEventListener("abort", stop, { once: true });
  let last = -1;
  const watch = setInterval(() => {
    const point = referee.progress.last;
    if (point === undefined || point.t === last) return;
    last = point.t;
    options.onProgress?.({ kind: "second", point, totalSeconds: referee.seconds });
  }, 500);
  try {
    options.onListening?.(server.url);
    const outcome = await referee.over();
    const result = await judge(outcome, options, startedAt);
    referee.judged(result.verdict, result.exitCode, result);
    const until = performance.now() + FAREWELL_MS_MAX;
    while (!referee.isToldAll && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    if (options.stay === true) {
      await options.onResult?.(result);
      await stayed(signal);
    }
    return result;
  } finally {
    clearInterval(watch);
    signal?.removeEventListener("abort", stop);
    await server.close();
  }
}

async function stayed(signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return;
  await new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
}

async function orderModels(): Promise<ReadonlyMap<string, OrderModel>> {
  const bindings = await Promise.all(bindingNames().map((name) => loadBinding(name)));
  return new Map(bindings.map(({ manifest }) => [manifest.name, manifest.orderModel]));
}

async function judge(outcome: RefereeOutcome, options: RefereeRunOptions, startedAt: Date): Promise<Result> {
  const { plan, target, done, series, accord } = outcome;
  if (plan === undefined || target === undefined)
    throw new HarnessError("unreachable", "no shard ever came", { hint: "start them with `rollcall load … --shard 1/n --referee URL`" });
  const { outcomes, lost, compared } = accord;
  return resultOf({
    options: { target: target.asked, ...options },
    scenario: scenarioNamed(plan.scenario),
    parameters: plan.parameters,
    seed: plan.seed,
    target: {
      name: target.name,
      urls: [target.urls[0] ?? "", ...target.urls.slice(1)],
      dialect: target.dialect,
      timeScale: target.timeScale,
      known: target.known.map((each) => ({ ...each, id: requirementId(each.id) })),
      exited: undefined,
    },
    binding: await loadBinding(plan.binding),
    gathered: {
      done: done.map((each) => ({ ...each, result: { ...each.result, firstFailure: each.result.firstFailure } })),
      series,
      interrupted: outcome.interrupted,
    },
    shards: {
      count: outcome.shards.length,
      outcomes,
      lost,
      compared,
      doubts: shardDoubts(outcome, plan),
      notes: refereeNotes(outcome),
      ...(outcome.acrossMs === undefined ? {} : { acrossMs: outcome.acrossMs }),
      ...(outcome.clockBoundMs === undefined ? {} : { clockBoundMs: outcome.clockBoundMs }),
    },
    startedAt,
    endedAt: new Date(),
    workers: Math.max(1, done.length),
    ports: { histogram: createHdr, version },
  });
}
