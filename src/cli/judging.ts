import { createAgreement, createCheckers, createConnections, createPanel, type LifecycleOptions } from "../checkers/index.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import type { BindingManifest, OrderModel } from "../core/binding.ts";
import type { Panel } from "../core/checker.ts";
import { createHdr } from "../engines/node/hdr.ts";

/** What decides how a shard is judged, live or from a recording. */
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

/** The ledger of one shard. */
export function ledgerOf({ orderModel, echo, run }: Judging, slots: number, onDelivery: (latencyMs: number) => void): MemoryLedger {
  const decoder = new TextDecoder();
  return new MemoryLedger({ orderModel, echo, run, slots, histogram: createHdr, textOf: (bytes) => decoder.decode(bytes), onDelivery });
}

/** The checkers beside it. */
export function panelOf({ manifest, orderModel, echo, run, timeScale, presence }: Judging): Panel {
  const lifecycle = lifecycleOf(manifest, timeScale);
  return createPanel([
    createConnections(),
    ...(orderModel === "perAuthor" && manifest.judges.convergence !== undefined ? [createAgreement()] : []),
    ...createCheckers({
      orderModel,
      echo,
      run,
      histogram: createHdr,
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
