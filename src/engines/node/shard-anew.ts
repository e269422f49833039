import type { Player } from "./shard-player.ts";
import type { ShardRooms } from "./shard-rooms.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarms } from "./surroundings.ts";

/** Those that come anew do not come at once, and after each refusal twice as late. */
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

  /**
   * Whoever was refused comes again. A room that the server says is gone went with it: its members make another one. Any other
   * refusal, such as of a room that still counts those who have lost their connection, says nothing of the room.
   */
  turnedAway(player: Player, code: number): void {
    const { options, rooms, join } = this.#parts;
    if (options.rooms.kind !== "created" || player.isMoving || player.anew >= ANEW_TIMES_MAX) return;
    player.isMoving = true;
    player.anew += 1;
    const isGone = options.rooms.goneCodes.has(code);
    const gone = player.room;
    const node = player.node;
    this.#soon(player, (nowMs) => {
      if (player.node !== node || player.isJoined) {
        player.isMoving = false;
        return;
      }
      if (isGone) rooms.forget(player.script.room, gone);
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
    alarms.create(act).set(nowMs() + ANEW_MS * 2 ** (player.anew - 1) * (0.5 + player.prng.next()));
  }
}
