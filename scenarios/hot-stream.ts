import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** One of so many members writes. */
const MEMBERS_PER_WRITER = 40;

/** One room that everybody looks at: a few write much, everybody is told all of it. */
export const scenario: Scenario = {
  name: "hot-stream",
  summary: "one busy room: a few members write much, everybody is told",
  defaults: { clients: 200, rooms: 1, ratePerSecond: 4, durationMs: 15_000, rampMs: 3_000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 1_000, reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: false },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients, rooms } = parameters;
    const isWriter = Math.floor(client / rooms) % MEMBERS_PER_WRITER === 0;
    const acts = prng.fork("acts");
    const next = poissonArrivals(isWriter ? parameters.ratePerSecond : 0, rampMs, rampMs + durationMs, acts);
    return mergeSteps(client % rooms, [
      fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }]),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
