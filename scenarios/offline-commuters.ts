import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** Nobody goes any more this long before the end: a spell lasts up to 9 s, and all must be back to be judged. */
const LAST_SPELL_MS = 12_000;
/** Spells a minute and client: with about 5 s each, three in ten of the time are offline. */
const SPELLS_PER_MINUTE = 3.6;

/**
 * Devices lose their network for seconds and come back by themselves with what was written meanwhile. What counts is that
 * all arrives: latencies hold the time away.
 */
export const scenario: Scenario = {
  name: "offline-commuters",
  summary: "clients lose their network for seconds, go on writing, and come back with their queues",
  defaults: { clients: 20, rooms: 2, ratePerSecond: 0.5, durationMs: 40_000, rampMs: 5_000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: false },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients } = parameters;
    const endMs = rampMs + durationMs;
    const joins = fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.8, kind: "join" }]);
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, rampMs, endMs, acts);
    const act: StepSource = () => {
      const atMs = next();
      return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
    };
    const losses = poissonArrivals(SPELLS_PER_MINUTE / 60, rampMs, Math.max(rampMs, endMs - LAST_SPELL_MS), prng.fork("losses"));
    const cut: StepSource = () => {
      const atMs = losses();
      return atMs === undefined ? undefined : { atMs, kind: "cut" };
    };
    return mergeSteps(client % parameters.rooms, [joins, act, cut]);
  },
};
