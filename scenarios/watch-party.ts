import type { Scenario, Step } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** Time that a churning client stays away. */
const AWAY_MS = 2000;

/** Steady rooms: everybody is there, and everybody acts now and then. */
export const scenario: Scenario = {
  name: "watch-party",
  summary: "steady rooms: members act at random times, every delivery is accounted for",
  defaults: { clients: 100, rooms: 10, ratePerSecond: 1, durationMs: 20_000, rampMs: 3000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 500, convergenceMsP99: 750, reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients } = parameters;
    const endMs = rampMs + durationMs;
    const joins = fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }]);
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, rampMs, endMs, acts);
    const act: StepSource = () => {
      const atMs = next();
      return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
    };
    return mergeSteps(client % parameters.rooms, [joins, act, churn(parameters.churnPerMinute, rampMs, endMs, prng.fork("churn"))]);
  },
};

/** Leaves at random times and comes back a little later; half of the times without a word. */
function churn(perMinute: number, fromMs: number, toMs: number, prng: import("../src/core/prng.ts").Prng): StepSource {
  const next = poissonArrivals(perMinute / 60, fromMs, toMs - AWAY_MS, prng);
  let back: Step | undefined;
  return () => {
    if (back !== undefined) {
      const step = back;
      back = undefined;
      return step;
    }
    const atMs = next();
    if (atMs === undefined) return undefined;
    back = { atMs: atMs + AWAY_MS, kind: "join" };
    return { atMs, kind: prng.next() < 0.5 ? "leave" : "cut" };
  };
}
