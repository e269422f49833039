import type { Scenario, Step } from "../src/core/scenario.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Half of a room's life, as the protocols advise. */
const KEEPALIVE_MS = 30_000;

/** Even rooms are kept alive by one member's keepalives; odd rooms fall silent and must end. */
export const scenario: Scenario = {
  name: "idle-rooms",
  summary: "even rooms are kept alive by keepalives alone, odd rooms fall silent and must end",
  defaults: { clients: 100, rooms: 50, ratePerSecond: 0, durationMs: 90_000, rampMs: 1000, churnPerMinute: 0 },
  objectives: { violations: 0 },
  session: { keepalive: false, reconnect: false, readOnJoin: false },
  script(client, parameters, _mix, prng) {
    const room = client % parameters.rooms;
    const steps: Step[] = [{ atMs: prng.next() * parameters.rampMs, kind: "join" }];
    const keeps = room % 2 === 0 && client < parameters.rooms;
    for (
      let atMs = KEEPALIVE_MS * (0.5 + prng.next() / 2);
      keeps && atMs < parameters.rampMs + parameters.durationMs;
      atMs += KEEPALIVE_MS
    ) {
      steps.push({ atMs, kind: "keepalive" });
    }
    return mergeSteps(room, [fixedSteps(steps)]);
  },
};
