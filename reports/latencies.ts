import type { LatencyFigures } from "../src/core/histogram.ts";
import type { LoadResult } from "../src/core/result.ts";
import { formatNumber, formatRate } from "./text.ts";

/** One line of a load run's table of latencies; `note` says from when to when. */
export interface Latency {
  readonly name: string;
  readonly note: string;
  readonly figures: LatencyFigures;
}

/** What was timed, in the order of every report; what never happened is left out. */
export function latenciesOf(load: LoadResult): readonly Latency[] {
  const all: readonly (readonly [name: string, note: string, figures: LatencyFigures | undefined])[] = [
    ["delivery", "planned write to each receiver", load.deliveryMs],
    ["convergence", "planned write to all members equal", load.convergenceMs],
    ["spread", "first to last receiver", load.spreadMs],
    ["join", "connect to join confirmed", load.joinMs],
    ["confirm", "planned write to its confirmation", load.confirmMs],
    ["read", "planned question to its answer", load.readMs],
    ["signals", "planned signal to each other member", load.signals?.deliveryMs],
  ];
  return all.flatMap(([name, note, figures]) => (figures === undefined || figures.count === 0 ? [] : [{ name, note, figures }]));
}

/** What went on beside the writes, in a few words each. */
export function besidesOf(load: LoadResult): readonly string[] {
  return [
    ...(load.readsPerSecond === undefined ? [] : [`${formatRate(load.readsPerSecond)} reads/s answered`]),
    ...(load.signals === undefined ? [] : [`${formatRate(load.signals.perSecond)} signals/s delivered`]),
    ...(load.past === undefined ? [] : [`${formatNumber(load.past)} writes of the past shown to those who came`]),
  ];
}
