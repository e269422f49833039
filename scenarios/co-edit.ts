import type { Scenario, Step } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** Strokes of one burst: a word or two. */
const BURST_STROKES_MAX = 12;
/** Time between the strokes of a burst: a quick typist. */
const STROKE_MS = 120;
/** Of the editors so many lose their connection once, edit on, and come back by themselves. */
const CUT_EACH = 10;

/** Editors type in bursts; some are cut off meanwhile and come back, and at the end every replica is the same. */
export const scenario: Scenario = {
  name: "co-edit",
  summary: "documents with several editors who type in bursts; a tenth is cut off once and edits on",
  defaults: { clients: 100, rooms: 20, ratePerSecond: 0.5, durationMs: 20_000, rampMs: 4000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 1000, reach: 1, violations: 0 },
  session: { keepalive: false, reconnect: true, readOnJoin: true },
  script: (client, parameters, mix, prng) => {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const endMs = rampMs + durationMs;
    const joins: Step[] = [{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }];
    if (Math.floor(client / rooms) % CUT_EACH === 1)
      joins.push({ atMs: rampMs + durationMs * (0.3 + 0.3 * prng.fork("cut").next()), kind: "cut" });
    return mergeSteps(client % rooms, [fixedSteps(joins), bursts(ratePerSecond, rampMs, endMs, mix, prng.fork("acts"))]);
  },
};

/** `perSecond` strokes on the long average, a burst at a time. */
export function bursts(
  perSecond: number,
  fromMs: number,
  toMs: number,
  mix: Readonly<Record<string, number>>,
  prng: import("../src/core/prng.ts").Prng,
): StepSource {
  const mean = (1 + BURST_STROKES_MAX) / 2;
  const next = poissonArrivals(perSecond / mean, fromMs, toMs, prng);
  let left = 0;
  let atMs = 0;
  let waiting: number | undefined;
  return () => {
    if (left === 0) {
      waiting ??= next();
      if (waiting === undefined) return undefined;
      // A burst that is still typed when the next is due goes before it.
      atMs = Math.max(atMs, waiting);
      waiting = undefined;
      left = 1 + prng.below(BURST_STROKES_MAX);
    } else atMs += STROKE_MS;
    left -= 1;
    return atMs > toMs ? undefined : { atMs, kind: "act", name: weightedPick(mix, prng) };
  };
}
