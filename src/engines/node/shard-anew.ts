import type { Player } from "./shard-player.ts";
import type { ShardRooms } from "./shard-rooms.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarms } from "./surroundings.ts";

/** A room that was lost with its server is made anew; those that come to it do not come at once. */
const ANEW_MS = 500;
const ANEW_TIMES_MAX = 5;

/** What it takes of a shard. */
interface Parts {
  readonly options: Pick<ShardOptions, "rooms">;
  readonly alarms: Alarms;
  readonly rooms: ShardRooms;
  readonly nowMs: () => number;
  readonly join: (player: Player, nowMs: number) => Promise<void>;
}

/** How players go on with a server that was started again and has lost what it kept in memory. */
export class ShardAnew {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A room that is refused is gone with its server: its members make another one. */
  refused(player: Player): void {
    const { options, rooms, join } = this.#parts;
    if (options.rooms.kind !== "created" || player.isMoving || player.anew >= ANEW_TIMES_MAX) return;
    player.isMoving = true;
    player.anew += 1;
    const gone = player.room;
    const node = player.node;
    this.#soon(player, (nowMs) => {
      if (player.node !== node || player.isJoined) {
        player.isMoving = false;
        return;
      }
      rooms.forget(player.script.room, gone);
      void join(player, nowMs).finally(() => {
        player.isMoving = false;
      });
    });
  }

  /**
   * The server is there again. Where a room is made by whoever comes, one that is away comes back as somebody new: its
   * session would take the new document for the old one, once that has as many versions.
   */
  forgotten(players: readonly Player[]): void {
    const { options, join } = this.#parts;
    if (options.rooms.kind === "created") return;
    for (const player of players) {
      if (!player.isHeld || player.isLeaving || (player.isJoined && !player.isOffline)) continue;
      player.anew += 1;
      player.node?.stop();
      this.#soon(player, (nowMs) => void join(player, nowMs));
    }
  }

  #soon(player: Player, act: (nowMs: number) => void): void {
    const { alarms, nowMs } = this.#parts;
    alarms.create(act).set(nowMs() + ANEW_MS * (0.5 + player.prng.next()));
  }
}
