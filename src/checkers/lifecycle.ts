import type { Checker } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createStays, type Stay } from "./stays.ts";
import { createTally } from "./tally.ts";
import { bad, fromClient, toClient } from "./words.ts";

export interface LifecycleOptions {
  /** A room lives this long past its last activity; as it passes on the target (scaled where the target is). */
  readonly roomTtlMs: number;
  /** Gone by this much sooner is still in time. */
  readonly toleranceBelowMs: number;
  readonly toleranceAboveMs: number;
  /** How long a member may be left in a room that others know to be gone; default 5,000. */
  readonly toldWithinMs?: number;
}

interface Room {
  firstMs: number;
  /** Last act that must keep the room (join, write, keepalive), at the earliest time the server can have had it. */
  keptMs: number;
  /** Last act that may have kept it. */
  activeMs: number;
  lastAct: string;
  lastActor: number;
  goneMs: number | undefined;
  goneAt: number;
  isLate: boolean;
}

/**
 * A room lives as long as it is kept alive and not much longer. Early: a member is told that it is gone before the
 * last keeping act and the room's life, less the tolerance, have passed. Late: it still takes a join, or its members
 * hear nothing, after the last act of any kind, its life and the tolerance; or some of them hear of the end long after
 * others. Deletion is final: a later join that is confirmed is a ghost. Refused writes keep nothing and count as what
 * may have kept.
 */
export function createLifecycle(options: LifecycleOptions): Checker {
  const tally = createTally("lifecycle");
  const rooms = new Map<string, Room>();
  const stays = createStays();
  const toldWithinMs = options.toldWithinMs ?? 5000;
  const lateMs = (room: Room): number => room.activeMs + options.roomTtlMs + options.toleranceAboveMs;

  const act = (observation: Observation, name: string, atMs: number, keeps: boolean): void => {
    const known = rooms.get(observation.room);
    const room = known ?? {
      firstMs: atMs,
      keptMs: atMs,
      activeMs: atMs,
      lastAct: name,
      lastActor: observation.client,
      goneMs: undefined,
      goneAt: -1,
      isLate: false,
    };
    if (known === undefined) rooms.set(observation.room, room);
    if (keeps && atMs >= room.keptMs) {
      room.keptMs = atMs;
      room.lastAct = name;
      room.lastActor = observation.client;
    }
    room.activeMs = Math.max(room.activeMs, observation.atMs);
  };
  const broke = (
    reason: "early" | "late" | "ghost",
    room: Room,
    observation: { room: string; client: number; atMs: number },
    expected: string,
    seen: string,
  ): void =>
    tally.broke({
      reason,
      room: observation.room,
      client: observation.client,
      expected,
      seen,
      isTimed: true,
      witness: [fromClient(room.keptMs, room.lastActor, room.lastAct), bad(toClient(observation.atMs, observation.client, seen))],
    });

  const gone = (observation: Observation): void => {
    const room = rooms.get(observation.room);
    if (room === undefined) return;
    tally.judged();
    const livedMs = Math.round(observation.atMs - room.keptMs);
    if (room.goneMs !== undefined) {
      const afterMs = observation.atMs - room.goneMs;
      if (afterMs > toldWithinMs)
        broke(
          "late",
          room,
          observation,
          `told within ${toldWithinMs} ms after client ${room.goneAt}`,
          `told after ${Math.round(afterMs)} ms`,
        );
      return;
    }
    room.goneMs = observation.atMs;
    room.goneAt = observation.client;
    const leastMs = options.roomTtlMs - options.toleranceBelowMs;
    if (observation.atMs < room.keptMs + leastMs)
      broke("early", room, observation, `alive for ${leastMs} ms after ${room.lastAct}`, `gone after ${livedMs} ms`);
    else if (observation.atMs > lateMs(room))
      broke(
        "late",
        room,
        observation,
        `gone ${options.roomTtlMs + options.toleranceAboveMs} ms after the last act`,
        `gone after ${livedMs} ms`,
      );
  };
  /** A connection begun in a room that must be gone, or is known to be. */
  const joined = (observation: Observation, stay: Stay): void => {
    const room = rooms.get(observation.room);
    if (room === undefined) return;
    if (room.goneMs !== undefined) {
      if (stay.connectedMs <= room.goneMs) return;
      tally.judged();
      broke(
        "ghost",
        room,
        observation,
        "joins refused once the room is gone",
        `joined ${Math.round(stay.connectedMs - room.goneMs)} ms after it went`,
      );
    } else if (stay.connectedMs > lateMs(room)) {
      tally.judged();
      room.isLate = true;
      broke(
        "late",
        room,
        observation,
        `gone ${options.roomTtlMs + options.toleranceAboveMs} ms after the last act`,
        `joined after ${Math.round(stay.connectedMs - room.activeMs)} ms`,
      );
    }
  };

  return {
    property: "lifecycle",
    observe: (observation) => {
      const wasIn = stays.of(observation.client)?.isIn === true;
      if (observation.kind === "invoked" && observation.act !== "leave") {
        if (wasIn) act(observation, observation.act, observation.atMs, observation.act === "write" || observation.act === "keepalive");
        return;
      }
      stays.take(observation);
      const stay = stays.of(observation.client);
      if (observation.kind === "lifecycle" && observation.event === "joined" && !wasIn && stay !== undefined) {
        joined(observation, stay);
        act(observation, "join", stay.connectedMs, true);
      } else if (observation.kind === "lifecycle" && observation.event === "gone") gone(observation);
    },
    finish: (nowMs) => {
      for (const [name, room] of rooms) {
        const witness = [...stays.membersOf(name)][0];
        if (room.goneMs === undefined) {
          if (nowMs > lateMs(room) && witness !== undefined && !room.isLate) {
            tally.judged();
            broke(
              "late",
              room,
              { room: name, client: witness.client, atMs: nowMs },
              `gone ${options.roomTtlMs + options.toleranceAboveMs} ms after the last act`,
              `alive after ${Math.round(nowMs - room.activeMs)} ms`,
            );
          } else if (room.activeMs - room.firstMs > options.roomTtlMs) tally.judged();
          continue;
        }
        if (nowMs - room.goneMs <= toldWithinMs) continue;
        for (const stay of stays.membersOf(name)) {
          if (stay.connectedMs > room.goneMs) continue;
          tally.judged();
          broke(
            "late",
            room,
            { room: name, client: stay.client, atMs: nowMs },
            `told within ${toldWithinMs} ms after client ${room.goneAt}`,
            "never told",
          );
        }
      }
      return tally.outcome();
    },
  };
}
