import type { Scenario } from "../src/core/scenario.ts";
import { mergeSteps, fixedSteps } from "../src/load/script.ts";
import { rollingRestart } from "../src/faults/named.ts";
import { bursts } from "./co-edit.ts";

/** In the middle the server is stopped in order and started again, while editors go on; nothing is lost. */
export const scenario: Scenario = {
  name: "rolling-restart",
  summary: "the server is restarted in the middle while everybody writes on; all come back and agree",
  defaults: { clients: 100, rooms: 20, ratePerSecond: 0.5, durationMs: 24_000, rampMs: 4000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  faults: rollingRestart,
  script: (client, parameters, mix, prng) => {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const joinMs = (client / Math.max(1, clients)) * rampMs * 0.9;
    return mergeSteps(client % rooms, [
      fixedSteps([{ atMs: joinMs, kind: "join" }]),
      bursts(ratePerSecond, rampMs, rampMs + durationMs * 0.9, mix, prng.fork("acts")),
    ]);
  },
};
