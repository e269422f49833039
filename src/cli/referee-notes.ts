import type { RunPlan } from "../core/referee.ts";
import type { RefereeOutcome } from "../referee/index.ts";

/** Why a run over several shards can not be trusted as a whole. */
export function shardDoubts({ shards, accord, done }: RefereeOutcome, { by }: RunPlan): readonly string[] {
  const lost = shards.flatMap(({ shard, lostBecause }) =>
    lostBecause === undefined ? [] : [`shard ${shard + 1} of ${shards.length} ${lostBecause}`],
  );
  const isBlind =
    by === "members" && shards.length > 1 && lost.length === 0 && accord.compared === 0 && done.some(({ delivered }) => delivered > 0);
  return [...lost, ...(isBlind ? ["no write was seen by more than one shard: nothing could be held against each other"] : [])];
}

/** What the referee did, in words. */
export function refereeNotes({ shards, accord, acrossMs, clockBoundMs }: RefereeOutcome): readonly string[] {
  const engines = [...new Set(shards.flatMap(({ engine }) => engine ?? []))].join(" and ");
  const looks = accord.looks === 0 ? "" : `, ${accord.looks} looks at where they differed or came late`;
  const clocks =
    clockBoundMs === undefined
      ? "the clocks of the shards were not measured: no latency between shards"
      : acrossMs === undefined
        ? `clocks within ±${clockBoundMs.toFixed(2)} ms`
        : `from a write on one shard to its first arrival at another p50 ${acrossMs.p50} ms, p99 ${acrossMs.p99} ms (${acrossMs.count} writes), clocks within ±${clockBoundMs.toFixed(2)} ms`;
  return [`${shards.length} shards (${engines}); ${accord.compared} writes held against each other${looks}; ${clocks}`];
}
