import type { Scenario, Step } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Time between two rounds of cuts. */
const ROUND_MS = 2000;
/** Share of the connections that each round cuts. */
const CUT_SHARE = 0.1;
/** Nobody is cut in the last part: what was written away comes in, and all agree. */
const HEALED_MS = 4000;

/** Each two seconds a tenth of all connections is cut; their editors write on, come back by themselves and bring it in. */
export const scenario: Scenario = {
  name: "offline-editors",
  summary: "a tenth of the connections is cut each 2 s; editors write on while away and bring it in",
  defaults: { clients: 40, rooms: 8, ratePerSecond: 1, durationMs: 20_000, rampMs: 2000, churnPerMinute: 0 },
  objectives: { violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const endMs = rampMs + durationMs;
    const acts = prng.fork("acts");
    const cuts = prng.fork("cuts");
    const next = poissonArrivals(ratePerSecond, rampMs, endMs, acts);
    const fixed: Step[] = [{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }];
    for (let atMs = rampMs + ROUND_MS; atMs < endMs - HEALED_MS; atMs += ROUND_MS) {
      if (cuts.next() < CUT_SHARE) fixed.push({ atMs, kind: "cut" });
    }
    return mergeSteps(client % rooms, [
      fixedSteps(fixed),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
