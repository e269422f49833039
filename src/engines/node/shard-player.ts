import { createPrng, type Prng } from "../../core/prng.ts";
import type { ClientScript, Step } from "../../core/scenario.ts";
import { isPlayedBy, shardOfMember } from "../../load/shares.ts";
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

/** The clients that are played here, and what is known of all others. */
export interface Cast {
  readonly players: readonly Player[];
  /** Members of each room by its index, wherever they are played. */
  readonly places: ReadonlyMap<number, number>;
  /** The shard that makes each room: the one of its first client. Empty without a share. */
  readonly makers: ReadonlyMap<number, number>;
  /** With members spread over shards: the room of each client that another shard plays, by the client's number; otherwise -1. */
  readonly elsewhere: Int32Array;
}

/** In the order of the clients' numbers; no script depends on how clients and rooms are shared out. */
export function createCast({ scenario, parameters, operations, seed, shard, share }: ShardOptions): Cast {
  const places = new Map<number, number>();
  const makers = new Map<number, number>();
  const isSpread = share?.by === "members";
  const elsewhere = new Int32Array(isSpread ? parameters.clients : 0).fill(-1);
  const root = createPrng(`${seed}/${scenario.name}`);
  const players: Player[] = [];
  for (let index = 0; index < parameters.clients; index += 1) {
    const prng = root.fork(`client-${index}`);
    const script = scenario.script(index, parameters, operations.mix, prng);
    const { room } = script;
    places.set(room, (places.get(room) ?? 0) + 1);
    if (isSpread) {
      const played = shardOfMember(index, share.count);
      if (!makers.has(room)) makers.set(room, played);
      if (played !== share.index) elsewhere[index] = room;
    }
    if (!isPlayedBy(index, room, shard, share)) continue;
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
  return { players, places, makers, elsewhere };
}
