import type { Player } from "./shard-player.ts";
import type { ShardRooms } from "./shard-rooms.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarms } from "./surroundings.ts";

/** Those that come anew do not come at once, and after each refusal twice as late, up to a bound. */
const ANEW_MS = 500;
const ANEW_MS_MAX = 2_000;
const ANEW_TIMES_MAX = 8;

/** What it takes of a shard. */
interface Parts {
  readonly options: Pick<ShardOptions, "rooms">;
  readonly alarms: Alarms;
  readonly rooms: Pick<ShardRooms, "forget">;
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
   * Whoever was refused comes again. A room that is gone went with its server: its members make another one. Other refusals,
   * such as of a room that still counts those who have lost their connection, say nothing of the room. `how`: the close code
   * that followed, or the status of an answer in place of the upgrade.
   */
  turnedAway(player: Player, how: { readonly closed: number } | { readonly status: number }): void {
    const { options, rooms, join } = this.#parts;
    if (options.rooms.kind !== "created" || player.isMoving || player.anew >= ANEW_TIMES_MAX) return;
    player.isMoving = true;
    player.anew += 1;
    const isGone = "closed" in how ? !options.rooms.stayCodes.has(how.closed) : how.status < 500;
    const gone = player.room;
    const node = player.node;
    const waitMs = Math.min(ANEW_MS * 2 ** (player.anew - 1), ANEW_MS_MAX);
    this.#soon(player, waitMs, (nowMs) => {
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
      this.#soon(player, ANEW_MS, (nowMs) => void join(player, nowMs));
    }
  }

  #soon(player: Player, waitMs: number, act: (nowMs: number) => void): void {
    const { alarms, nowMs } = this.#parts;
    alarms.create(act).set(nowMs() + waitMs * (0.5 + player.prng.next()));
  }
}
