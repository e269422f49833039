import type { Scenario, Step } from "../src/core/scenario.ts";
import { poissonArrivals } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** Nobody writes; cursors move, and members come and go. For bindings whose operations make a `cursor`. */
export const scenario: Scenario = {
  name: "cursor-swarm",
  summary: "cursors move and nobody writes: presence alone",
  defaults: { clients: 100, rooms: 5, ratePerSecond: 2, durationMs: 15_000, rampMs: 3000, churnPerMinute: 0 },
  objectives: { violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: false },
  script(client, parameters, _mix, prng) {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const next = poissonArrivals(ratePerSecond, rampMs, rampMs + durationMs, prng.fork("moves"));
    const fixed: Step[] = [{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }];
    // A tenth of them crosses over: gone without a word for two seconds, then back.
    if (Math.floor(client / rooms) % 10 === 9) {
      const cutMs = rampMs + durationMs * (0.2 + 0.4 * prng.fork("cut").next());
      fixed.push({ atMs: cutMs, kind: "cut" }, { atMs: cutMs + 2000, kind: "join" });
    }
    return mergeSteps(client % rooms, [
      fixedSteps(fixed),
      () => {
        const atMs = next();
        return atMs === undefined ? undefined : { atMs, kind: "presence", name: "cursor" };
      },
    ]);
  },
};
