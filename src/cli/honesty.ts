import { HARNESS_BOUNDS } from "../core/harness-bounds.ts";
import { figuresOf, type Histogram, type LatencyFigures } from "../core/histogram.ts";
import type { GcPauses, HarnessResult } from "../core/result.ts";
import type { ShardResult } from "../engines/node/shard-types.ts";

/** What the harness measured of itself, over all workers. */
export interface Honesty {
  readonly harness: HarnessResult;
  readonly planned: number;
  readonly late: number;
  /** Planned acts that were not reached before the time was up. */
  readonly unsent: number;
  /** Planned acts whose clients were not in their rooms: the server's doing. */
  readonly dropped: number;
  /** From an act's planned time to its send. */
  readonly sendLagMs: LatencyFigures;
  /** What of the plan was not carried out because of the server, past its bound. */
  readonly undone: readonly string[];
}

/** Sums up what the shards say of themselves and holds it against HARNESS_BOUNDS. */
export function honestyOf(shards: readonly ShardResult[], workers: number, createHistogram: () => Histogram): Honesty {
  const sum = (of: (shard: ShardResult) => number): number => shards.reduce((total, shard) => total + of(shard), 0);
  const most = (of: (shard: ShardResult) => number): number => shards.reduce((greatest, shard) => Math.max(greatest, of(shard)), 0);
  const lags = createHistogram();
  for (const { pace } of shards) if (pace !== undefined) lags.merge(pace.sendLagMs);
  const gc: GcPauses = {
    count: sum(({ pace }) => pace?.gc.count ?? 0),
    totalMs: tenths(sum(({ pace }) => pace?.gc.totalMs ?? 0)),
    maxMs: tenths(most(({ pace }) => pace?.gc.maxMs ?? 0)),
  };
  const [planned, late] = [sum((shard) => shard.planned), sum((shard) => shard.late)];
  const [unsent, dropped] = [sum(({ pace }) => pace?.unsent ?? 0), sum((shard) => shard.dropped)];
  const harness = {
    loopLagMsP99: tenths(most((shard) => shard.loopLagMsP99)),
    loopLagMsMax: tenths(most(({ pace }) => pace?.loopLagMsMax ?? 0)),
    gc,
    cpu: Math.round(most((shard) => shard.cpu) * 1000) / 1000,
    residentBytes: sum((shard) => shard.residentBytes),
    workers,
  };
  const gcShare = most(({ pace, actMs }) => (pace?.gc.totalMs ?? 0) / Math.max(1, actMs));
  return {
    harness: { ...harness, inconclusiveBecause: fellBehind({ ...harness, gcShare, planned, late, unsent }) },
    planned,
    late,
    unsent,
    dropped,
    sendLagMs: figuresOf(lags),
    undone:
      dropped <= planned * HARNESS_BOUNDS.droppedShare
        ? []
        : [`${dropped} of ${planned} planned acts were not done: their clients were not in their rooms`],
  };
}

/** Why the run's figures cannot be trusted: the harness, not the server, was the limit. */
function fellBehind(seen: {
  readonly loopLagMsP99: number;
  readonly gc: GcPauses;
  readonly gcShare: number;
  readonly cpu: number;
  readonly planned: number;
  readonly late: number;
  readonly unsent: number;
}): readonly string[] {
  const bounds = HARNESS_BOUNDS;
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const reasons: string[] = [];
  if (seen.loopLagMsP99 > bounds.loopLagMsP99)
    reasons.push(
      `event-loop lag p99 ${seen.loopLagMsP99.toFixed(0)} ms is over ${bounds.loopLagMsP99} ms: use fewer clients, more --workers or a quieter machine`,
    );
  if (seen.cpu > bounds.cpu) reasons.push(`a worker used ${percent(seen.cpu)} of its core: use fewer clients or more --workers`);
  if ((seen.late + seen.unsent) / Math.max(1, seen.planned) > bounds.lateShare)
    reasons.push(
      `${seen.late} of ${seen.planned} sends were late by over ${bounds.sendLagMs} ms` +
        (seen.unsent === 0 ? "" : `, and ${seen.unsent} were not reached in time`),
    );
  if (seen.gcShare > bounds.gcShare)
    reasons.push(`the garbage collector took ${percent(seen.gcShare)} of a worker's time: use fewer clients or more --workers`);
  if (seen.gc.maxMs > bounds.gcMsMax)
    reasons.push(`the garbage collector stopped a worker for ${seen.gc.maxMs.toFixed(0)} ms: use fewer clients or more --workers`);
  return reasons;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
