import type { Scenario } from "../src/core/scenario.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";
import { bursts } from "./co-edit.ts";

/** Behind the change of keys everybody is cut within this share of the run, and has to sign in with the new key. */
const CUT_FROM = 0.5;
const CUT_TO = 0.8;

/** Every identity gets a key of the other curve while the server holds the old one; then all sign in again. */
export const scenario: Scenario = {
  name: "rotation-drill",
  summary: "all identities get keys of the other curve under load, lose their connections, and sign in again",
  defaults: { clients: 100, rooms: 20, ratePerSecond: 0.3, durationMs: 24_000, rampMs: 4000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: true },
  rotateAt: 0.2,
  script: (client, parameters, mix, prng) => {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const cutMs = rampMs + durationMs * (CUT_FROM + (CUT_TO - CUT_FROM) * prng.fork("cut").next());
    return mergeSteps(client % rooms, [
      fixedSteps([
        { atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" },
        { atMs: cutMs, kind: "cut" },
      ]),
      bursts(ratePerSecond, rampMs, rampMs + durationMs, mix, prng.fork("acts")),
    ]);
  },
};
