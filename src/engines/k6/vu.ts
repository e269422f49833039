import { createBucketHistogram } from "../../core/bucket-histogram.ts";
import type { Binding } from "../../core/binding.ts";
import type { Panel } from "../../core/checker.ts";
import type { HistogramMaker } from "../../core/histogram.ts";
import type { Ledger } from "../../core/ledger.ts";
import { encodeFigures, type Figures, type MeasuredSecond } from "../../core/measured.ts";
import type { Scenario, ScenarioParameters } from "../../core/scenario.ts";
import type { Credential, Failure, HttpAnswer, HttpRequest } from "../../core/session.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import type { Part, Share } from "../../load/shares.ts";
import { runShard } from "../node/shard.ts";
import type { PaceMeter, Surroundings } from "../node/surroundings.ts";
import { createTimerAlarms, type Timers } from "./alarms.ts";
import { K6Client, type K6ClientPorts } from "./client.ts";
import type { VuReport, VuSeconds } from "./report.ts";

/** VUs that tell their parent of every second; more of them tell of several at once, so that telling stays cheap. */
const TELLING_EACH_SECOND_MAX = 50;

/** What a VU plays. */
export interface VuJob {
  readonly binding: Pick<Binding, "session" | "rooms" | "operations" | "manifest">;
  readonly scenario: Scenario;
  readonly parameters: ScenarioParameters;
  readonly target: ResolvedTarget;
  readonly seed: string;
  readonly run: string;
  /** The room of each client: a hundred VUs need not make every script a hundred times. */
  readonly scriptRooms: readonly number[];
  /** The VU among those of its process. */
  readonly part: Part;
  /** The process among those of the run. */
  readonly share: Share | undefined;
}

/** What the runtime gives a VU; in tests, what Node gives in its place. */
export interface VuPorts extends Timers {
  /** Milliseconds since 1970: k6 has no other clock. */
  nowMs(): number;
  setInterval(act: () => void, ms: number): number;
  clearInterval(timer: number): void;
  readonly socket: K6ClientPorts["socket"];
  readonly http: (request: HttpRequest, credential: Credential) => Promise<HttpAnswer | Failure>;
  readonly credential: (client: number) => Promise<Credential>;
  /** Tells a parent, when there is one, of seconds gone by; resolves with whether to go on. */
  readonly tell?: (seconds: VuSeconds) => Promise<boolean>;
  /** A delivery has come so long after its write was planned. */
  readonly onDelivery: (latencyMs: number) => void;
}

/** Who accounts for deliveries and judges the rest; the checkers' room, which engines do not know. */
export interface VuJudges {
  ledger(slots: number, onDelivery: (latencyMs: number | undefined) => void): Ledger & VuFigures;
  readonly panel: Panel;
}

/** What the ledger has measured. */
export interface VuFigures {
  readonly figures: Figures;
}

/** Histograms in a VU; they merge without loss into those of our own engine. */
export const vuHistogram: HistogramMaker = createBucketHistogram;

/**
 * Plays the clients of one VU, as many as it has, on its one event loop; resolves once the run is quiet and judged.
 * @throws whatever our own code threw while it handled an event: never what a server sent.
 */
export async function playVu(job: VuJob, ports: VuPorts, judges: VuJudges): Promise<VuReport> {
  const { binding, scenario, parameters, target, seed, run, scriptRooms, part, share } = job;
  const untold: MeasuredSecond[] = [];
  const tellEvery = Math.ceil(part.count / TELLING_EACH_SECOND_MAX);
  let isStopped = false;
  let judge: (Ledger & VuFigures) | undefined;
  let fault: { readonly error: unknown } | undefined;
  const result = await runShard({
    session: binding.session,
    rooms: binding.rooms,
    operations: binding.operations,
    keepaliveMs: binding.manifest.keepaliveMs,
    writesOffline: binding.manifest.writesOffline === true,
    urls: binding.manifest.urls,
    scenario,
    parameters,
    target,
    seed,
    run,
    shard: part,
    scriptRooms,
    ...(share === undefined ? {} : { share }),
    credential: ports.credential,
    http: (request, credential) => ports.http(request, credential),
    surroundings: surroundingsOf(ports, (error) => {
      fault ??= { error };
    }),
    ledger: (slots, onDelivery) => {
      judge = judges.ledger(slots, (latencyMs) => {
        onDelivery(latencyMs);
        if (latencyMs !== undefined) ports.onDelivery(latencyMs);
      });
      return judge;
    },
    panel: judges.panel,
    onSecond: (second) => {
      if (ports.tell === undefined) return;
      untold.push(second);
      if (untold.length < tellEvery) return;
      ports.tell({ part: part.index, seconds: untold.splice(0) }).then(
        (mayGoOn) => {
          if (!mayGoOn) isStopped = true;
        },
        // Nobody hears what this one finds any more.
        () => {
          isStopped = true;
        },
      );
    },
    signal: {
      get aborted() {
        return isStopped || fault !== undefined;
      },
    },
  });
  if (fault !== undefined) throw fault.error;
  if (judge === undefined) throw new Error("the shard made no ledger");
  return { part, result, ...encodeFigures(judge.figures) };
}

function surroundingsOf(ports: VuPorts, fault: (error: unknown) => void): Surroundings {
  const lag = createLag();
  return {
    nowMs: () => ports.nowMs(),
    every: (intervalMs, act) => {
      const timer = ports.setInterval(act, intervalMs);
      return () => ports.clearInterval(timer);
    },
    alarms: () => createTimerAlarms(() => ports.nowMs(), ports, lag.saw),
    histogram: createBucketHistogram,
    meter: () => lag.meter,
    client: (options) =>
      new K6Client(options, {
        nowMs: () => ports.nowMs(),
        socket: ports.socket,
        received: (receivedMs) => lag.saw(ports.nowMs() - receivedMs),
        fault,
      }),
  };
}

/**
 * The lag of a VU's event loop: how late its timers ring, and how long what has come out of the network waits for the
 * script. Processor time and memory belong to the process and are not for scripts to see.
 */
function createLag(): { readonly saw: (ms: number) => void; readonly meter: PaceMeter } {
  const whole = createBucketHistogram();
  let recentMs = 0;
  return {
    saw: (ms) => {
      const lagMs = Math.max(0, ms);
      whole.record(lagMs);
      if (lagMs > recentMs) recentMs = lagMs;
    },
    meter: {
      reset: () => whole.reset(),
      own: () => ({
        loopLagMsP99: whole.percentileMs(99),
        loopLagMsMax: whole.maxMs,
        gc: { count: 0, totalMs: 0, maxMs: 0 },
        cpuMs: 0,
        residentBytes: 0,
      }),
      takeLagMsMax: () => {
        const most = recentMs;
        recentMs = 0;
        return most;
      },
      stop: () => undefined,
    },
  };
}
