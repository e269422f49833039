import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** Questions for each thing written: people read more than they write, but what they read comes by itself. */
const READS_PER_WRITE = 0.5;

/**
 * Spaces of a chat: every member is told everything, writes now and then, and asks for a view. A client is a user: the
 * tabs of one user share one connection. Who comes gets the whole history, and what it asks is held against it.
 */
export const scenario: Scenario = {
  name: "chat-space",
  summary: "spaces of a chat: members write and ask for views, and hold the views against the events",
  defaults: { clients: 200, rooms: 20, ratePerSecond: 0.2, durationMs: 20_000, rampMs: 5_000, churnPerMinute: 0 },
  objectives: { deliveryMsP99: 1_000, reach: 1, violations: 0 },
  session: { keepalive: false, reconnect: true, readOnJoin: false, history: true },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients, ratePerSecond } = parameters;
    const endMs = rampMs + durationMs;
    const acts = prng.fork("acts");
    const writes = poissonArrivals(ratePerSecond, rampMs, endMs, acts);
    const reads = poissonArrivals(ratePerSecond * READS_PER_WRITE, rampMs, endMs, prng.fork("reads"));
    const write: StepSource = () => {
      const atMs = writes();
      return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(mix, acts) };
    };
    const read: StepSource = () => {
      const atMs = reads();
      return atMs === undefined ? undefined : { atMs, kind: "read" };
    };
    const joins = fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.9, kind: "join" }]);
    return mergeSteps(client % parameters.rooms, [joins, write, read]);
  },
};
