import { check } from "k6";
import { Counter, Trend } from "k6/metrics";
import { decodeBuckets } from "../../core/bucket-histogram.ts";
import type { CheckerOutcome } from "../../core/checker.ts";
import type { VuReport } from "./report.ts";
import { COUNTS, TIMES, type CountName, type TimeName } from "./metric-names.ts";

/** Our metrics. Made where a script is loaded, as k6 demands. */
export interface VuMetrics {
  /** So much later than planned a delivery has come. */
  delivered(latencyMs: number): void;
  /** What a VU has found: metrics add up over all VUs, in whatever process, and `handleSummary` reads them. */
  handOver(report: VuReport, requirementOf: (outcome: CheckerOutcome, reason: string) => string): void;
}

/** @throws what k6 throws when called outside of the init context. */
export function createMetrics(): VuMetrics {
  const times = Object.fromEntries(TIMES.map((name) => [name, new Trend(name, true)])) as Readonly<Record<TimeName, Trend>>;
  const counts = Object.fromEntries(COUNTS.map((name) => [name, new Counter(name)])) as Readonly<Record<CountName, Counter>>;
  const pour = (name: TimeName, encoded: string | undefined): void => {
    if (encoded === undefined || encoded === "") return;
    decodeBuckets(encoded, (us, often) => {
      for (let each = 0; each < often; each += 1) times[name].add(us / 1000);
    });
  };
  return {
    delivered: (latencyMs) => times.rollcall_delivery_ms.add(latencyMs),
    handOver: (report, requirementOf) => {
      const { result } = report;
      pour("rollcall_convergence_ms", report.convergenceMs);
      pour("rollcall_spread_ms", report.spreadMs);
      pour("rollcall_join_ms", result.joinMs);
      pour("rollcall_confirm_ms", result.confirmMs);
      pour("rollcall_read_ms", result.readMs);
      pour("rollcall_send_lag_ms", result.pace?.sendLagMs);
      times.rollcall_loop_lag_ms.add(result.loopLagMsP99);
      times.rollcall_act_ms.add(result.actMs);
      counts.rollcall_vus.add(1);
      counts.rollcall_rooms.add(result.rooms);
      counts.rollcall_sent.add(result.sent);
      counts.rollcall_planned.add(result.planned);
      counts.rollcall_late.add(result.late);
      counts.rollcall_unsent.add(result.pace?.unsent ?? 0);
      counts.rollcall_dropped.add(result.dropped);
      counts.rollcall_refused_joins.add(result.refusedJoins);
      counts.rollcall_delivered.add(report.delivered);
      counts.rollcall_expected.add(report.expected);
      counts.rollcall_lost.add(report.expected - report.delivered);
      for (const outcome of result.outcomes) {
        const { property } = outcome;
        counts.rollcall_judged.add(outcome.judged, { property });
        if (outcome.inconclusiveBecause !== undefined) counts.rollcall_inconclusive.add(1, { property });
        const reasons = Object.entries(outcome.broken);
        for (const [reason, times] of reasons) {
          const requirement = requirementOf(outcome, reason);
          counts.rollcall_broken.add(times, { property, reason, requirement });
          check(null, { [`${requirement} ${reason}`]: () => false });
        }
        const requirement = requirementOf(outcome, "");
        if (reasons.length === 0 && outcome.judged > 0 && requirement !== "") check(null, { [requirement]: () => true });
      }
    },
  };
}
