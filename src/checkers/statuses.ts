import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, toClient } from "./words.ts";

type Signal = Observation & { readonly kind: "signal" };

interface User {
  readonly client: number;
  readonly name: string;
  readonly room: string;
  /** `gone`: its connection was lost, which a server may find out late. */
  value: string;
  sinceMs: number;
  isIn: boolean;
  /** What it was told of others last. */
  readonly told: Map<string, string>;
  /** Since when what it was told of others is not so. */
  readonly wrong: Map<string, number>;
}

/** A newcomer's list names who has been there, as they are, for this long. */
const LIST_MS = 2000;

export interface StatusesOptions {
  /** How long what a member was told of another may differ from what is so. */
  readonly withinMs: number;
  /** The same for one whose connection was lost without a word. */
  readonly silentMs: number;
  /** Whether what was told past the bound is late. */
  readonly isTimed: boolean;
}

/**
 * What members are told of each other's status follows what is so, within the bound: one who is there, or away, and is
 * not told as that is `absent`, one who has gone and is not told as that a `ghost`, told past the bound `late`. A newcomer
 * learns at once how those are who have been there (`stale`). Users that are none of ours are not judged.
 */
export function createStatuses({ withinMs, silentMs, isTimed }: StatusesOptions): Checker {
  const tally = createTally("statuses");
  const rooms = new Map<string, Map<string, User>>();
  const byClient = new Map<number, User>();
  /** What clients were told before they said who they are. */
  const early = new Map<number, Map<string, string>>();

  const isOut = ({ value }: User): boolean => value === "offline" || value === "gone";
  const right = (user: User): string => (isOut(user) ? "offline" : user.value);
  const boundOf = (user: User): number => (user.value === "gone" ? silentMs : withinMs);
  const toldOf = (observer: User, user: User): string => observer.told.get(user.name) ?? "offline";

  const broke = (reason: "absent" | "ghost" | "late" | "stale", observer: User, user: User, atMs: number): void =>
    tally.broke({
      reason,
      room: observer.room,
      client: observer.client,
      expected: `told that client ${user.client} is ${right(user)}${reason === "stale" ? " on entering" : ` within ${boundOf(user)} ms`}`,
      seen: reason === "late" ? `told after ${Math.round(atMs - (observer.wrong.get(user.name) ?? atMs))} ms` : toldOf(observer, user),
      witness: [
        fromClient(user.sinceMs, user.client, right(user)),
        bad(toClient(atMs, observer.client, `client ${user.client}: ${toldOf(observer, user)}`)),
      ],
    });
  /** Judges what an observer was told of a user until now, before it changes, or for the last time. */
  const settle = (observer: User, user: User, atMs: number, isMended: boolean): void => {
    const sinceMs = observer.wrong.get(user.name);
    if (sinceMs === undefined) return;
    if (atMs - sinceMs > boundOf(user)) {
      tally.judged();
      if (!isMended) broke(isOut(user) ? "ghost" : "absent", observer, user, atMs);
      else if (isTimed) broke("late", observer, user, atMs);
    } else if (isMended) tally.judged();
    observer.wrong.delete(user.name);
  };
  const compare = (observer: User, user: User, atMs: number): void => {
    if (toldOf(observer, user) === right(user)) settle(observer, user, atMs, true);
    else if (!observer.wrong.has(user.name)) observer.wrong.set(user.name, atMs);
  };

  const became = (signal: Signal): void => {
    const members = rooms.get(signal.room) ?? new Map<string, User>();
    rooms.set(signal.room, members);
    const user: User = members.get(signal.user) ?? {
      client: signal.client,
      name: signal.user,
      room: signal.room,
      value: "offline",
      sinceMs: signal.atMs,
      isIn: false,
      told: early.get(signal.client) ?? new Map<string, string>(),
      wrong: new Map(),
    };
    members.set(signal.user, user);
    byClient.set(signal.client, user);
    early.delete(signal.client);
    const others = [...members.values()].filter((each) => each !== user);
    for (const other of others) if (other.isIn && other.wrong.has(user.name)) settle(other, user, signal.atMs, false);
    const wasIn = user.isIn;
    user.value = signal.value;
    user.sinceMs = signal.atMs;
    user.isIn = !isOut(user);
    for (const other of others) if (other.isIn) compare(other, user, signal.atMs);
    if (user.isIn && !wasIn) entered(user, others, signal.atMs);
    else if (!user.isIn) {
      for (const other of others) settle(user, other, signal.atMs, false);
      user.told.clear();
    }
  };
  const entered = (user: User, others: readonly User[], atMs: number): void => {
    for (const other of others) {
      if (atMs - other.sinceMs > LIST_MS && !isOut(other)) {
        tally.judged();
        if (toldOf(user, other) !== right(other)) {
          broke("stale", user, other, atMs);
          user.told.set(other.name, right(other));
        }
      }
      compare(user, other, atMs);
    }
  };

  return {
    property: "statuses",
    observe: (observation) => {
      if (observation.kind !== "signal" || observation.of !== "status") return;
      if (observation.plannedMs !== undefined) return became(observation);
      const observer = byClient.get(observation.client);
      const told = observer?.told ?? early.get(observation.client) ?? new Map<string, string>();
      told.set(observation.user, observation.value);
      if (observer === undefined) {
        early.set(observation.client, told);
        return;
      }
      const user = rooms.get(observation.room)?.get(observation.user);
      if (observer.isIn && user !== undefined && user !== observer) compare(observer, user, observation.atMs);
    },
    finish: (nowMs) => {
      for (const members of rooms.values())
        for (const observer of members.values())
          if (observer.isIn) for (const user of members.values()) settle(observer, user, nowMs, false);
      return tally.outcome();
    },
  };
}
