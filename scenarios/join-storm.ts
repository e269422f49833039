import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Everybody arrives at once and asks for the state, while those who are in already act. */
export const scenario: Scenario = {
  name: "join-storm",
  summary: "everybody arrives within a second and asks for the state while others act",
  defaults: { clients: 200, rooms: 20, ratePerSecond: 0.5, durationMs: 10_000, rampMs: 1000, churnPerMinute: 0 },
  objectives: { convergenceMsP99: 2000, reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  script(client, parameters, mix, prng) {
    const joinMs = prng.fork("join").next() * parameters.rampMs;
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, joinMs, parameters.rampMs + parameters.durationMs, acts);
    return mergeSteps(client % parameters.rooms, [
      fixedSteps([{ atMs: joinMs, kind: "join" }]),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
