import type { Scenario, Step } from "../src/core/scenario.ts";
import { poissonArrivals } from "../src/load/arrivals.ts";
import { fixedSteps, mergeSteps, type StepSource } from "../src/load/script.ts";
import type { Prng } from "../src/core/prng.ts";

/** Somebody types for this long, and says so again now and then. */
const TYPING_MS = { min: 600, max: 6_000 } as const;
const RENEWAL_MS = 2_000;
/** Of what is typed so much becomes a message; the rest is given up, beside the main thread. */
const SENT_SHARE = 0.6;
/** Who falls silent in the middle of a word says nothing until that must have been told to end, 10 s and its tolerance. */
const SILENT_MS = 13_000;
/** Of so many members of a room one is away for a while, one leaves and comes again, and one falls silent at first. */
const KINDS = 5;
const AWAY_MS = 6_500; // past the 5 s in which a status must be told
const ABSENT_MS = 2_500;
/** Coming in again takes a while: nothing is planned for it. */
const RETURN_MS = 3_000;

/**
 * Members type, say so, and send: typing, status and word of each message go over the second connection while the values
 * change over the first. Some fall silent in the middle of a word, some are away for a while, some leave and come again.
 * For bindings with such a connection, whose operations make `send`, `typing` and `typing-ends`, the same with `-aside`,
 * `away` and `back`.
 */
export const scenario: Scenario = {
  name: "typing-noise",
  summary: "members type, send, go away and come back: signals over a second connection while values change over the first",
  // The rate is that of bursts of typing.
  defaults: { clients: 20, rooms: 4, ratePerSecond: 0.25, durationMs: 30_000, rampMs: 5_000, churnPerMinute: 0 },
  objectives: { reach: 1, violations: 0 },
  session: { keepalive: true, reconnect: false, readOnJoin: false, presence: true },
  needs: ["hub"],
  script(client, parameters, _mix, prng) {
    const { rampMs, durationMs, clients, rooms, ratePerSecond } = parameters;
    const endMs = rampMs + durationMs;
    const kind = Math.floor(client / rooms) % KINDS;
    const goneMs = rampMs + durationMs * (0.3 + 0.2 * prng.fork("absent").next());
    const backMs = goneMs + (kind === 1 ? AWAY_MS : ABSENT_MS);
    const fixed: Step[] = [{ atMs: (client / Math.max(1, clients)) * rampMs * 0.8, kind: "join" }];
    if (kind === 1) fixed.push({ atMs: goneMs, kind: "presence", name: "away" }, { atMs: backMs, kind: "presence", name: "back" });
    if (kind === 2) fixed.push({ atMs: goneMs, kind: "leave" }, { atMs: backMs, kind: "join" });
    const isHere = (atMs: number): boolean => (kind !== 1 && kind !== 2) || atMs < goneMs || atMs > backMs + RETURN_MS;
    const fallsSilent = kind === 3 && durationMs > SILENT_MS;
    if (fallsSilent) fixed.push({ atMs: rampMs, kind: "presence", name: "typing-aside" });
    const fromMs = rampMs + (fallsSilent ? SILENT_MS : 0);
    return mergeSteps(client % rooms, [fixedSteps(fixed), bursts(ratePerSecond, fromMs, endMs, isHere, prng.fork("bursts"))]);
  },
};

/** Bursts of typing, one after the other: said to have begun, said again, and ended one way or the other. */
function bursts(perSecond: number, fromMs: number, toMs: number, isHere: (atMs: number) => boolean, prng: Prng): StepSource {
  const next = poissonArrivals(perSecond, fromMs, toMs, prng);
  const steps: Step[] = [];
  let freeMs = fromMs;
  return () => {
    while (steps.length === 0) {
      const startMs = next();
      if (startMs === undefined) return undefined;
      const burst = burstAt(Math.max(startMs, freeMs), prng);
      freeMs = burst.at(-1)?.atMs ?? startMs;
      steps.push(...burst.filter(({ atMs }) => atMs < toMs && isHere(atMs)));
    }
    return steps.shift();
  };
}

function burstAt(atMs: number, prng: Prng): readonly Step[] {
  const endMs = atMs + TYPING_MS.min + prng.next() * (TYPING_MS.max - TYPING_MS.min);
  const isSent = prng.next() < SENT_SHARE;
  const burst: Step[] = [];
  for (let saidMs = atMs; saidMs < endMs; saidMs += RENEWAL_MS)
    burst.push({ atMs: saidMs, kind: "presence", name: isSent ? "typing" : "typing-aside" });
  burst.push(isSent ? { atMs: endMs, kind: "act", name: "send" } : { atMs: endMs, kind: "presence", name: "typing-aside-ends" });
  return burst;
}
