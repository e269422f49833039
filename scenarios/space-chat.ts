import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** Rooms where people write, and now and then change, react to and take back what is there. */
export const scenario: Scenario = {
  name: "space-chat",
  summary: "chat in small spaces: messages with some edits, reactions and deletions, every one accounted for",
  defaults: { clients: 20, rooms: 4, ratePerSecond: 0.5, durationMs: 20_000, rampMs: 5_000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 1_000, reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: false },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients } = parameters;
    const joins = fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.8, kind: "join" }]);
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, rampMs, rampMs + durationMs, acts);
    const act: StepSource = () => {
      const atMs = next();
      return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
    };
    return mergeSteps(client % parameters.rooms, [joins, act]);
  },
};
