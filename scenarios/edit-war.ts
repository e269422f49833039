import type { Scenario } from "../src/core/scenario.ts";
import { poissonArrivals, weightedPick } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";

/** How much more often a change is than by the binding's own mix, by name; other acts stay rare. */
const WEIGHTS: Readonly<Record<string, number>> = { edit: 60, update: 60, delete: 15, remove: 15, react: 5 };
const OTHER = 10;

/** Everybody changes the same few things at once. */
export const scenario: Scenario = {
  name: "edit-war",
  summary: "concurrent changes and deletions of the same things by everybody",
  defaults: { clients: 10, rooms: 2, ratePerSecond: 1, durationMs: 20_000, rampMs: 3_000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: true, readOnJoin: false },
  script(client, parameters, mix, prng) {
    const { rampMs, durationMs, clients } = parameters;
    const endMs = rampMs + durationMs;
    const weighed = Object.fromEntries(Object.keys(mix).map((name) => [name, WEIGHTS[name] ?? OTHER]));
    const joins = fixedSteps([{ atMs: (client / Math.max(1, clients)) * rampMs * 0.5, kind: "join" }]);
    // Something to fight over: the first of a room writes before the others begin.
    const [first = ""] = Object.keys(mix);
    const seeds = fixedSteps(
      client < parameters.rooms ? [0.8, 0.85, 0.9].map((share) => ({ atMs: rampMs * share, kind: "act", name: first })) : [],
    );
    const acts = prng.fork("acts");
    const next = poissonArrivals(parameters.ratePerSecond, rampMs + 1_000, endMs, acts);
    const act: StepSource = () => {
      const atMs = next();
      return atMs === undefined ? undefined : { atMs, kind: "act", name: weightedPick(weighed, acts) };
    };
    return mergeSteps(client % parameters.rooms, [joins, seeds, act]);
  },
};
