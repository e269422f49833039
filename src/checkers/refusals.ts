import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, keyOf, toClient } from "./words.ts";

/** An act that was refused, or must be. */
interface Suspect {
  readonly client: number;
  readonly op: number;
  readonly room: string;
  readonly atMs: number;
  readonly key: string | undefined;
  readonly mustBeRefused: boolean;
  rejectedMs: number | undefined;
  /** It is answered in words, or by the end of its connection. */
  isAnswered: boolean;
  isBroken: boolean;
}

/** Refused acts that are remembered a room, and acts a client may wait for an answer to. */
const SUSPECTS_PER_ROOM_MAX = 1024;

interface Room {
  /** By `client/op`, in the order of invocation. */
  readonly acts: Map<string, Suspect>;
  readonly byKey: Map<string, Suspect>;
  /** Bad acts, latest last. */
  lastBad: Suspect | undefined;
}

export interface RefusalsOptions {
  readonly run: string;
  /** How soon a bad act must be answered; X-4 and P-7: 2,000. */
  readonly answerWithinMs: number;
  /** Says which acts the server must refuse; by default none, and only what it refused by itself is judged. */
  readonly refuses?: (client: number, op: number) => boolean;
}

/**
 * What is refused has no effect: a rejected write is never delivered, never part of a state and never confirmed
 * (`not-refused`). An act that must be refused is: confirmed or delivered it is `not-refused`; answered neither in
 * words nor by a close within the limit, while its author stays, it is `silent`; another member's connection that
 * ends within the limit after it is `closed`.
 */
export function createRefusals(options: RefusalsOptions): Checker {
  const tally = createTally("refusals");
  const rooms = new Map<string, Room>();
  /** When a client last sent a bad act or asked to leave: its own connection may end. */
  const excused = new Map<number, number>();

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined) rooms.set(name, (room = { acts: new Map(), byKey: new Map(), lastBad: undefined }));
    return room;
  };
  const broke = (
    reason: "not-refused" | "silent" | "closed",
    act: Suspect,
    observation: { client: number; atMs: number },
    expected: string,
    seen: string,
  ): void => {
    const name = act.key === undefined ? `op ${act.op}` : `write ${act.key}`;
    const refused = act.rejectedMs === undefined ? [] : [toClient(act.rejectedMs, act.client, `${name} refused`)];
    tally.broke({
      reason,
      room: act.room,
      client: observation.client,
      expected,
      seen,
      witness: [fromClient(act.atMs, act.client, name), ...refused, bad(toClient(observation.atMs, observation.client, seen))],
    });
  };
  const invoked = (room: Room, observation: Observation & { kind: "invoked" }): void => {
    const { client, op, marker, atMs } = observation;
    if (observation.act === "leave") excused.set(client, Infinity);
    const mustBeRefused = options.refuses?.(client, op) === true;
    const key = marker === undefined || marker.run !== options.run ? undefined : keyOf(marker);
    const act: Suspect = {
      client,
      op,
      room: observation.room,
      atMs,
      key,
      mustBeRefused,
      rejectedMs: undefined,
      isAnswered: false,
      isBroken: false,
    };
    room.acts.set(`${client}/${op}`, act);
    if (key !== undefined) room.byKey.set(key, act);
    if (mustBeRefused) {
      tally.judged();
      room.lastBad = act;
      excused.set(client, Math.max(excused.get(client) ?? 0, atMs + options.answerWithinMs));
    }
    if (room.acts.size <= SUSPECTS_PER_ROOM_MAX) return;
    for (const [name, oldest] of room.acts) {
      if (oldest.mustBeRefused && !oldest.isAnswered) tally.bound(`a room has over ${SUSPECTS_PER_ROOM_MAX} acts after an unanswered one`);
      room.acts.delete(name);
      if (oldest.key !== undefined) room.byKey.delete(oldest.key);
      return;
    }
  };
  const took = (act: Suspect | undefined, observation: Observation, how: string): void => {
    if (act === undefined || act.isBroken || !(act.mustBeRefused || act.rejectedMs !== undefined)) return;
    act.isBroken = true;
    broke("not-refused", act, observation, "no effect of what is refused", how);
  };
  const rejected = (room: Room, observation: Observation & { kind: "rejected" }): void => {
    const named = observation.op === undefined ? undefined : room.acts.get(`${observation.client}/${observation.op}`);
    if (named !== undefined) {
      if (named.rejectedMs === undefined && !named.mustBeRefused) tally.judged();
      named.rejectedMs ??= observation.atMs;
      answer(named, observation, true);
      if (taken.has(named)) took(named, observation, "refused after it took effect");
      return;
    }
    for (const act of room.acts.values())
      if (act.client === observation.client && act.mustBeRefused && !act.isAnswered) return answer(act, observation, true);
  };
  /** Acts that took effect before any refusal. */
  const taken = new Set<Suspect>();
  const answer = (act: Suspect, observation: { client: number; atMs: number }, inTime: boolean): void => {
    if (act.isAnswered) return;
    act.isAnswered = true;
    if (!act.mustBeRefused || act.isBroken || (inTime && observation.atMs - act.atMs <= options.answerWithinMs)) return;
    act.isBroken = true;
    broke(
      "silent",
      act,
      observation,
      `an answer within ${options.answerWithinMs} ms`,
      `after ${Math.round(observation.atMs - act.atMs)} ms`,
    );
  };
  const ended = (room: Room, observation: Observation & { kind: "disconnected" }): void => {
    for (const act of room.acts.values())
      if (act.client === observation.client && act.mustBeRefused && !act.isAnswered) answer(act, observation, true);
    const { lastBad } = room;
    if (observation.wanted || lastBad === undefined || lastBad.client === observation.client) return;
    if (observation.atMs - lastBad.atMs > options.answerWithinMs || observation.atMs <= (excused.get(observation.client) ?? -Infinity))
      return;
    broke(
      "closed",
      lastBad,
      observation,
      "nobody else touched",
      `connection of client ${observation.client} ended with ${observation.code}`,
    );
  };

  return {
    property: "refusals",
    observe: (observation) => {
      const room = roomOf(observation.room);
      if (observation.kind === "connected") excused.delete(observation.client);
      else if (observation.kind === "invoked") invoked(room, observation);
      else if (observation.kind === "rejected") rejected(room, observation);
      else if (observation.kind === "disconnected") ended(room, observation);
      else if (observation.kind === "accepted") {
        const act = room.acts.get(`${observation.client}/${observation.op}`);
        if (act !== undefined) taken.add(act);
        took(act, observation, `op ${observation.op} confirmed`);
      } else if (observation.kind === "delivered" || observation.kind === "snapshot") {
        const { marker } = observation;
        const act = marker === undefined || marker.run !== options.run ? undefined : room.byKey.get(keyOf(marker));
        if (act !== undefined) taken.add(act);
        took(act, observation, `${act?.key ?? ""} ${observation.kind === "delivered" ? "delivered" : "in the room's state"}`);
      }
    },
    finish: (nowMs) => {
      for (const room of rooms.values()) {
        for (const act of room.acts.values()) {
          if (act.mustBeRefused && !act.isAnswered && nowMs - act.atMs > options.answerWithinMs)
            answer(act, { client: act.client, atMs: nowMs }, false);
        }
      }
      return tally.outcome();
    },
  };
}
