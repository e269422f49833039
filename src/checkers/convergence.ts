import type { OrderModel } from "../core/binding.ts";
import type { Checker, WitnessStep } from "../core/checker.ts";
import type { Histogram, HistogramMaker } from "../core/histogram.ts";
import type { Observation } from "../core/observation.ts";
import { createFlights } from "./flights.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, keyOf, toClient } from "./words.ts";

/** What a member has last: a write by name, its content when it was shown. */
interface Last {
  readonly name: string | undefined;
  readonly content: string | undefined;
  readonly atMs: number;
  readonly position: number | undefined;
}

interface Member {
  readonly client: number;
  readonly joinedAt: number;
  last: Last | undefined;
  snapshot: { readonly askedMs: number; readonly atMs: number; readonly content: string; readonly name: string | undefined } | undefined;
}

interface Room {
  /** Counts the room's observations: tells what came before what, also within one millisecond. */
  clock: number;
  lastEventMs: number;
  /** When the latest write that anybody received was invoked. */
  lastWriteAt: number;
  readonly members: Map<number, Member>;
  readonly invokedAt: Map<string, number>;
}

/** Writes whose time of invocation a room remembers, and answers a client may wait for. */
const WRITES_MAX = 2048;

export interface ConvergenceChecker extends Checker {
  /** Planned edit → the last member that must have it has it. */
  readonly convergenceMs: Histogram;
}

/**
 * Once a room is quiet, all who are still in it hold the same: the same last delivery (where there is one order; it is
 * judged for members that joined before the last write) and the same state in snapshots asked since. The members that
 * agree with the most others are taken for right.
 */
export function createConvergence(options: {
  run: string;
  echo: boolean;
  orderModel: OrderModel;
  histogram: HistogramMaker;
  contents: "alike" | "apart";
}): ConvergenceChecker {
  const tally = createTally("convergence");
  const convergenceMs = options.histogram();
  const rooms = new Map<string, Room>();
  const names = new Map<string, string | undefined>();
  const flights = createFlights(options, {
    completed: (flight) => convergenceMs.record(Math.max(0, (flight.lastMs ?? flight.plannedMs) - flight.plannedMs)),
    bound: (why) => tally.bound(why),
  });

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined)
      rooms.set(name, (room = { clock: 0, lastEventMs: -Infinity, lastWriteAt: 0, members: new Map(), invokedAt: new Map() }));
    return room;
  };
  const keep = (member: Member | undefined, last: Last): void => {
    if (member === undefined) return;
    const before = member.last?.position;
    if (options.orderModel === "position" && last.position !== undefined && before !== undefined && before > last.position) return;
    member.last = last;
  };
  const take = (room: Room, observation: Observation): void => {
    const { client, atMs } = observation;
    if (observation.kind === "invoked" && observation.act === "write") {
      room.lastEventMs = atMs;
      const name = observation.marker === undefined ? undefined : keyOf(observation.marker);
      if (name === undefined) room.lastWriteAt = room.clock;
      else room.invokedAt.set(name, room.clock);
      if (!options.echo) names.set(`${client}/${observation.op}`, name);
      for (const map of [room.invokedAt, names])
        for (const oldest of map.keys())
          if (map.size > WRITES_MAX) map.delete(oldest);
          else break;
    } else if (observation.kind === "accepted" && names.has(`${client}/${observation.op}`)) {
      room.lastEventMs = atMs;
      const name = names.get(`${client}/${observation.op}`);
      names.delete(`${client}/${observation.op}`);
      if (name !== undefined) room.lastWriteAt = Math.max(room.lastWriteAt, room.invokedAt.get(name) ?? 0);
      keep(room.members.get(client), { name, content: undefined, atMs, position: observation.position });
    } else if (observation.kind === "delivered" && (observation.marker === undefined || observation.marker.run === options.run)) {
      room.lastEventMs = atMs;
      const name = observation.marker === undefined ? undefined : keyOf(observation.marker);
      if (name !== undefined) room.lastWriteAt = Math.max(room.lastWriteAt, room.invokedAt.get(name) ?? 0);
      keep(room.members.get(client), { name, content: digestOf(observation.content), atMs, position: observation.position });
    } else if (observation.kind === "snapshot") {
      const member = room.members.get(client);
      const name = observation.marker === undefined ? undefined : keyOf(observation.marker);
      if (member !== undefined) member.snapshot = { askedMs: observation.askedMs, atMs, content: digestOf(observation.content), name };
    }
  };
  const follow = (room: Room, observation: Observation): void => {
    const isIn = flights.stays.of(observation.client)?.isIn === true;
    const member = room.members.get(observation.client);
    if (isIn && member === undefined)
      room.members.set(observation.client, { client: observation.client, joinedAt: room.clock, last: undefined, snapshot: undefined });
    if (!isIn && member !== undefined) room.members.delete(observation.client);
  };

  interface Shown {
    readonly client: number;
    readonly atMs: number;
    readonly text: string;
  }
  /** Judges that all show the same; gives the text of the most. */
  const agree = (roomName: string, shown: readonly Shown[], what: string): string | undefined => {
    if (shown.length < 2) return shown[0]?.text;
    const counts = new Map<string, number>();
    for (const { text } of shown) counts.set(text, (counts.get(text) ?? 0) + 1);
    const most = [...counts].reduce((left, right) => (right[1] > left[1] ? right : left))[0];
    const model = shown.find(({ text }) => text === most);
    tally.judged(shown.length);
    for (const one of shown) if (one.text !== most && model !== undefined) diverged(roomName, model, one, what);
    return most;
  };
  const diverged = (roomName: string, model: Shown, one: Shown, what: string): void => {
    const witness: WitnessStep[] = [
      toClient(model.atMs, model.client, `${what} ${model.text}`),
      bad(toClient(one.atMs, one.client, `${what} ${one.text}`)),
    ];
    tally.broke({
      reason: "diverged",
      room: roomName,
      client: one.client,
      expected: `${what} ${model.text}, as at client ${model.client}`,
      seen: `${what} ${one.text}`,
      witness,
    });
  };
  const judgeRoom = (roomName: string, room: Room): void => {
    const members = [...room.members.values()];
    let lastName: string | undefined;
    let lastContent: string | undefined;
    if (options.orderModel !== "perAuthor") {
      const settled: (Shown & { readonly last: Last })[] = [];
      for (const { client, joinedAt, last } of members) {
        if (last === undefined || joinedAt > room.lastWriteAt || (last.name === undefined && last.content === undefined)) continue;
        settled.push({ client, atMs: last.atMs, text: last.name ?? last.content ?? "", last });
      }
      const most = agree(roomName, settled, "last");
      const shown = settled.flatMap(({ client, atMs, text, last }) =>
        text === most && last.name !== undefined && last.content !== undefined ? [{ client, atMs, text: last.content }] : [],
      );
      lastContent = agree(roomName, shown, `${most ?? ""} as`);
      if (settled.some(({ last }) => last.name === most)) lastName = most;
      lastContent ??= settled.find(({ text, last }) => text === most && last.content !== undefined)?.last.content;
    }
    const asked = members.flatMap(({ client, snapshot }) =>
      snapshot === undefined || snapshot.askedMs < room.lastEventMs ? [] : [{ client, ...snapshot }],
    );
    agree(
      roomName,
      asked.map(({ client, atMs, content }) => ({ client, atMs, text: content })),
      "state",
    );
    for (const { client, atMs, name, content } of asked) {
      const pair =
        lastName !== undefined && name !== undefined
          ? [lastName, name]
          : options.contents === "alike" && lastContent !== undefined
            ? [lastContent, content]
            : undefined;
      if (pair === undefined) continue;
      tally.judged();
      if (pair[0] !== pair[1])
        diverged(roomName, { client, atMs: room.lastEventMs, text: pair[0] ?? "" }, { client, atMs, text: pair[1] ?? "" }, "state after");
    }
  };

  return {
    property: "convergence",
    convergenceMs,
    observe: (observation) => {
      const room = roomOf(observation.room);
      room.clock += 1;
      flights.observe(observation);
      follow(room, observation);
      take(room, observation);
    },
    finish: () => {
      for (const [name, room] of rooms) judgeRoom(name, room);
      return tally.outcome();
    },
  };
}
