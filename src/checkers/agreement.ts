import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, toClient } from "./words.ts";

interface Room {
  lastWriteMs: number;
  /** The latest state that each member has shown. */
  readonly shown: Map<number, { readonly askedMs: number; readonly atMs: number; readonly text: string }>;
}

/**
 * Once a run is quiet all members of a room show the same state, where authors need not agree on one order of writes:
 * the states that were asked for since the room's last write are compared whole. What most members show is taken for
 * right. For load runs, whose deliveries the ledger accounts for; `createConvergence` judges deliveries too.
 */
export function createAgreement(): Checker {
  const tally = createTally("convergence");
  const rooms = new Map<string, Room>();
  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined) rooms.set(name, (room = { lastWriteMs: -Infinity, shown: new Map() }));
    return room;
  };
  const judge = (name: string, room: Room): void => {
    const shown = [...room.shown].filter(([, each]) => each.askedMs >= room.lastWriteMs);
    if (shown.length < 2) return;
    const counts = new Map<string, number>();
    for (const [, { text }] of shown) counts.set(text, (counts.get(text) ?? 0) + 1);
    const most = [...counts].reduce((left, right) => (right[1] > left[1] ? right : left))[0];
    const model = shown.find(([, { text }]) => text === most);
    tally.judged(shown.length);
    for (const [client, { atMs, text }] of shown) {
      if (text === most || model === undefined) continue;
      tally.broke({
        reason: "diverged",
        room: name,
        client,
        expected: `state ${most}, as at client ${model[0]}`,
        seen: `state ${text}`,
        witness: [toClient(model[1].atMs, model[0], `state ${most}`), bad(toClient(atMs, client, `state ${text}`))],
      });
    }
  };
  return {
    property: "convergence",
    observe: (observation: Observation) => {
      const { client, atMs } = observation;
      if (observation.kind === "invoked" && observation.act === "write") roomOf(observation.room).lastWriteMs = atMs;
      else if (observation.kind === "snapshot")
        roomOf(observation.room).shown.set(client, { askedMs: observation.askedMs, atMs, text: digestOf(observation.content) });
      else if (observation.kind === "disconnected") roomOf(observation.room).shown.delete(client);
    },
    finish: () => {
      for (const [name, room] of rooms) judge(name, room);
      return tally.outcome();
    },
  };
}
