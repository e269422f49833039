import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../core/errors.ts";
import type { FaultSignal } from "../core/fault.ts";
import { figuresOf } from "../core/histogram.ts";
import type { MeasuredSecond } from "../core/measured.ts";
import type { SeriesPoint } from "../core/result.ts";
import { createHdr } from "../engines/node/hdr.ts";
import type { Credential } from "../core/session.ts";
import type { ShardLink } from "./shard-link.ts";
import type { FromShardWorker } from "./shard-worker.ts";
import type { ParentMessage, WorkerJob, WorkerMessage } from "./worker.ts";
import { errorOf, faultOf } from "./worker-fault.ts";

export type LoadProgress =
  | { readonly kind: "stage"; readonly text: string }
  | { readonly kind: "second"; readonly point: SeriesPoint; readonly totalSeconds: number };

/**
 * A young generation of 4 MiB keeps a worker of many clients a fifth smaller at the same processor time (189 against 226
 * MB at 1,000 clients): what a delivery leaves behind dies at once. Few clients have memory to spare, and documents that
 * are made anew with every step: 4 MiB cost 14 % of a worker's time in collections there.
 */
const YOUNG_MIB = { few: 64, many: 4 };
const MANY_CLIENTS = 500;

function workerFlags(clients: number): string[] {
  return [`--max-semi-space-size=${clients < MANY_CLIENTS ? YOUNG_MIB.few : YOUNG_MIB.many}`];
}

/** A worker ends in milliseconds, with a profile to write in a second or two. */
const EXIT_MS_MAX = 10_000;

/** Longest time beyond its plan that a run may take before its workers are ended: healing and coming back take their time. */
const OVERTIME_MS_MAX = 120_000;

/** A worker that hears nothing for so long is behind by more than any run bears: the fault comes all the same. */
const HEARD_MS_MAX = 10_000;

/** Tells all workers of a fault; resolves once they have heard it. */
export type TellFaults = (signal: FaultSignal) => Promise<void>;

function tellFault(child: ChildProcess, signal: FaultSignal): Promise<void> {
  if (!child.connected) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      child.off("message", hear).off("disconnect", done);
      resolve();
    };
    const hear = (message: WorkerMessage): void => {
      if (message.kind === "heard" && isSame(message.signal, signal)) done();
    };
    const timer = setTimeout(done, HEARD_MS_MAX);
    child.on("message", hear).once("disconnect", done);
    child.send({ kind: "fault", signal });
  });
}

function isSame(one: FaultSignal, other: FaultSignal): boolean {
  return one.kind === other.kind && (one.kind === "healed" || other.kind === "healed" || one.fault === other.fault);
}

/** A worker's last word. */
export type Done = Extract<WorkerMessage, { kind: "done" }>;

/** What all workers told. */
export interface Gathered {
  readonly done: readonly Done[];
  readonly series: readonly SeriesPoint[];
  readonly interrupted: boolean;
}

/** Forks the workers, starts them together, and gathers what they say. Ends only its own children. */
export async function runWorkers(
  job: Omit<WorkerJob, "shard">,
  count: number,
  options: {
    /** Mints the credential of a client; asked for over and over by those that reconnect. */
    readonly credential: (client: number) => Promise<Credential>;
    readonly onProgress?: (progress: LoadProgress) => void;
    /** Called when the run's time begins, with a way to tell all workers of faults. */
    readonly onGo?: (tell: TellFaults) => void;
    readonly signal?: AbortSignal;
    /** With a share: the line to the referee. */
    readonly link?: ShardLink;
    /** Flags of Node beside our own. */
    readonly workerFlags?: readonly string[];
  },
): Promise<Gathered> {
  const path = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url));
  const flags = workerFlags(job.parameters.clients / count);
  const children = Array.from({ length: count }, () =>
    fork(path, [], { execArgv: [...flags, ...(options.workerFlags ?? [])], stdio: ["ignore", "ignore", "inherit", "ipc"] }),
  );
  for (const child of children) serveCredentials(child, options.credential);
  const totalSeconds = Math.ceil((job.parameters.rampMs + job.parameters.durationMs) / 1000);
  const series = createSeries(count, (point) => options.onProgress?.({ kind: "second", point, totalSeconds }));
  const stop = (): void => children.forEach((child) => child.connected && child.send({ kind: "stop" }));
  options.signal?.addEventListener("abort", stop, { once: true });
  // Said before this run began: there is no event for it any more.
  if (options.signal?.aborted === true) stop();
  try {
    options.onProgress?.({ kind: "stage", text: `starting ${count} worker${count === 1 ? "" : "s"}` });
    await Promise.all(children.map((child, index) => ready(child, { ...job, shard: { index, count } })));
    const { link } = options;
    const startAtMs = await link?.start();
    link?.play(count, (message) => children.forEach((child) => child.connected && child.send(message)));
    const limitMs = job.parameters.rampMs + job.parameters.durationMs + OVERTIME_MS_MAX;
    options.onGo?.(async (signal) => void (await Promise.all(children.map((child) => tellFault(child, signal)))));
    const onSecond = (index: number, second: MeasuredSecond): void => {
      link?.second({ worker: index, ...second });
      series.add(index, second);
    };
    const finishing = Promise.all(
      children.map((child, index) => finished(child, { startAtMs, limitMs, link, onSecond: (second) => onSecond(index, second) })),
    );
    // Interrupted before the workers were there: they play nothing, and say so.
    if (options.signal?.aborted === true) stop();
    const done = await finishing;
    await link?.finish(
      done.map(({ result: { firstFailure, ...result }, ...rest }) => ({
        ...rest,
        result: { ...result, ...(firstFailure === undefined ? {} : { firstFailure }) },
      })),
    );
    await Promise.all(children.map(ended));
    return { done, series: series.points, interrupted: options.signal?.aborted ?? false };
  } finally {
    options.signal?.removeEventListener("abort", stop);
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  }
}

/**
 * Merges what the shards say of each second, once all have said it. The last second may be told in two parts: the
 * first part of one shard goes with the first of the others, however the workers' words come in.
 */
export function createSeries(
  count: number,
  onPoint: (point: SeriesPoint) => void = () => undefined,
): { readonly points: readonly SeriesPoint[]; readonly add: (shard: number, second: MeasuredSecond) => void } {
  const open = new Map<string, MeasuredSecond[]>();
  const latest = new Map<number, { readonly t: number; readonly part: number }>();
  const points: SeriesPoint[] = [];
  return {
    get points() {
      return points.toSorted((left, right) => left.t - right.t);
    },
    add: (shard, second) => {
      const before = latest.get(shard);
      const part = before?.t === second.t ? before.part + 1 : 0;
      latest.set(shard, { t: second.t, part });
      const name = `${second.t}/${part}`;
      const seconds = [...(open.get(name) ?? []), second];
      open.set(name, seconds);
      if (seconds.length < count) return;
      open.delete(name);
      const point = pointOf(seconds);
      points.push(point);
      onPoint(point);
    },
  };
}

/** A worker that is let go ends by itself, and writes what Node was told to write at its end. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || !child.connected) return;
  const exit = new Promise((resolve) => {
    child.once("exit", resolve);
    setTimeout(resolve, EXIT_MS_MAX).unref();
  });
  child.disconnect();
  await exit;
}

function serveCredentials(child: ChildProcess, mint: (client: number) => Promise<Credential>): void {
  const say = (message: ParentMessage): void => {
    if (child.connected) child.send(message);
  };
  child.on("message", (message: WorkerMessage) => {
    if (message.kind !== "credential") return;
    const { asking, client } = message;
    mint(client).then(
      (answer) => say({ kind: "credential", asking, answer }),
      (error: unknown) => say({ kind: "credential", asking, answer: faultOf(error) }),
    );
  });
}

function ready(child: ChildProcess, job: WorkerJob): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "ready") resolve();
      else if (message.kind === "failed") reject(errorOf(message));
    });
    child.once("exit", (code, signal) =>
      reject(new HarnessError("internal", `a load worker ended with ${code ?? signal} before it was ready`)),
    );
    child.send(job);
  });
}

function finished(
  child: ChildProcess,
  options: {
    readonly startAtMs: number | undefined;
    readonly limitMs: number;
    readonly link: ShardLink | undefined;
    readonly onSecond: (second: MeasuredSecond) => void;
  },
): Promise<Done> {
  const { startAtMs, limitMs, link, onSecond } = options;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HarnessError("internal", `a load worker did not end within ${limitMs} ms`)), limitMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.on("message", (message: WorkerMessage) => {
      if (message.kind === "second") onSecond(message.second);
      else if (message.kind === "done") settle(() => resolve(message));
      else if (message.kind === "failed") settle(() => reject(errorOf(message)));
      else if (isForReferee(message)) link?.heard(message);
    });
    child.once("exit", (code, signal) =>
      settle(() => reject(new HarnessError("internal", `a load worker ended with ${code ?? signal} in mid-run`))),
    );
    child.send({ kind: "go", ...(startAtMs === undefined ? {} : { startAtMs }) });
  });
}

function isForReferee(message: WorkerMessage): message is FromShardWorker {
  const { kind } = message;
  return kind === "made" || kind === "find" || kind === "meet" || kind === "witness" || kind === "windows";
}

function pointOf(seconds: readonly MeasuredSecond[]): SeriesPoint {
  const merged = createHdr();
  for (const second of seconds) merged.merge(second.deliveryMs);
  const sum = (of: (second: MeasuredSecond) => number): number => seconds.reduce((total, second) => total + of(second), 0);
  const figures = figuresOf(merged);
  return {
    t: seconds[0]?.t ?? 0,
    clients: sum((second) => second.clients),
    sent: sum((second) => second.sent),
    delivered: sum((second) => second.delivered),
    deliveryMsP50: figures.p50,
    deliveryMsP99: figures.p99,
    loopLagMs: Math.max(...seconds.map((second) => second.loopLagMs)),
  };
}
