import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps } from "../src/load/script.ts";

/** One of so many clients writes; the others come late. */
const CLIENTS_PER_WRITER = 51;
/** Share of the run in which the history is made; the rest is for those who come late. */
const HISTORY_SHARE = 1 / 3;
/** Writes go on while the late ones catch up, slower by this. */
const AFTERWARDS = 1 / 50;

/**
 * A few members write a long history; then all others come within the ramp's time and ask for all of it, while a little
 * is still written. A join is confirmed once the past is there without gap.
 */
export const scenario: Scenario = {
  name: "backlog-storm",
  summary: "a long history is written, then hundreds of late subscribers ask for all of it at once",
  defaults: { clients: 510, rooms: 1, ratePerSecond: 50, durationMs: 60_000, rampMs: 2_000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: false, reconnect: true, readOnJoin: false, history: true },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, rooms, ratePerSecond } = parameters;
    const endMs = rampMs + durationMs;
    const lateMs = rampMs + durationMs * HISTORY_SHARE;
    const isWriter = Math.floor(client / rooms) % CLIENTS_PER_WRITER === 0;
    const joinMs = prng.fork("join").next() * rampMs * 0.9 + (isWriter ? 0 : lateMs);
    const acts = prng.fork("acts");
    const history = poissonArrivals(ratePerSecond, rampMs, lateMs, acts);
    const afterwards = poissonArrivals(ratePerSecond * AFTERWARDS, lateMs, endMs, prng.fork("afterwards"));
    const write = (next: () => number | undefined) => () => {
      const atMs = next();
      return atMs === undefined ? undefined : ({ atMs, kind: "act", name: weightedPick(mix, acts) } as const);
    };
    return mergeSteps(client % rooms, [
      fixedSteps([{ atMs: joinMs, kind: "join" }]),
      ...(isWriter ? [write(history), write(afterwards)] : []),
    ]);
  },
};
