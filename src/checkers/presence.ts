import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createStays, type Stay } from "./stays.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, toClient } from "./words.ts";

/** One user of one room, by the connections of our own clients. */
interface User {
  readonly name: string;
  readonly sockets: Set<Stay>;
  isIn: boolean;
  /** Since when it is in, or out. */
  sinceMs: number;
  readonly client: number;
}

/** Where what an observer was told and what is so differ. */
interface Mismatch {
  readonly sinceMs: number;
  readonly toldIn: boolean;
}

interface Observer {
  readonly stay: Stay;
  /** What it was told last; users that it was not told of it may know from elsewhere. */
  readonly told: Map<string, boolean>;
  readonly mismatches: Map<string, Mismatch>;
  /** Names among `told` that were no user of ours when they were told. */
  strangers: number;
}

interface Room {
  readonly users: Map<string, User>;
  readonly observers: Map<number, Observer>;
  /** Users that are in. */
  count: number;
  /** The latest times at which the membership changed, oldest first, with the count before. */
  readonly changes: { readonly atMs: number; readonly before: number }[];
  /** Counts that fit nothing known yet: a change that the server saw first may still explain them. */
  readonly suspects: Suspect[];
  pairs: number;
}

interface Suspect {
  readonly atMs: number;
  readonly client: number;
  readonly count: number;
  least: number;
  most: number;
}

/** Pairs of observer and user that a room keeps: 1,000 members who all see each other. */
const PAIRS_MAX = 1_000_000;
/** Changes of membership that a room remembers for judging counts. */
const CHANGES_MAX = 256;
/** Counts under suspicion in a room: each is nearly a finding. */
const SUSPECTS_MAX = 256;
/** Users of others that one member may be told of, and the length of a name that is kept: a server can make up as many as it likes. */
const STRANGERS_MAX = 1024;
const NAME_CHARACTERS_MAX = 256;
/** Names in one list that are looked at; a longer list than any room of ours is an attack. */
const LIST_MAX = 10_000;

const TIMED = { isTimed: true } as const;

/** What stands for so long without being put right is no lateness, neither of the server nor of whoever reads its answers. */
const LATE_MS_MAX = 30_000;

export interface PresenceOptions {
  /** How long what a member was told may differ from what is so; X-4: 5,000. */
  readonly withinMs: number;
  /** Members that none of our connections shows, such as a creator that never opened a socket. */
  readonly silentMembersMax: number;
}

/**
 * What members are told of each other follows who is in the room. For each pair of member and user, told and true may
 * differ for `withinMs` at most: a user that is in and not announced is `absent`, one that is gone and not announced a
 * `ghost`, announced past the bound `late`. A user is in from its first confirmed join until its last connection ends,
 * however it ends. Lists in snapshots name everybody who has been in, and nobody who has been gone, for that long
 * (`absent`, `ghost`), each once; counts lie within what was so at some time within `withinMs` of them (`miscounted`).
 * Users that are not ours are not judged.
 */
export function createPresence(options: PresenceOptions): Checker {
  const tally = createTally("presence");
  const rooms = new Map<string, Room>();

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined)
      rooms.set(name, (room = { users: new Map(), observers: new Map(), count: 0, changes: [], suspects: [], pairs: 0 }));
    return room;
  };
  const nameOf = (stay: Stay): string => stay.user ?? `client ${stay.client}`;

  /** Ends a mismatch at `atMs`; a mended one is late past the bound, one that stood is an absence or a ghost. */
  const end = (room: Room, observer: Observer, name: string, atMs: number, isMended: boolean, isOver = false): void => {
    const mismatch = observer.mismatches.get(name);
    if (mismatch === undefined) return;
    observer.mismatches.delete(name);
    room.pairs -= 1;
    const lastedMs = atMs - mismatch.sinceMs;
    if (lastedMs <= options.withinMs) {
      if (isMended) tally.judged();
      return;
    }
    tally.judged();
    const user = room.users.get(name);
    const what = mismatch.toldIn ? "left" : "joined";
    const subject = user?.client ?? -1;
    tally.broke({
      reason: isMended ? "late" : mismatch.toldIn ? "ghost" : "absent",
      room: observer.stay.room,
      client: observer.stay.client,
      expected: `told within ${options.withinMs} ms that ${name} ${what}`,
      seen: isMended ? `told after ${Math.round(lastedMs)} ms` : `not told in ${Math.round(lastedMs)} ms`,
      ...(isOver && lastedMs > LATE_MS_MAX ? {} : TIMED),
      witness: [
        fromClient(mismatch.sinceMs, subject, what),
        bad(toClient(atMs, observer.stay.client, isMended ? `${name} ${what}` : `nothing of ${name}`)),
      ],
    });
  };
  const differ = (room: Room, observer: Observer, name: string, atMs: number, toldIn: boolean): void => {
    if (room.pairs >= PAIRS_MAX) return tally.bound(`a room has over ${PAIRS_MAX} pairs of members to tell of each other`);
    room.pairs += 1;
    observer.mismatches.set(name, { sinceMs: atMs, toldIn });
  };
  /** The truth about a user has changed. */
  const turned = (room: Room, user: User, atMs: number, startedMs: number): void => {
    room.changes.push({ atMs, before: room.count });
    if (room.changes.length > CHANGES_MAX) room.changes.shift();
    room.count += user.isIn ? 1 : -1;
    for (const suspect of room.suspects) {
      if (atMs - suspect.atMs > options.withinMs) continue;
      if (user.isIn) suspect.most += 1;
      else suspect.least -= 1;
    }
    for (const observer of room.observers.values()) {
      if (nameOf(observer.stay) === user.name) continue;
      const told = observer.told.get(user.name);
      // Two that joined at one time: the server may have let the user in first, and then owes the observer no word of it.
      if (user.isIn && told === undefined && (observer.stay.joinedMs ?? 0) >= startedMs) continue;
      if (observer.mismatches.has(user.name)) end(room, observer, user.name, atMs, false);
      else if (told !== user.isIn) differ(room, observer, user.name, atMs, !user.isIn);
    }
  };
  const joined = (stay: Stay, atMs: number): void => {
    const room = roomOf(stay.room);
    const name = nameOf(stay);
    const user = room.users.get(name) ?? { name, sockets: new Set<Stay>(), isIn: false, sinceMs: atMs, client: stay.client };
    room.users.set(name, user);
    user.sockets.add(stay);
    if (!user.isIn) {
      user.isIn = true;
      user.sinceMs = atMs;
      turned(room, user, atMs, stay.startedMs);
    }
    room.observers.set(stay.id, { stay, told: new Map(), mismatches: new Map(), strangers: 0 });
  };
  const left = (stay: Stay, atMs: number): void => {
    const room = roomOf(stay.room);
    const observer = room.observers.get(stay.id);
    if (observer !== undefined) for (const name of observer.mismatches.keys()) end(room, observer, name, atMs, false);
    room.observers.delete(stay.id);
    const user = room.users.get(nameOf(stay));
    user?.sockets.delete(stay);
    if (user === undefined || user.sockets.size > 0) return;
    user.isIn = false;
    user.sinceMs = atMs;
    turned(room, user, atMs, atMs);
  };
  const stays = createStays({ joined, left });

  const told = (observation: Observation & { kind: "presence" }): void => {
    const stay = stays.of(observation.client);
    const room = roomOf(observation.room);
    const observer = stay === undefined ? undefined : room.observers.get(stay.id);
    const user = room.users.get(observation.user);
    if (observation.event === "moved" || observer === undefined || nameOf(observer.stay) === observation.user) return;
    const saysIn = observation.event === "joined";
    if (observation.count !== undefined) counted(room, observation, observation.count, user);
    if (user === undefined) {
      // The others may hear of a newcomer before it does; what is said now counts once it is in.
      if (!observer.told.has(observation.user)) observer.strangers += 1;
      if (observer.strangers > STRANGERS_MAX) tally.bound(`a member was told of over ${STRANGERS_MAX} users that are not ours`);
      else if (observation.user.length <= NAME_CHARACTERS_MAX) observer.told.set(observation.user, saysIn);
      return;
    }
    observer.told.set(user.name, saysIn);
    if (saysIn === user.isIn) end(room, observer, user.name, observation.atMs, true);
    else if (!observer.mismatches.has(user.name)) differ(room, observer, user.name, observation.atMs, saysIn);
  };
  const counted = (room: Room, observation: Observation, count: number, user: User | undefined): void => {
    const sinceMs = Math.min(user?.sinceMs ?? Infinity, observation.atMs - options.withinMs);
    let least = room.count;
    let most = room.count;
    const oldest = room.changes[0];
    if (room.changes.length === CHANGES_MAX && oldest !== undefined && oldest.atMs >= sinceMs) return;
    for (let index = room.changes.length - 1; index >= 0; index -= 1) {
      const change = room.changes[index];
      if (change === undefined || change.atMs < sinceMs) break;
      least = Math.min(least, change.before);
      most = Math.max(most, change.before);
    }
    most += options.silentMembersMax;
    tally.judged();
    if (count >= least && count <= most) return;
    if (room.suspects.length >= SUSPECTS_MAX) return tally.bound(`a room has over ${SUSPECTS_MAX} counts that fit nothing`);
    room.suspects.push({ atMs: observation.atMs, client: observation.client, count, least, most });
  };
  const settle = (name: string, { atMs, client, count, least, most }: Suspect): void => {
    if (count >= least && count <= most) return;
    const seen = `${count} members`;
    tally.broke({
      reason: "miscounted",
      room: name,
      client,
      expected: `${least} to ${most} members`,
      seen,
      ...TIMED,
      witness: [bad(toClient(atMs, client, seen))],
    });
  };
  const listed = (observation: Observation & { kind: "snapshot" }, members: readonly string[]): void => {
    if (members.length > LIST_MAX) return tally.bound(`a list has over ${LIST_MAX} members`);
    const room = roomOf(observation.room);
    const names = new Set(members);
    const { askedMs, atMs, client } = observation;
    const broke = (reason: "absent" | "ghost" | "miscounted", expected: string, seen: string, sinceMs = -Infinity): void =>
      tally.broke({
        reason,
        room: observation.room,
        client,
        expected,
        seen,
        ...(askedMs - sinceMs > LATE_MS_MAX ? {} : TIMED),
        witness: [fromClient(askedMs, client, "read"), bad(toClient(atMs, client, `members: ${seen}`))],
      });
    tally.judged();
    if (names.size < members.length) broke("miscounted", "each member once", `${members.length} entries for ${names.size} members`);
    for (const user of room.users.values()) {
      if (askedMs - user.sinceMs <= options.withinMs) continue;
      if (user.isIn && !names.has(user.name)) broke("absent", `${user.name} among the members`, `without ${user.name}`, user.sinceMs);
      if (!user.isIn && names.has(user.name))
        broke("ghost", `${user.name} gone ${Math.round(askedMs - user.sinceMs)} ms ago`, `with ${user.name}`, user.sinceMs);
    }
  };

  return {
    property: "presence",
    observe: (observation) => {
      stays.take(observation);
      if (observation.kind === "presence") told(observation);
      else if (observation.kind === "snapshot" && observation.members !== undefined) listed(observation, observation.members);
    },
    finish: (nowMs) => {
      for (const [name, room] of rooms) {
        for (const suspect of room.suspects) settle(name, suspect);
        for (const observer of room.observers.values())
          for (const told of observer.mismatches.keys()) end(room, observer, told, nowMs, false, true);
      }
      return tally.outcome();
    },
  };
}
