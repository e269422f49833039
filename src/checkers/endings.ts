import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, toClient } from "./words.ts";

type Signal = Observation & { readonly kind: "signal" };

interface On {
  /** When it was last said. */
  readonly atMs: number;
  readonly signal: Signal;
  /** Ended by the word of a write, whether the server says so or not. */
  isOver: boolean;
}

/** Things that are on at one member: more users and places than a room of ours has. */
const ON_MAX = 10_000;

export interface EndingsOptions {
  /** What is on is told to have ended this long after it was last said, at the latest. */
  readonly withinMs: number;
}

/**
 * What a member was told to be on (somebody types) does not stay on: it is said again, or told to be off, or ended by the
 * word of a write of that user at that place, within the limit, or is a `ghost`. Whoever goes takes note of nothing more.
 */
export function createEndings({ withinMs }: EndingsOptions): Checker {
  const tally = createTally("endings");
  const members = new Map<number, Map<string, On>>();

  const judge = ({ atMs, signal, isOver }: On, nowMs: number): void => {
    tally.judged();
    if (isOver || nowMs - atMs <= withinMs) return;
    const seen = `on ${Math.round(nowMs - atMs)} ms after it was last said`;
    tally.broke({
      reason: "ghost",
      room: signal.room,
      client: signal.client,
      expected: `typing of ${signal.user} in "${signal.topic}" ends within ${withinMs} ms`,
      seen,
      witness: [toClient(atMs, signal.client, `${signal.user} on`), bad(toClient(nowMs, signal.client, seen))],
    });
  };
  /** Of what was on to the last only what should have ended can be judged. */
  const judgeLast = (member: Map<string, On>, nowMs: number): void => {
    for (const on of member.values()) if (nowMs - on.atMs > withinMs) judge(on, nowMs);
    member.clear();
  };
  const told = (signal: Signal): void => {
    const member = members.get(signal.client) ?? new Map<string, On>();
    members.set(signal.client, member);
    const place = `${signal.user} ${signal.topic}`;
    const on = member.get(place);
    if (signal.of === "hint") {
      if (on !== undefined && signal.atMs - on.atMs <= withinMs) on.isOver = true;
      return;
    }
    if (on !== undefined) judge(on, signal.atMs);
    if (signal.value === "off") member.delete(place);
    else if (member.size < ON_MAX || on !== undefined) member.set(place, { atMs: signal.atMs, signal, isOver: false });
    else tally.bound(`a member was told of over ${ON_MAX} things that are on`);
  };

  return {
    property: "endings",
    observe: (observation) => {
      if (observation.kind !== "signal") return;
      const isOwn = observation.plannedMs !== undefined;
      if (observation.of !== "status") {
        if (!isOwn) told(observation);
      } else if (isOwn && (observation.value === "offline" || observation.value === "gone"))
        judgeLast(members.get(observation.client) ?? new Map(), observation.atMs);
    },
    finish: (nowMs) => {
      for (const member of members.values()) judgeLast(member, nowMs);
      return tally.outcome();
    },
  };
}
