import type { BindingManifest, OrderModel } from "../core/binding.ts";
import type { Panel } from "../core/checker.ts";
import type { HistogramMaker } from "../core/histogram.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { createAgreement, createCheckers, createConnections, createPanel, type LifecycleOptions } from "./index.ts";

/** What decides how a shard is judged, live or from a recording, on every engine. */
export interface Judging {
  readonly manifest: Pick<BindingManifest, "judges" | "roomTtlMs">;
  readonly orderModel: OrderModel;
  readonly echo: boolean;
  readonly run: string;
  readonly timeScale: number;
  /** Whether members are told of each other. */
  readonly presence: boolean;
}

/** A room may end this much sooner than its life, or later: servers sweep now and then. */
const ROOM_TTL_BELOW_MS = 5000;
const ROOM_TTL_ABOVE_MS = 10_000;
const TOLERANCE_MS_MIN = 250;

/** How a run of a binding against a target is judged. */
export function judgingOf(
  manifest: BindingManifest,
  { capabilities, timeScale }: Pick<ResolvedTarget, "capabilities" | "timeScale">,
  run: string,
): Judging {
  const { orderModel, echo, judges } = manifest;
  return { manifest, orderModel, echo, run, timeScale, presence: judges.presence !== undefined && (capabilities["presence"] ?? true) };
}

/** The checkers beside the ledger. */
export function createJudges({ manifest, orderModel, echo, run, timeScale, presence }: Judging, histogram: HistogramMaker): Panel {
  const lifecycle = lifecycleOf(manifest, timeScale);
  return createPanel([
    createConnections(),
    ...(orderModel === "perAuthor" && manifest.judges.convergence !== undefined ? [createAgreement()] : []),
    ...createCheckers({
      orderModel,
      echo,
      run,
      histogram,
      only: presence ? ["presence", "lifecycle"] : ["lifecycle"],
      ...(lifecycle === undefined ? {} : { lifecycle }),
    }),
  ]);
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
