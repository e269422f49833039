import type { CheckerOutcome, Finding, Property } from "../../src/core/checker.ts";
import type { Breach } from "../../src/core/case.ts";
import type { RequirementId } from "../../src/core/ids.ts";
import type { Observation } from "../../src/core/observation.ts";
import type { RunnerPorts } from "./ports.ts";
import type { Recorder } from "./row.ts";

/**
 * Folds what clients observed, in the order of time, through fresh checkers of the properties named, and records what
 * they say. A property that judged nothing is inconclusive.
 */
export function judgeObserved(
  ports: Pick<RunnerPorts, "checkers">,
  recorder: Recorder,
  clients: readonly { readonly seen: readonly Observation[] }[],
  properties: { readonly [property in Property]?: RequirementId },
  nowMs: number,
): void {
  const asked = Object.keys(properties) as Property[];
  const checkers = ports.checkers(asked);
  // Sorting is stable, so that each client's own order stands among equal times.
  const history = clients.flatMap((client) => client.seen).toSorted((left, right) => left.atMs - right.atMs);
  for (const observation of history) for (const checker of checkers) checker.observe(observation);
  const outcomes = checkers.map((checker) => checker.finish(nowMs));
  for (const property of asked) {
    const id = properties[property];
    if (id === undefined) continue;
    const own = outcomes.filter((outcome) => outcome.property === property);
    if (own.length === 0) recorder.inconclusive(id, `no checker judges ${property}`);
    for (const outcome of own) record(recorder, id, outcome);
  }
}

function record(recorder: Recorder, id: RequirementId, outcome: CheckerOutcome): void {
  const isBroken = Object.keys(outcome.broken).length > 0;
  if (outcome.judged === 0 && !isBroken) {
    recorder.inconclusive(id, outcome.inconclusiveBecause ?? `nothing was observed of ${outcome.property}`);
    return;
  }
  recorder.judged(id, outcome.judged, outcome.broken, outcome.findings.map(breachOf));
  if (outcome.inconclusiveBecause !== undefined) recorder.inconclusive(id, outcome.inconclusiveBecause);
}

function breachOf(finding: Finding): Breach {
  return {
    reason: finding.reason,
    expected: finding.expected,
    seen: `${finding.seen} (client ${finding.client}, room ${finding.room.slice(0, 80)})`,
    witness: finding.witness,
  };
}
