import type { MemoryLedger } from "../checkers/ledger.ts";
import type { Share } from "../load/shares.ts";
import { HarnessError, unreachable } from "../core/errors.ts";
import type { OrderModel } from "../core/binding.ts";
import type { FaultSignal } from "../core/fault.ts";
import { encodeFigures, type EncodedFigures, type MeasuredSecond } from "../core/measured.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import type { Credential } from "../core/session.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { requestHttp } from "../engines/node/http.ts";
import type { ShardFaultPlan } from "../engines/node/shard-faults.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";
import { runShard } from "../engines/node/shard.ts";
import { createHdr } from "../engines/node/hdr.ts";
import { nodeSurroundings } from "../engines/node/node-surroundings.ts";
import { loadTransport, type TransportName } from "../engines/node/transports.ts";
import type { RecordedFaults, RecordingAbout } from "../recording/index.ts";
import type { ShardRecording } from "./recording.ts";
import { scenarios } from "../../scenarios/index.ts";
import { judgingOf, ledgerOf, panelOf } from "./judging.ts";
import { loadBinding } from "./registry.ts";
import { after, machineMs } from "./machine-clock.ts";
import { createShardSide, type FromShardWorker, type ShardSide, type ToShardWorker } from "./shard-worker.ts";
import { errorOf, faultOf, type WorkerFault } from "./worker-fault.ts";

/** What a load worker is told; plain data over the process's IPC channel. */
export interface WorkerJob {
  readonly kind: "job";
  readonly binding: string;
  readonly target: ResolvedTarget;
  readonly scenario: string;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly run: string;
  readonly transport: TransportName;
  readonly shard: { readonly index: number; readonly count: number };
  /** The process's own part of a run over several. */
  readonly share?: Share;
  /** What goes wrong meanwhile; told of as it comes. */
  readonly faults?: WorkerFaults;
  readonly recordedFaults?: RecordedFaults;
  /** Where the history is to be written, by shard. */
  readonly record?: { readonly paths: readonly string[]; readonly about: RecordingAbout };
}

/** What workers know of a run's faults before it begins. */
export type WorkerFaults = Omit<ShardFaultPlan, "listen">;

/** What the parent says to a worker. Keys stay with the parent: it mints each credential when a client needs one. */
export type ParentMessage =
  | WorkerJob
  | ToShardWorker
  /** `startAtMs`: with a share, when the run begins, on the machine's clock. */
  | { readonly kind: "go"; readonly startAtMs?: number }
  | { readonly kind: "stop" }
  | { readonly kind: "fault"; readonly signal: FaultSignal }
  | { readonly kind: "credential"; readonly asking: number; readonly answer: Credential | WorkerFault };

/** What it tells. Histograms are encoded HDR. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | FromShardWorker
  | { readonly kind: "credential"; readonly asking: number; readonly client: number }
  | { readonly kind: "second"; readonly second: MeasuredSecond }
  /** Of a fault: what its clients go through from now on is put down to it. */
  | { readonly kind: "heard"; readonly signal: FaultSignal }
  | ({
      readonly kind: "done";
      readonly result: ShardResult;
      /** Why the recording lacks events. */
      readonly unrecorded?: string;
    } & EncodedFigures)
  | ({ readonly kind: "failed" } & WorkerFault);

/** Bytes of a room's creation answer at most. */
const BODY_BYTES_MAX = 1024 * 1024;
const HTTP_MS_MAX = 15_000;

const stopping = new AbortController();
const going = Promise.withResolvers<number | undefined>();

/** Signals of faults that nobody has listened to yet, and who listens. */
const signals: FaultSignal[] = [];
let onSignal: (signal: FaultSignal) => void = (signal) => signals.push(signal);

/** Set while a shard is played. */
let side: ShardSide | undefined;

/** Askings without an answer, by their number. */
const asked = new Map<number, PromiseWithResolvers<Credential>>();
let askings = 0;

function tell(message: WorkerMessage): void {
  // A parent that has left (Ctrl-C twice) is told nothing more.
  process.send?.(message, undefined, undefined, () => undefined);
}

function credential(client: number): Promise<Credential> {
  const waiting = Promise.withResolvers<Credential>();
  askings += 1;
  asked.set(askings, waiting);
  tell({ kind: "credential", asking: askings, client });
  return waiting.promise;
}

function answered(asking: number, answer: Credential | WorkerFault): void {
  const waiting = asked.get(asking);
  asked.delete(asking);
  if ("user" in answer) waiting?.resolve(answer);
  else waiting?.reject(errorOf(answer));
}

function listenTo(listener: (signal: FaultSignal) => void): void {
  onSignal = listener;
  for (const signal of signals.splice(0)) listener(signal);
}

/** Signals go into the recording, too. */
function listening(recording: ShardRecording | undefined): typeof listenTo {
  return (listener) =>
    listenTo((signal) => {
      recording?.recorder.fault(signal, performance.now());
      listener(signal);
    });
}

/** `startAtMs` is of the machine's clock. */
function shardSideOf(orderModel: OrderModel, startAtMs: number): ShardSide {
  const startMs = performance.now() + startAtMs - machineMs();
  return createShardSide({
    orderModel,
    startMs,
    tell,
    after,
  });
}

async function work(job: WorkerJob): Promise<void> {
  const binding = await loadBinding(job.binding);
  const scenario = scenarios.find((each) => each.name === job.scenario);
  if (scenario === undefined) throw new HarnessError("internal", `no scenario ${job.scenario} in the worker`);
  const latecomersFrom = job.faults === undefined ? undefined : job.parameters.clients;
  const judging = { ...judgingOf(binding.manifest, job.target, job.run, latecomersFrom), isDivided: job.share?.by === "members" };
  let ledger: MemoryLedger | undefined;
  const transport = await loadTransport(job.transport);
  // Loaded only where it is wanted, as it brings a schema library: 17 MB in each worker.
  const recording = job.record === undefined ? undefined : await (await import("./recording.ts")).startRecording(job, job.record, judging);
  tell({ kind: "ready" });
  const startAtMs = await going.promise;
  side = job.share === undefined ? undefined : shardSideOf(judging.orderModel, startAtMs ?? machineMs());
  const signalMs = createHdr();
  const panel = panelOf(judging, (latencyMs) => signalMs.record(latencyMs));
  const played = await runShard({
    session: binding.session,
    rooms: binding.rooms,
    operations: binding.operations,
    keepaliveMs: binding.manifest.keepaliveMs,
    writesOffline: binding.manifest.writesOffline === true,
    urls: binding.manifest.urls,
    scenario,
    parameters: job.parameters,
    target: job.target,
    seed: job.seed,
    run: job.run,
    shard: job.shard,
    credential,
    http: (request, shown, via) =>
      requestHttp({ via, target: job.target, request, credential: shown, withinMs: HTTP_MS_MAX, bodyBytesMax: BODY_BYTES_MAX }),
    surroundings: nodeSurroundings(transport, job.share?.index),
    ledger: (slots, onDelivery, elsewhere) => {
      ledger = ledgerOf(judging, slots, onDelivery, side?.witness(elsewhere));
      return recording === undefined ? ledger : recording.recorder.ledger(ledger, slots);
    },
    panel: recording === undefined ? (side?.panel(panel) ?? panel) : recording.recorder.panel(panel),
    ...(job.share === undefined || side === undefined ? {} : { share: job.share, together: side.together }),
    onSecond: (second) => {
      recording?.recorder.second(second);
      tell({ kind: "second", second });
      side?.second();
    },
    ...(job.faults === undefined ? {} : { faults: { ...job.faults, listen: listening(recording) } }),
    signal: stopping.signal,
  });
  const result: ShardResult = signalMs.count === 0 ? played : { ...played, signalMs: signalMs.encode() };
  if (ledger === undefined) throw new HarnessError("internal", "the shard made no ledger");
  const { figures } = ledger;
  side?.last();
  const unrecorded = await recording?.end(result, figures);
  tell({
    kind: "done",
    result,
    ...encodeFigures(figures),
    ...(unrecorded === undefined ? {} : { unrecorded }),
  });
}

// The terminal sends Ctrl-C to the whole group; the parent decides when a worker stops.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", (message: ParentMessage) => {
  switch (message.kind) {
    case "go":
      return going.resolve(message.startAtMs);
    case "stop":
      return stopping.abort();
    case "credential":
      return answered(message.asking, message.answer);
    case "room":
    case "met":
    case "wish":
      return side?.heard(message);
    case "fault":
      onSignal(message.signal);
      return tell({ kind: "heard", signal: message.signal });
    case "job":
      work(message).catch((error: unknown) => tell({ kind: "failed", ...faultOf(error) }));
      return;
    default:
      unreachable(message);
  }
});
