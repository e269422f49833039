import { createPrng, type Prng } from "../../core/prng.ts";
import type { Elsewhere } from "../../core/witness.ts";
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
  /** It was in its room once, whatever came since. */
  isHeld: boolean;
  /** Its connection was lost, and it has none: a session need not say so. */
  isOffline: boolean;
  /** It is about to come anew, to its room or to another one. */
  isMoving: boolean;
  /** How often it came anew after a server was started again. */
  anew: number;
  /** This attempt to join was refused after a server was started again: by the close that follows the engine knows why. */
  isTurnedAway: boolean;
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
  /** The shards that have clients of each room; the first of them makes it. Empty unless members are spread over shards. */
  readonly shards: ReadonlyMap<number, ReadonlySet<number>>;
  /** With members spread over shards: the room of each client that another shard plays, by the client's number; otherwise -1. */
  readonly elsewhere: Int32Array;
}

/** A player that has not begun, before the first step of its script. */
export function createPlayer(who: Pick<Player, "index" | "slot" | "script" | "prng">): Player {
  return {
    ...who,
    alarm: undefined,
    step: who.script.next(),
    node: undefined,
    room: "",
    isJoined: false,
    hasJoined: false,
    isHeld: false,
    isOffline: false,
    isMoving: false,
    isTurnedAway: false,
    anew: 0,
    isLeaving: false,
    isRefused: false,
    startedMs: 0,
    writes: 0,
    reads: 0,
    isAskedForFinal: false,
  };
}

/** In the order of the clients' numbers; no script depends on how clients and rooms are shared out. */
export function createCast(options: ShardOptions): Cast {
  const { parameters, shard, share, scriptRooms } = options;
  const places = new Map<number, number>();
  const shards = new Map<number, Set<number>>();
  const isSpread = share?.by === "members";
  const elsewhere = new Int32Array(isSpread ? parameters.clients : 0).fill(-1);
  const begin = scriptsOf(options);
  const players: Player[] = [];
  for (let index = 0; index < parameters.clients; index += 1) {
    const known = scriptRooms?.[index];
    const made = known === undefined ? begin(index) : undefined;
    const room = known ?? made?.script.room ?? 0;
    places.set(room, (places.get(room) ?? 0) + 1);
    if (isSpread) {
      const played = shardOfMember(index, share.count);
      shards.set(room, (shards.get(room) ?? new Set<number>()).add(played));
      if (played !== share.index) elsewhere[index] = room;
    }
    if (!isPlayedBy(index, room, shard, share)) continue;
    const { prng, script } = made ?? begin(index);
    players.push(createPlayer({ index, slot: players.length, script, prng: prng.fork("values") }));
  }
  return { players, places, shards, elsewhere };
}

/** What the ledger and its witness are to know of the other shards' clients. */
export function elsewhereOf({ elsewhere, shards }: Cast, rooms: { indexOf(id: string): number | undefined }): Elsewhere {
  return {
    isMember: (author, room) => {
      const index = rooms.indexOf(room);
      return index !== undefined && elsewhere[author] === index;
    },
    shardsOf: (room) => shards.get(rooms.indexOf(room) ?? -1)?.size ?? 1,
  };
}

type ScriptOptions = Pick<ShardOptions, "scenario" | "parameters" | "operations" | "seed">;

/** Makes the script of a client by its number, and the chance that is its own. */
function scriptsOf({ scenario, parameters, operations, seed }: ScriptOptions): (client: number) => Pick<Player, "script" | "prng"> {
  const root = createPrng(`${seed}/${scenario.name}`);
  return (client) => {
    const prng = root.fork(`client-${client}`);
    return { prng, script: scenario.script(client, parameters, operations.mix, prng) };
  };
}

/** The index of each client's room. Worked out once where many parts of a run need it: each script costs time to make. */
export function roomsOfScripts(options: ScriptOptions): readonly number[] {
  const begin = scriptsOf(options);
  return Array.from({ length: options.parameters.clients }, (_, client) => begin(client).script.room);
}
