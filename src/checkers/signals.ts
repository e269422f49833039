import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, fromClient, toClient } from "./words.ts";

type Signal = Observation & { readonly kind: "signal" };

/** A signal on its way to all who were there when it was sent. */
interface Sent {
  readonly key: string;
  readonly client: number;
  readonly plannedMs: number;
  readonly atMs: number;
}

/** What one member knows of one other. */
interface Pair {
  /** Still to come, oldest first. */
  owed: Sent[];
  /** Passed over by a later one of the same author. */
  readonly skipped: Sent[];
  /** What came last, to know what comes twice. */
  readonly came: Sent[];
}

interface Member {
  readonly client: number;
  readonly user: string;
  readonly room: string;
  isIn: boolean;
  readonly pairs: Map<string, Pair>;
  /** What it was told to be on, by user and topic. */
  readonly on: Set<string>;
  /** The latest that it sent. */
  readonly sent: Sent[];
}

/** Signals that a member may still have to receive of one other: at 10 a second, half a minute of silence. */
const OWED_MAX = 300;
/** An author's latest signals: what is older does not come any more. */
const LATEST_MAX = 32;
/** What has not come this long after it was sent is lost. */
const LOST_MS = 2000;

export interface SignalsOptions {
  /** `typing` judges what is on or off, `hints` word of writes. */
  readonly property: "typing" | "hints";
  /** What comes later than this is late; undefined: times are not judged. */
  readonly withinMs: number | undefined;
  /** Told of each that came, in ms from its planned time. */
  readonly onArrival?: (latencyMs: number) => void;
}

/**
 * What one member signals reaches every other member of its room, once, unchanged, in its order (`lost`, `doubled`,
 * `damaged`, `disordered`) and in time (`late`), and nobody else: not the sender itself (`leaked`), and no other room
 * (`foreign`). A server may end by itself what is on. Members are those whose own status says that they are there; what
 * their going leaves open is not judged.
 */
export function createSignals({ property, withinMs, onArrival }: SignalsOptions): Checker {
  const of = property === "typing" ? "typing" : "hint";
  const tally = createTally(property);
  const rooms = new Map<string, Map<string, Member>>();
  const byClient = new Map<number, Member>();

  const broke = (
    reason: Parameters<typeof tally.broke>[0]["reason"],
    member: Member,
    atMs: number,
    expected: string,
    seen: string,
    sent?: Sent,
  ): void =>
    tally.broke({
      reason,
      room: member.room,
      client: member.client,
      expected,
      seen,
      witness: [...(sent === undefined ? [] : [fromClient(sent.atMs, sent.client, sent.key)]), bad(toClient(atMs, member.client, seen))],
    });
  const pairOf = (member: Member, user: string): Pair => {
    let pair = member.pairs.get(user);
    if (pair === undefined) member.pairs.set(user, (pair = { owed: [], skipped: [], came: [] }));
    return pair;
  };
  const lose = (member: Member, sent: Sent, atMs: number): void => {
    tally.judged();
    broke("lost", member, atMs, `${sent.key} of client ${sent.client}`, "it never came", sent);
  };
  const came = (signal: Signal): void => {
    const members = rooms.get(signal.room) ?? new Map<string, Member>();
    rooms.set(signal.room, members);
    const member: Member = members.get(signal.user) ?? {
      client: signal.client,
      user: signal.user,
      room: signal.room,
      isIn: false,
      pairs: new Map(),
      on: new Set(),
      sent: [],
    };
    members.set(signal.user, member);
    byClient.set(signal.client, member);
    member.isIn = true;
  };
  const went = (member: Member, atMs: number): void => {
    member.isIn = false;
    for (const { skipped } of member.pairs.values()) for (const sent of skipped) lose(member, sent, atMs);
    member.pairs.clear();
    member.on.clear();
    for (const other of rooms.get(member.room)?.values() ?? []) {
      const pair = other.pairs.get(member.user);
      if (pair !== undefined) pair.owed = [];
    }
  };
  const sends = (member: Member, signal: Signal, plannedMs: number): void => {
    const sent: Sent = { key: keyOf(signal), client: signal.client, plannedMs, atMs: signal.atMs };
    member.sent.push(sent);
    if (member.sent.length > LATEST_MAX) member.sent.shift();
    for (const other of rooms.get(member.room)?.values() ?? []) {
      if (other === member || !other.isIn) continue;
      const { owed } = pairOf(other, member.user);
      owed.push(sent);
      if (owed.length > OWED_MAX) {
        owed.shift();
        tally.bound(`a member has over ${OWED_MAX} signals of another one still to come`);
      }
    }
  };
  const receives = (member: Member, signal: Signal): void => {
    const author = rooms.get(signal.room)?.get(signal.user);
    const key = keyOf(signal);
    if (author === member) return broke("leaked", member, signal.atMs, "nothing of it at its sender", `${key} came back`);
    if (author === undefined) return broke("foreign", member, signal.atMs, `signals of ${member.room}`, `${key} of ${signal.user}`);
    const pair = pairOf(member, signal.user);
    const at = pair.owed.findIndex((sent) => sent.key === key);
    const sent = pair.owed[at];
    const place = `${signal.user} ${signal.topic}`;
    if (sent === undefined) unexpected(member, author, pair, signal, place);
    else {
      pair.skipped.push(...pair.owed.splice(0, at + 1).slice(0, -1));
      pair.came.push(sent);
      if (pair.came.length > LATEST_MAX) pair.came.shift();
      tally.judged();
      onArrival?.(signal.atMs - sent.plannedMs);
      const tookMs = signal.atMs - sent.atMs;
      if (withinMs !== undefined && tookMs > withinMs)
        broke("late", member, signal.atMs, `${key} within ${withinMs} ms`, `${key} after ${Math.round(tookMs)} ms`, sent);
      if (signal.value === "on") member.on.add(place);
    }
    if (signal.value === "off") member.on.delete(place);
  };
  const unexpected = (member: Member, author: Member, pair: Pair, signal: Signal, place: string): void => {
    const key = keyOf(signal);
    // The server's own word: it ends what is on when its time has come, or its author has gone.
    if (signal.value === "off" && member.on.has(place)) return;
    const late = pair.skipped.findIndex((sent) => sent.key === key);
    if (late >= 0) {
      const [sent] = pair.skipped.splice(late, 1);
      tally.judged();
      return broke("disordered", member, signal.atMs, `${key} before what was sent after it`, `${key} after it`, sent);
    }
    const twice = pair.came.find((sent) => sent.key === key);
    if (twice !== undefined) return broke("doubled", member, signal.atMs, `${key} once`, `${key} again`, twice);
    // It was under way when this member came, or when its author went.
    if (author.sent.some((sent) => sent.key === key)) return;
    const [meant] = pair.owed;
    if (signal.value === "off" && meant?.key.endsWith("off") !== true) return;
    pair.owed.shift();
    tally.judged();
    broke("damaged", member, signal.atMs, meant === undefined ? "what its author sent" : meant.key, key, meant);
  };

  return {
    property,
    observe: (observation) => {
      if (observation.kind !== "signal") return;
      const member = byClient.get(observation.client);
      const { plannedMs } = observation;
      if (observation.of === "status" && plannedMs !== undefined) {
        if (observation.value === "online" && member?.isIn !== true) came(observation);
        else if (member !== undefined && (observation.value === "offline" || observation.value === "gone")) went(member, observation.atMs);
      } else if (member?.isIn === true && observation.of === of) {
        if (plannedMs === undefined) receives(member, observation);
        else sends(member, observation, plannedMs);
      }
    },
    finish: (nowMs) => {
      for (const members of rooms.values())
        for (const member of members.values()) {
          if (!member.isIn) continue;
          for (const { owed, skipped } of member.pairs.values()) {
            for (const sent of skipped) lose(member, sent, nowMs);
            for (const sent of owed) if (nowMs - sent.atMs > LOST_MS) lose(member, sent, nowMs);
          }
        }
      return tally.outcome();
    },
  };
}

function keyOf({ topic, value }: Signal): string {
  return `${topic} ${digestOf(value)}`;
}
