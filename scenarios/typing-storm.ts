import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Everybody writes in one document at once, faster than people type; with `--rooms`, in many documents. */
export const scenario: Scenario = {
  name: "typing-storm",
  summary: "one hot document that all write in at once; with --rooms many documents",
  defaults: { clients: 20, rooms: 1, ratePerSecond: 50, durationMs: 20_000, rampMs: 2000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 1000, convergenceMsP99: 1500, reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const acts = prng.fork("acts");
    const next = poissonArrivals(ratePerSecond, rampMs, rampMs + durationMs, acts);
    return mergeSteps(client % rooms, [
      fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }]),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
