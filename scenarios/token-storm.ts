import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Those who were cut come back over this share of the ramp: they crowd more than when they came. */
const RETURN_SHARE = 0.5;

/** Everybody signs in within the ramp, and once more in the middle: look-ups, tokens and handshakes all at once. */
export const scenario: Scenario = {
  name: "token-storm",
  summary: "thousands of identities sign in at once, are all cut in the middle, and sign in again",
  defaults: { clients: 500, rooms: 100, ratePerSecond: 0.02, durationMs: 16_000, rampMs: 4000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: false, readOnJoin: true },
  script: (client, parameters, mix, prng) => {
    const { rampMs, durationMs, rooms, ratePerSecond } = parameters;
    const cutMs = rampMs + durationMs / 2;
    const acts = prng.fork("acts");
    const next = poissonArrivals(ratePerSecond, rampMs, rampMs + durationMs, acts);
    return mergeSteps(client % rooms, [
      fixedSteps([
        { atMs: prng.fork("join").next() * rampMs, kind: "join" },
        { atMs: cutMs, kind: "cut" },
        { atMs: cutMs + 250 + prng.fork("back").next() * rampMs * RETURN_SHARE, kind: "join" },
      ]),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
