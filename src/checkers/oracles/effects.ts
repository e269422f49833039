import type { Observation } from "../../core/observation.ts";
import type { Reason } from "../../core/reason.ts";
import { writesOf } from "./facts.ts";

/** Whether anything shown was written in another room or run. */
export function isolationReasons(history: readonly Observation[], options: { run: string }): Set<Reason> {
  const isForeign = history.some((one, at) => {
    if ((one.kind !== "delivered" && one.kind !== "snapshot") || one.marker?.intact !== true) return false;
    const { author, run } = one.marker;
    return run !== options.run || !writesOf(history.slice(0, at)).some((write) => write.author === author && write.room === one.room);
  });
  return new Set(isForeign ? ["foreign"] : []);
}

/** Whether a refused write had an effect, before or after its refusal. */
export function refusalsReasons(history: readonly Observation[], options: { run: string }): Set<Reason> {
  const isBroken = writesOf(history).some((write) => {
    const isRefused = history.some((one) => one.kind === "rejected" && one.client === write.author && one.op === write.op);
    const hasEffect = history.some((one, at) => {
      if (at < write.at || one.room !== write.room) return false;
      if (one.kind === "accepted") return one.client === write.author && one.op === write.op;
      return (
        (one.kind === "delivered" || one.kind === "snapshot") &&
        one.marker?.run === options.run &&
        one.marker.author === write.author &&
        one.marker.n === write.n
      );
    });
    return isRefused && hasEffect;
  });
  return new Set(isBroken ? ["not-refused"] : []);
}

/** Late by sorting: the 95th percentile over all first receipts of a connection. */
export function isDeliveryLate(delaysMs: readonly number[], budgetMs: number): boolean {
  const sorted = [...delaysMs].sort((left, right) => left - right);
  const rank = Math.ceil(0.95 * sorted.length - 1e-9);
  return sorted.length > 0 && (sorted[rank - 1] ?? 0) > budgetMs;
}
