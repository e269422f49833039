import type { Checker } from "../core/checker.ts";
import type { Marker } from "../core/marker.ts";
import type { Observation } from "../core/observation.ts";
import { writeKey } from "./room-log.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, fromClient, keyOf, toClient } from "./words.ts";

/** Confirmed writes that are remembered in one process: at 100 a second that is over half an hour. */
const CONFIRMED_MAX = 200_000;

/** Of what a server says in its refusal. */
const TEXT_CHARACTERS_MAX = 200;

/** Writes without an answer that a client may have. */
const UNANSWERED_MAX = 10_000;

interface Shown {
  readonly client: number;
  readonly atMs: number;
  readonly askedMs: number;
  /** The last marked write that it contains, where it says so. */
  readonly last: string | undefined;
  readonly content: string;
}

const nameOf = ({ last, content }: Shown): string => last ?? content;

/** Whether two states are one: by their last write where both name it. */
function isSame(left: Shown, right: Shown): boolean {
  return left.last !== undefined && right.last !== undefined ? left.last === right.last : left.content === right.content;
}

interface Room {
  lastWriteMs: number;
  /** The latest state that each member has shown. */
  readonly members: Map<number, Shown>;
  /** Somebody new has come into the room when all was over. */
  latecomer: number | undefined;
  /** Somebody new was told that there is no such room. */
  refused: { readonly client: number; readonly atMs: number; readonly text: string } | undefined;
  shown: Shown | undefined;
  /** Some write was confirmed. */
  isConfirmed: boolean;
  readonly confirmed: Map<number, { readonly marker: Marker; readonly client: number; readonly atMs: number }>;
  readonly recalled: Set<number>;
}

export interface KeptOptions {
  readonly run: string;
  /** Clients with this number or a greater one are latecomers: they come once all is quiet, and look. */
  readonly latecomersFrom: number;
  /** Whether latecomers are shown every write of the past. */
  readonly recalls: boolean;
}

/**
 * What was confirmed before a fault is there after it, once: somebody new who comes into a room when all is over is
 * shown what its members are shown (by the last marked write where states name one, otherwise whole) and, where the
 * protocol shows the past, every write that was confirmed to its author. What was never confirmed may be there or not.
 * A room in which something was confirmed, and of which somebody new is told that there is none, is lost as a whole; any
 * other refusal says nothing of what is kept.
 */
export function createKept({ run, latecomersFrom, recalls }: KeptOptions): Checker {
  const tally = createTally("kept");
  const rooms = new Map<string, Room>();
  const unanswered = new Map<number, Map<number, Marker>>();
  let confirmed = 0;

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined) {
      room = {
        lastWriteMs: -Infinity,
        members: new Map(),
        latecomer: undefined,
        refused: undefined,
        isConfirmed: false,
        shown: undefined,
        confirmed: new Map(),
        recalled: new Set(),
      };
      rooms.set(name, room);
    }
    return room;
  };
  const invoked = (client: number, op: number, marker: Marker): void => {
    const open = unanswered.get(client) ?? new Map<number, Marker>();
    unanswered.set(client, open);
    open.set(op, marker);
    if (open.size > UNANSWERED_MAX) for (const oldest of open.keys()) if (open.size > UNANSWERED_MAX) open.delete(oldest);
  };
  const accepted = ({ client, room, atMs }: Observation, op: number): void => {
    const marker = unanswered.get(client)?.get(op);
    if (marker === undefined) return;
    unanswered.get(client)?.delete(op);
    roomOf(room).isConfirmed = true;
    if (!recalls) return;
    if (confirmed >= CONFIRMED_MAX) {
      tally.bound(`more than ${CONFIRMED_MAX} confirmed writes`);
      return;
    }
    confirmed += 1;
    roomOf(room).confirmed.set(writeKey(marker.author, marker.n), { marker, client, atMs });
  };
  const recalled = (observation: Observation, marker: Marker): void => {
    if (marker.run !== run) return;
    const room = roomOf(observation.room);
    const key = writeKey(marker.author, marker.n);
    if (!room.recalled.has(key)) {
      room.recalled.add(key);
      return;
    }
    tally.broke({
      reason: "doubled",
      room: observation.room,
      client: observation.client,
      expected: `${keyOf(marker)} once`,
      seen: `${keyOf(marker)} twice in what is kept`,
      witness: [bad(toClient(observation.atMs, observation.client, `${keyOf(marker)} again`))],
    });
  };
  const judgeState = (name: string, { members, shown, lastWriteMs }: Room): void => {
    const current = [...members.values()].filter(({ askedMs }) => askedMs >= lastWriteMs);
    if (shown === undefined || current.length === 0) return;
    const counts = new Map<string, number>();
    for (const each of current) counts.set(nameOf(each), (counts.get(nameOf(each)) ?? 0) + 1);
    const most = [...counts].reduce((left, right) => (right[1] > left[1] ? right : left))[0];
    tally.judged();
    const model = current.find((each) => nameOf(each) === most);
    if (model === undefined || isSame(model, shown)) return;
    tally.broke({
      reason: "lost",
      room: name,
      client: shown.client,
      expected: `the state of the members: ${most}`,
      seen: `somebody new is shown ${nameOf(shown)}`,
      witness: [
        toClient(model.atMs, model.client, `state ${most}`),
        fromClient(shown.askedMs, shown.client, "comes into the room when all is over"),
        bad(toClient(shown.atMs, shown.client, `state ${nameOf(shown)}`)),
      ],
    });
  };
  const judgeWrites = (name: string, room: Room, nowMs: number): void => {
    const { latecomer } = room;
    if (latecomer === undefined) return;
    for (const [key, { marker, client, atMs }] of room.confirmed) {
      tally.judged();
      if (room.recalled.has(key)) continue;
      tally.broke({
        reason: "lost",
        room: name,
        client: latecomer,
        expected: `${keyOf(marker)}, which was confirmed to client ${client}`,
        seen: "not in what is kept",
        witness: [
          toClient(atMs, client, `${keyOf(marker)} confirmed`),
          bad(toClient(nowMs, latecomer, `the past, without ${keyOf(marker)}`)),
        ],
      });
    }
  };

  const judgeRefusal = (name: string, { latecomer, refused, isConfirmed }: Room): void => {
    if (latecomer !== undefined || refused === undefined || !isConfirmed) return;
    const { client, atMs, text } = refused;
    tally.judged();
    tally.broke({
      reason: "lost",
      room: name,
      client,
      expected: "the room with what was confirmed in it, for somebody new",
      seen: `there is none: ${text}`,
      witness: [fromClient(atMs, client, "comes into the room when all is over"), bad(toClient(atMs, client, `refused: ${text}`))],
    });
  };

  return {
    property: "kept",
    observe: (observation) => {
      const { client, atMs, room } = observation;
      const isLate = client >= latecomersFrom;
      switch (observation.kind) {
        case "invoked":
          if (observation.act !== "write" || isLate) return;
          roomOf(room).lastWriteMs = atMs;
          if (observation.marker !== undefined) invoked(client, observation.op, observation.marker);
          return;
        case "accepted":
          if (!isLate) accepted(observation, observation.op);
          return;
        case "recalled":
          if (isLate) recalled(observation, observation.marker);
          return;
        case "rejected":
          if (isLate && observation.gone === true)
            roomOf(room).refused = { client, atMs, text: `${observation.code} ${observation.text}`.slice(0, TEXT_CHARACTERS_MAX) };
          return;
        case "lifecycle":
          if (isLate && observation.event === "joined") roomOf(room).latecomer = client;
          return;
        case "snapshot": {
          const { marker, content, askedMs } = observation;
          const shown = { client, atMs, askedMs, last: marker?.run === run ? keyOf(marker) : undefined, content: digestOf(content) };
          if (isLate) roomOf(room).shown = shown;
          else roomOf(room).members.set(client, shown);
          return;
        }
        case "disconnected":
          if (!isLate) roomOf(room).members.delete(client);
          return;
        default:
      }
    },
    finish: (nowMs) => {
      for (const [name, room] of rooms) {
        judgeState(name, room);
        judgeRefusal(name, room);
        judgeWrites(name, room, nowMs);
      }
      return tally.outcome();
    },
  };
}
