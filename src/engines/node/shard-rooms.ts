import type { RoomOutcome, Rooms } from "../../core/binding.ts";
import { HarnessError } from "../../core/errors.ts";
import { createPrng, type Prng } from "../../core/prng.ts";
import type { Credential } from "../../core/session.ts";
import type { Cast } from "./shard-player.ts";
import type { ShardOptions } from "./shard-types.ts";
import type { Alarms } from "./surroundings.ts";
import { waitUntil } from "./wait-until.ts";

/** Making a room over the protocol: a sign-in and a few calls, while others do the same. */
const ROOM_MS_MAX = 30_000;

/** The rooms of a shard, each made when its first member comes. */
export class ShardRooms {
  readonly #options: ShardOptions;
  readonly #cast: Pick<Cast, "places" | "shards">;
  readonly #alarms: Alarms;
  readonly #rooms: Map<number, Promise<string>> = new Map();
  readonly #indexes: Map<string, number> = new Map();
  /** Rooms that were gone, so far. */
  #made = 0;

  constructor(options: ShardOptions, cast: Pick<Cast, "places" | "shards">, alarms: Alarms) {
    this.#options = options;
    this.#cast = cast;
    this.#alarms = alarms;
  }

  /** Index of a room by its id, of those that were asked for here. */
  indexOf(id: string): number | undefined {
    return this.#indexes.get(id);
  }

  /** The ids of all that were made and are not gone. */
  get ids(): readonly (readonly [index: number, id: string])[] {
    return [...this.#indexes].map(([id, index]) => [index, id] as const);
  }

  get size(): number {
    return this.#rooms.size;
  }

  /**
   * The id of the room with this index, made with the credential of whoever asks first.
   * @throws HarnessError `unreachable` when none could be made.
   */
  room(index: number, creator: Credential): Promise<string> {
    const existing = this.#rooms.get(index);
    if (existing !== undefined) return existing;
    const found = this.#find(index, creator).then((id) => {
      this.#indexes.set(id, index);
      return id;
    });
    this.#rooms.set(index, found);
    return found;
  }

  /** A room that is gone is made anew when it is asked for next. */
  forget(index: number, id: string): void {
    if (this.#indexes.get(id) !== index) return;
    this.#indexes.delete(id);
    this.#rooms.delete(index);
    this.#made += 1;
  }

  async #find(index: number, creator: Credential): Promise<string> {
    const { share, together, rooms, run, seed } = this.#options;
    const [maker] = this.#cast.shards.get(index) ?? [];
    if (rooms.kind !== "named" && together !== undefined && maker !== undefined && maker !== share?.index) return together.find(index);
    // With faults there is somebody beside the members, who looks at the room when all is over.
    const places = (this.#cast.places.get(index) ?? 1) - 1 + (this.#options.faults === undefined ? 0 : 1);
    const again = this.#made === 0 ? "" : `-${this.#made}`;
    const id = await this.#create(`${run}-${index}${again}`, places, creator, createPrng(`${seed}/room-${index}`));
    if (rooms.kind !== "named") together?.made(index, id);
    return id;
  }

  async #create(label: string, places: number, creator: Credential, prng: Prng): Promise<string> {
    const { rooms, http, target } = this.#options;
    if (rooms.kind === "named") return rooms.name(label);
    if (rooms.kind === "opened") return this.#open(rooms, label, creator, prng);
    const request = rooms.request(label, places, prng);
    const answer = await http({ ...request, path: target.basePath + request.path }, creator);
    const parsed = "failure" in answer ? answer : rooms.parse(answer);
    if ("failure" in parsed) throw new HarnessError("unreachable", `no room could be made: ${parsed.failure}`);
    return parsed.room;
  }

  async #open(rooms: Extract<Rooms, { readonly kind: "opened" }>, label: string, creator: Credential, prng: Prng): Promise<string> {
    const { target, run, surroundings, http, signal } = this.#options;
    const told: RoomOutcome[] = [];
    const options = { room: "", basePath: target.basePath, dialect: target.dialect, prng, run };
    const maker = surroundings.client({
      session: rooms.session({ ...options, keepaliveMs: undefined, reconnect: false, readOnJoin: false }, label, (outcome) => {
        told.push(outcome);
      }),
      url: target.urls[0],
      headers: target.headers,
      ca: target.ca,
      slot: 0,
      alarms: this.#alarms,
      credential: () => Promise.resolve(creator),
      http: (request) => http(request, creator),
      observe: () => {},
    });
    maker.start();
    await waitUntil(() => told.length > 0, surroundings.nowMs() + ROOM_MS_MAX, signal, surroundings);
    maker.stop();
    const outcome = told[0] ?? { failure: `nothing came of it within ${ROOM_MS_MAX} ms` };
    if ("failure" in outcome) throw new HarnessError("unreachable", `no room could be made: ${outcome.failure}`);
    return outcome.room;
  }
}
