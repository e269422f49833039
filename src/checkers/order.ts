import type { OrderModel } from "../core/binding.ts";
import type { Checker, WitnessStep } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import type { Arrived } from "./flights.ts";
import { createPrecedence, NODES_MAX, type Node, type Precedence } from "./precedence.ts";
import { createSeen, GAPS_MAX, type Seen } from "./seen.ts";
import { createStays } from "./stays.ts";
import { createTally, type Tally } from "./tally.ts";
import { bad, digestOf, keyOf, toClient } from "./words.ts";

/** Judges the order of one connection's deliveries; repeats are delivery's business and are passed over. */
interface Model {
  delivered(arrived: Arrived, stay: number): void;
  accepted?(observation: Observation & { kind: "accepted" }): void;
  invoked?(observation: Observation & { kind: "invoked" }): void;
  ended(stay: number): void;
}

/**
 * All members see the writes in the order that the binding's model binds (design.md, decision 6):
 * `total` one order a room, holes allowed · `position` rising server numbers, one write a number · `perAuthor` each
 * author's own. Only intact marked writes of this run are compared, in `position` also unmarked ones by number.
 */
export function createOrder(options: { run: string; orderModel: OrderModel }): Checker {
  const tally = createTally("order");
  const stays = createStays();
  const writers = new Map<number, string>();
  const model = options.orderModel === "total" ? total(tally) : options.orderModel === "position" ? position(tally) : perAuthor(tally);
  return {
    property: "order",
    observe: (observation) => {
      const before = stays.of(observation.client)?.id;
      stays.take(observation);
      if (before !== undefined && before !== stays.of(observation.client)?.id) model.ended(before);
      if (observation.kind === "invoked") {
        if (observation.marker !== undefined) writers.set(observation.marker.author, observation.room);
        model.invoked?.(observation);
      } else if (observation.kind === "accepted") model.accepted?.(observation);
      else if (observation.kind === "delivered") {
        const { marker } = observation;
        if (marker !== undefined && (!marker.intact || marker.run !== options.run || writers.get(marker.author) !== observation.room))
          return;
        model.delivered(observation, stays.of(observation.client)?.id ?? -observation.client - 1);
      }
    },
    finish: () => tally.outcome(),
  };
}

function disordered(tally: Tally, arrived: Arrived, expected: string, seen: string, witness: readonly WitnessStep[]): void {
  tally.broke({ reason: "disordered", room: arrived.room, client: arrived.client, expected, seen, witness });
}

function total(tally: Tally): Model {
  interface Room {
    readonly precedence: Precedence;
    /** Stays that have each write of the window. */
    readonly holders: Map<string, Set<number>>;
    readonly forgottenOf: Map<number, number>;
  }
  const rooms = new Map<string, Room>();
  const cursors = new Map<number, { node: Node; atMs: number }>();
  const roomOf = (name: string): Room => {
    const present = rooms.get(name);
    if (present !== undefined) return present;
    const holders = new Map<string, Set<number>>();
    const forgottenOf = new Map<number, number>();
    const precedence = createPrecedence((key) => {
      holders.delete(key);
      const [author, n] = key.split(" ").map((part) => Number(part.slice(2)));
      if (author !== undefined && n !== undefined) forgottenOf.set(author, Math.max(forgottenOf.get(author) ?? 0, n));
    });
    const room = { precedence, holders, forgottenOf };
    rooms.set(name, room);
    return room;
  };
  return {
    delivered: (arrived, stay) => {
      const { marker } = arrived;
      if (marker === undefined) return;
      const room = roomOf(arrived.room);
      const key = keyOf(marker);
      let node = room.precedence.get(key);
      if (node === undefined) {
        if (marker.n <= (room.forgottenOf.get(marker.author) ?? 0))
          return tally.bound(`a delivery is over ${NODES_MAX} writes of its room behind`);
        node = room.precedence.add(key);
        room.holders.set(key, new Set());
      }
      const holders = room.holders.get(key);
      if (holders?.has(stay) === true) return;
      holders?.add(stay);
      tally.judged();
      const cursor = cursors.get(stay);
      cursors.set(stay, { node, atMs: arrived.atMs });
      if (cursor === undefined) return;
      const cycle = room.precedence.connect({
        from: cursor.node,
        to: node,
        client: arrived.client,
        fromMs: cursor.atMs,
        toMs: arrived.atMs,
      });
      if (cycle === undefined) return;
      const witness = cycle.flatMap((edge) => [
        toClient(edge.fromMs, edge.client, edge.from.key),
        toClient(edge.toMs, edge.client, edge.to.key),
      ]);
      witness.push(toClient(cursor.atMs, arrived.client, cursor.node.key), bad(toClient(arrived.atMs, arrived.client, key)));
      const others = [...new Set(cycle.map((edge) => edge.client))].join(", ");
      disordered(tally, arrived, `${key} before ${cursor.node.key}, as at client ${others}`, `${cursor.node.key} before ${key}`, witness);
    },
    ended: (stay) => {
      cursors.delete(stay);
    },
  };
}

/** Numbers a room remembers the writes of, and confirmations a client may wait for. */
const POSITIONS_MAX = 4096;

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  if (map.size <= POSITIONS_MAX) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}

interface Held {
  readonly name: string;
  readonly client: number;
  readonly atMs: number;
}

function position(tally: Tally): Model {
  const rooms = new Map<string, { writeAt: Map<number, Held>; placeOf: Map<string, { position: number } & Held> }>();
  const lines = new Map<number, Seen>();
  const waiting = new Map<string, string>();

  /** Whether a number and a write belong together in this room. */
  const binds = (observation: Observation, place: number, name: string, isMarked: boolean): boolean => {
    const room = rooms.get(observation.room) ?? {
      writeAt: new Map<number, Held>(),
      placeOf: new Map<string, { position: number } & Held>(),
    };
    rooms.set(observation.room, room);
    const held = { name, client: observation.client, atMs: observation.atMs };
    const there = room.writeAt.get(place);
    const elsewhere = isMarked ? room.placeOf.get(name) : undefined;
    if (there === undefined) remember(room.writeAt, place, held);
    if (isMarked && elsewhere === undefined) remember(room.placeOf, name, { ...held, position: place });
    const other =
      there !== undefined && there.name !== name ? there : elsewhere !== undefined && elsewhere.position !== place ? elsewhere : undefined;
    if (other === undefined) return true;
    const said = other === there ? `${place} is ${other.name}` : `${name} is at ${elsewhere?.position ?? 0}`;
    const witness = [toClient(other.atMs, other.client, said), bad(toClient(observation.atMs, observation.client, `${place} is ${name}`))];
    tally.broke({
      reason: "disordered",
      room: observation.room,
      client: observation.client,
      expected: `${said}, as at client ${other.client}`,
      seen: `${place} is ${name}`,
      witness,
    });
    return false;
  };
  return {
    invoked: ({ client, op, marker }) => {
      if (marker !== undefined) remember(waiting, `${client}/${op}`, keyOf(marker));
    },
    accepted: (observation) => {
      const { client, op, position: place } = observation;
      const name = waiting.get(`${client}/${op}`);
      waiting.delete(`${client}/${op}`);
      if (name === undefined || place === undefined) return;
      tally.judged();
      binds(observation, place, name, true);
    },
    delivered: (arrived, stay) => {
      const { position: place, marker } = arrived;
      if (place === undefined) return;
      tally.judged();
      const name = marker === undefined ? digestOf(arrived.content) : keyOf(marker);
      const isBound = binds(arrived, place, name, marker !== undefined);
      const line = lines.get(stay) ?? createSeen();
      lines.set(stay, line);
      const last = line.last;
      const arrival = line.take(place);
      if (line.isBounded) tally.bound(`a client has over ${GAPS_MAX} gaps`);
      if (arrival !== "behind" || !isBound) return;
      const witness = [
        toClient(arrived.atMs, arrived.client, `position ${last ?? 0}`),
        bad(toClient(arrived.atMs, arrived.client, `${name} at ${place}`)),
      ];
      disordered(tally, arrived, "rising positions", `${place} after ${last ?? 0}`, witness);
    },
    ended: (stay) => {
      lines.delete(stay);
    },
  };
}

function perAuthor(tally: Tally): Model {
  const lines = new Map<number, Map<number, { seen: Seen; lastMs: number }>>();
  return {
    delivered: (arrived, stay) => {
      const { marker } = arrived;
      if (marker === undefined) return;
      const authors = lines.get(stay) ?? new Map<number, { seen: Seen; lastMs: number }>();
      lines.set(stay, authors);
      const line = authors.get(marker.author) ?? { seen: createSeen(), lastMs: arrived.atMs };
      authors.set(marker.author, line);
      const last = line.seen.last;
      const lastMs = line.lastMs;
      const arrival = line.seen.take(marker.n);
      if (line.seen.isBounded) tally.bound(`a client has over ${GAPS_MAX} gaps`);
      if (arrival === "again") return;
      tally.judged();
      if (arrival !== "behind" || last === undefined) {
        line.lastMs = arrived.atMs;
        return;
      }
      const before = keyOf({ author: marker.author, n: last });
      const witness = [toClient(lastMs, arrived.client, before), bad(toClient(arrived.atMs, arrived.client, keyOf(marker)))];
      disordered(tally, arrived, `${keyOf(marker)} before ${before}`, `${before} before ${keyOf(marker)}`, witness);
    },
    ended: (stay) => {
      lines.delete(stay);
    },
  };
}
