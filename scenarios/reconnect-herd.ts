import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Time over which the herd comes back. */
const RETURN_MS = 1000;

/** In the middle of the run nine of ten connections are cut at once and come back within a second. */
export const scenario: Scenario = {
  name: "reconnect-herd",
  summary: "nine of ten connections are cut at one moment and come back within a second",
  defaults: { clients: 200, rooms: 20, ratePerSecond: 0.5, durationMs: 12_000, rampMs: 2000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: false, readOnJoin: true },
  script(client, parameters, mix, prng) {
    const endMs = parameters.rampMs + parameters.durationMs;
    const cutMs = parameters.rampMs + parameters.durationMs / 2;
    const backMs = cutMs + 250 + prng.fork("back").next() * RETURN_MS;
    // One member of ten stays, so that no room loses its last one.
    const stays = Math.floor(client / parameters.rooms) % 10 === 0;
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, parameters.rampMs, endMs, acts);
    return mergeSteps(client % parameters.rooms, [
      fixedSteps([
        { atMs: (client / Math.max(1, parameters.clients)) * parameters.rampMs * 0.9, kind: "join" },
        ...(stays ? [] : [{ atMs: cutMs, kind: "cut" } as const, { atMs: backMs, kind: "join" } as const]),
      ]),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
      },
    ]);
  },
};
