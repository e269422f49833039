import type { Checker } from "../core/checker.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, keyOf, toClient } from "./words.ts";

/**
 * What a client is shown was written in its own room, in this run: an intact marker of another run, or of an author
 * that never wrote in this room, is foreign. Memory: one home an author of ours.
 */
export function createIsolation(options: { run: string }): Checker {
  const tally = createTally("isolation");
  const homes = new Map<number, { room: string; atMs: number; rooms: Set<string> }>();
  return {
    property: "isolation",
    observe: (observation) => {
      if (observation.kind === "invoked" && observation.marker !== undefined && observation.marker.run === options.run) {
        const home = homes.get(observation.marker.author) ?? { room: observation.room, atMs: observation.atMs, rooms: new Set<string>() };
        home.rooms.add(observation.room);
        homes.set(observation.marker.author, home);
        return;
      }
      if (observation.kind !== "delivered" && observation.kind !== "snapshot") return;
      const { marker, room, client, atMs } = observation;
      if (marker === undefined || !marker.intact) return;
      tally.judged();
      const home = homes.get(marker.author);
      if (marker.run === options.run && home?.rooms.has(room) === true) return;
      const seen =
        marker.run !== options.run
          ? `${keyOf(marker)} of run ${marker.run}`
          : home === undefined
            ? `${keyOf(marker)}, whose author never wrote`
            : `${keyOf(marker)}, written in room ${home.room}`;
      const before =
        marker.run === options.run && home !== undefined ? [fromClient(home.atMs, marker.author, `write in room ${home.room}`)] : [];
      tally.broke({
        reason: "foreign",
        room,
        client,
        expected: `only writes of room ${room}`,
        seen,
        witness: [...before, bad(toClient(atMs, client, seen))],
      });
    },
    finish: () => tally.outcome(),
  };
}
