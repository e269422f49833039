import type { BindingManifest, OrderModel } from "../core/binding.ts";
import type { Checker, Panel, Property } from "../core/checker.ts";
import type { HistogramMaker } from "../core/histogram.ts";
import type { ResolvedTarget } from "../core/target.ts";
import {
  type CheckerOptions,
  createAgreement,
  createCheckers,
  createConnections,
  createKept,
  createPanel,
  type LifecycleOptions,
} from "./index.ts";

/** What decides how a shard is judged, live or from a recording, on every engine. */
export interface Judging {
  readonly manifest: Pick<BindingManifest, "judges" | "roomTtlMs" | "recalls" | "signals">;
  readonly orderModel: OrderModel;
  readonly echo: boolean;
  readonly run: string;
  readonly timeScale: number;
  /** Whether members are told of each other. */
  readonly presence: boolean;
  /** Rooms have members in other processes: what needs to know all of them is not judged. */
  readonly isDivided?: boolean;
  /** Of a run with faults: clients with this number or a greater one come when all is over, and look what is there. */
  readonly latecomersFrom?: number;
}

/** A room may end this much sooner than its life, or later: servers sweep now and then. */
const ROOM_TTL_BELOW_MS = 5000;
const ROOM_TTL_ABOVE_MS = 10_000;
const TOLERANCE_MS_MIN = 250;
/** The word that typing has ended is under way for a while, and its timer is one of many. */
const SIGNAL_TOLERANCE_MS = 2000;
const SIGNALS = ["typing", "hints", "endings", "statuses"] as const;

/** How a run of a binding against a target is judged. */
export function judgingOf(
  manifest: BindingManifest,
  { capabilities, timeScale }: Pick<ResolvedTarget, "capabilities" | "timeScale">,
  run: string,
  latecomersFrom?: number,
): Judging {
  const { orderModel, echo, judges } = manifest;
  return {
    manifest,
    orderModel,
    echo,
    run,
    timeScale,
    presence: judges.presence !== undefined && (capabilities["presence"] ?? true),
    ...(latecomersFrom === undefined ? {} : { latecomersFrom }),
  };
}

/** The checkers beside the ledger. `onSignal` is told of each signal that came, in ms from its planned time. */
export function createJudges(judging: Judging, histogram: HistogramMaker, onSignal?: (latencyMs: number) => void): Panel {
  const { manifest, orderModel, echo, run, timeScale, presence, latecomersFrom, isDivided } = judging;
  const lifecycle = lifecycleOf(manifest, timeScale);
  const needsAll: readonly Property[] = [
    ...(presence ? (["presence"] as const) : []),
    "lifecycle",
    ...SIGNALS.filter((each) => manifest.judges[each] !== undefined),
  ];
  return createPanel([
    createConnections(),
    ...(orderModel === "perAuthor" && manifest.judges.convergence !== undefined ? [membersOnly(createAgreement(), latecomersFrom)] : []),
    ...(latecomersFrom === undefined ? [] : [createKept({ run, latecomersFrom, recalls: manifest.recalls === true })]),
    ...createCheckers({
      orderModel,
      echo,
      run,
      histogram,
      only: isDivided === true ? [] : needsAll,
      ...(lifecycle === undefined ? {} : { lifecycle }),
      ...signalsOf(judging, onSignal),
    }),
  ]);
}

/** What latecomers are shown is judged apart. */
function membersOnly(checker: Checker, latecomersFrom: number = Infinity): Checker {
  return {
    property: checker.property,
    observe: (observation) => {
      if (observation.client < latecomersFrom) checker.observe(observation);
    },
    finish: (nowMs) => checker.finish(nowMs),
  };
}

/** How what goes beside the writes is judged. While something is made to go wrong no time can be kept. */
function signalsOf(
  { manifest, timeScale, latecomersFrom }: Judging,
  onArrival?: (latencyMs: number) => void,
): Pick<CheckerOptions, "signals" | "endings" | "statuses"> {
  const { signals } = manifest;
  if (signals === undefined) return {};
  const isTimed = latecomersFrom === undefined;
  return {
    signals: {
      withinMs: isTimed ? signals.withinMs : undefined,
      ...(onArrival === undefined ? {} : { onArrival }),
    },
    endings: { withinMs: signals.typingMs / timeScale + SIGNAL_TOLERANCE_MS },
    statuses: { withinMs: signals.statusMs, silentMs: signals.silentMs / timeScale, isTimed },
  };
}

/** A room's life as it passes on the target, where the binding judges it. */
function lifecycleOf({ judges, roomTtlMs }: Judging["manifest"], timeScale: number): LifecycleOptions | undefined {
  if (judges.lifecycle === undefined || roomTtlMs === undefined) return undefined;
  const scaled = (ms: number): number => Math.max(TOLERANCE_MS_MIN, ms / timeScale);
  return {
    roomTtlMs: roomTtlMs / timeScale,
    toleranceBelowMs: scaled(ROOM_TTL_BELOW_MS),
    toleranceAboveMs: scaled(ROOM_TTL_ABOVE_MS),
  };
}
