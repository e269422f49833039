import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, toClient } from "./words.ts";

/** Characters of a broken message that a witness shows. */
const LABEL_CHARACTERS_MAX = 200;

/**
 * What makes deliveries impossible: a connection lasts as long as its client stays and its room is there, and every
 * message is one of the protocol's. Found faults count as broken deliveries; nothing is counted as judged, since each
 * delivery is elsewhere.
 */
export function createConnections(): Checker {
  const tally = createTally("delivery");
  const joined = new Set<number>();
  const broke = (reason: Parameters<typeof tally.broke>[0]["reason"], at: Observation, expected: string, seen: string): void =>
    tally.broke({
      reason,
      room: at.room,
      client: at.client,
      expected,
      seen,
      // A session that finds its server silent may have been late itself to read.
      ...(reason === "silent" ? { isTimed: true as const } : {}),
      witness: [bad(toClient(at.atMs, at.client, seen.slice(0, LABEL_CHARACTERS_MAX)))],
    });
  return {
    property: "delivery",
    observe: (observation) => {
      if (observation.kind === "lifecycle") {
        if (observation.event === "joined") joined.add(observation.client);
        if (observation.event === "gone") joined.delete(observation.client);
      } else if (observation.kind === "disconnected") {
        if (!joined.delete(observation.client) || observation.wanted) return;
        const seen = `closed with ${observation.code} ${observation.reason}`.trim();
        broke("closed", observation, "a connection that lasts as long as its client stays", seen);
      } else if (observation.kind === "problem") broke(observation.reason, observation, "messages of the protocol", observation.text);
    },
    finish: () => tally.outcome(),
  };
}
