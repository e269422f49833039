import { createPrng, type Prng } from "../../core/prng.ts";
import type { ClientScript, Step } from "../../core/scenario.ts";
import { isPlayedBy } from "../../load/shares.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarm, EngineClient } from "./surroundings.ts";

/** One client of a shard: its script, and where it stands in it. */
export interface Player {
  readonly index: number;
  readonly slot: number;
  readonly script: ClientScript;
  readonly prng: Prng;
  alarm: Alarm | undefined;
  step: Step | undefined;
  node: EngineClient | undefined;
  room: string;
  isJoined: boolean;
  /** Since its last join step it was in its room once: a session that comes back by itself still holds it. */
  hasJoined: boolean;
  /** The next disconnect is of our own making. */
  isLeaving: boolean;
  /** This attempt to join was refused in words; the close that follows is no second failure. */
  isRefused: boolean;
  startedMs: number;
  writes: number;
  reads: number;
  isAskedForFinal: boolean;
}

/** The clients of the rooms that a shard plays, in the order of their numbers; no script depends on how rooms are shared out. */
export function createPlayers({ scenario, parameters, operations, seed, shard, share }: ShardOptions): readonly Player[] {
  const root = createPrng(`${seed}/${scenario.name}`);
  const players: Player[] = [];
  for (let index = 0; index < parameters.clients; index += 1) {
    const prng = root.fork(`client-${index}`);
    const script = scenario.script(index, parameters, operations.mix, prng);
    if (!isPlayedBy(index, script.room, shard, share)) continue;
    players.push({
      index,
      slot: players.length,
      script,
      prng: prng.fork("values"),
      alarm: undefined,
      step: script.next(),
      node: undefined,
      room: "",
      isJoined: false,
      hasJoined: false,
      isLeaving: false,
      isRefused: false,
      startedMs: 0,
      writes: 0,
      reads: 0,
      isAskedForFinal: false,
    });
  }
  return players;
}

/** How many members each room is to hold, by its index. */
export function placesOf(players: readonly Player[]): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  for (const { script } of players) places.set(script.room, (places.get(script.room) ?? 0) + 1);
  return places;
}
