import type { Scenario, Step } from "../src/core/scenario.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Time in the room before a user goes, and before it comes again. */
const STAY_MS = 3_000;
const AWAY_MS = 1_000;

/**
 * Users come, are vouched for anew, and go: what is measured is the way in, from the credential to the confirmed join.
 * With the recipe `pds` each way begins at the PDS.
 */
export const scenario: Scenario = {
  name: "login-journey",
  summary: "users sign in, stay for a moment, go, and sign in again with a fresh credential",
  defaults: { clients: 50, rooms: 5, ratePerSecond: 0, durationMs: 15_000, rampMs: 4_000, churnPerMinute: 0 },
  objectives: { violations: 0 },
  session: { keepalive: false, reconnect: false, readOnJoin: false },
  script(client, parameters, _mix, prng) {
    const endMs = parameters.rampMs + parameters.durationMs;
    const steps: Step[] = [];
    let atMs = prng.next() * parameters.rampMs;
    while (atMs < endMs) {
      steps.push({ atMs, kind: "join" });
      atMs += STAY_MS * (0.5 + prng.next());
      if (atMs < endMs) steps.push({ atMs, kind: "leave" });
      atMs += AWAY_MS;
    }
    return mergeSteps(client % parameters.rooms, [fixedSteps(steps)]);
  },
};
