import type { Delivered, Observation, Observed } from "../core/observation.ts";
import { createStays, type Stay, type Stays } from "./stays.ts";
import { digestOf, keyOf } from "./words.ts";

/** One marked write on its way to the members of its room. */
export interface Flight {
  readonly author: number;
  readonly n: number;
  readonly op: number;
  readonly room: string;
  /** The author's stay when it wrote. */
  readonly home: Stay | undefined;
  readonly plannedMs: number;
  readonly invokedMs: number;
  /** Stays that must still receive it. */
  readonly owed: Set<Stay>;
  /** Stays that left with a later write of this author in hand: for them it is missing for good. */
  readonly gaps: Stay[];
  /** Ids of the stays that have it. */
  readonly got: Set<number>;
  content: string | undefined;
  firstMs: number | undefined;
  lastMs: number | undefined;
  accepted: boolean;
  rejected: boolean;
  /** Nothing shows that the server ever took it, and its author went or was refused something meanwhile. */
  mayBeLost: boolean;
}

export type Arrived = Observed & Delivered;

interface FlightHooks {
  received?: (flight: Flight, stay: Stay | undefined, arrived: Arrived, must: boolean) => void;
  doubled?: (flight: Flight, arrived: Arrived) => void;
  /** The first receiver's content is the measure of all later ones. */
  differs?: (flight: Flight, arrived: Arrived) => void;
  damaged?: (flight: Flight | undefined, arrived: Arrived) => void;
  /** Of an author of this room, with a counter that it never used. */
  invented?: (arrived: Arrived) => void;
  /** Everybody who must have it has it. */
  completed?: (flight: Flight) => void;
  /** A write or delivery falls out of the window before it is settled. */
  bound?: (why: string) => void;
}

/** Writes that one room keeps: enough for a member 200 s behind at 10 writes a second. Older ones are forgotten. */
const FLIGHTS_PER_ROOM_MAX = 2048;

function opKey(client: number, op: number): string {
  return `${client}/${op}`;
}

interface Room {
  readonly flights: Map<string, Flight>;
  /** By client and op, for answers. */
  readonly byOp: Map<string, Flight>;
  /** By author, the highest counter that was ever invoked and the highest that was forgotten. */
  readonly highest: Map<number, { invoked: number; forgotten: number }>;
}

interface Flights {
  readonly stays: Stays;
  observe(observation: Observation): void;
  /** Every write still in the window. */
  all(): Iterable<Flight>;
}

/**
 * Follows every marked write from its author to each member that must receive it: whoever was in before it was
 * invoked and stays. Work per observation is constant but for three, each paid for by as many deliveries: an invoked
 * write notes its receivers, a leaving member is taken off the writes in flight, the window forgets.
 */
export function createFlights(options: { run: string; echo: boolean }, hooks: FlightHooks): Flights {
  const rooms = new Map<string, Room>();
  /** By stay id and author, the highest counter received: a leaving member's gaps are known from it. */
  const received = new Map<number, Map<number, number>>();

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined) rooms.set(name, (room = { flights: new Map(), byOp: new Map(), highest: new Map() }));
    return room;
  };
  const settle = (flight: Flight): void => {
    if (flight.owed.size === 0 && flight.gaps.length === 0 && flight.firstMs !== undefined && !flight.rejected) hooks.completed?.(flight);
  };
  const left = (stay: Stay): void => {
    const highest = received.get(stay.id);
    received.delete(stay.id);
    for (const flight of roomOf(stay.room).flights.values()) {
      if (flight.author === stay.client && flight.firstMs === undefined && !flight.accepted) flight.mayBeLost = true;
      if (!flight.owed.delete(stay)) continue;
      if ((highest?.get(flight.author) ?? 0) > flight.n) flight.gaps.push(stay);
      settle(flight);
    }
  };
  const stays = createStays({ left });

  const invoked = (observation: Observation & { kind: "invoked" }): void => {
    const { marker, client } = observation;
    if (marker === undefined || marker.run !== options.run) return;
    const room = roomOf(observation.room);
    const key = keyOf(marker);
    if (room.flights.has(key)) return;
    const owed = new Set(stays.membersOf(observation.room));
    const author = stays.of(client);
    if (!options.echo && author !== undefined) owed.delete(author);
    const flight: Flight = {
      author: marker.author,
      n: marker.n,
      op: observation.op,
      room: observation.room,
      home: author,
      plannedMs: observation.plannedMs,
      invokedMs: observation.atMs,
      owed,
      gaps: [],
      got: new Set(),
      content: undefined,
      firstMs: undefined,
      lastMs: undefined,
      accepted: false,
      rejected: false,
      mayBeLost: author?.isIn !== true,
    };
    room.flights.set(key, flight);
    room.byOp.set(opKey(client, flight.op), flight);
    const highest = room.highest.get(marker.author) ?? { invoked: 0, forgotten: 0 };
    highest.invoked = Math.max(highest.invoked, marker.n);
    room.highest.set(marker.author, highest);
    forget(room);
  };
  const forget = (room: Room): void => {
    if (room.flights.size <= FLIGHTS_PER_ROOM_MAX) return;
    for (const [key, flight] of room.flights) {
      const isOpen = !flight.rejected && (flight.owed.size > 0 || flight.gaps.length > 0);
      if (isOpen) hooks.bound?.(`a room has over ${FLIGHTS_PER_ROOM_MAX} writes in flight`);
      const highest = room.highest.get(flight.author);
      if (highest !== undefined) highest.forgotten = Math.max(highest.forgotten, flight.n);
      room.flights.delete(key);
      room.byOp.delete(opKey(flight.author, flight.op));
      return;
    }
  };
  const delivered = (arrived: Arrived): void => {
    const { marker } = arrived;
    if (marker === undefined) return;
    const room = roomOf(arrived.room);
    const flight = marker.run === options.run ? room.flights.get(keyOf(marker)) : undefined;
    if (!marker.intact) hooks.damaged?.(flight, arrived);
    if (flight === undefined) {
      const highest = room.highest.get(marker.author);
      if (!marker.intact || marker.run !== options.run || highest === undefined) return;
      if (marker.n <= highest.forgotten) hooks.bound?.(`a delivery is over ${FLIGHTS_PER_ROOM_MAX} writes of its room behind`);
      else hooks.invented?.(arrived);
      return;
    }
    if (flight.rejected) return;
    const stay = stays.of(arrived.client);
    const id = stay?.id ?? -arrived.client - 1;
    const isOwnWithoutEcho = !options.echo && arrived.client === flight.author;
    if (flight.got.has(id) || isOwnWithoutEcho) return hooks.doubled?.(flight, arrived);
    flight.got.add(id);
    if (stay !== undefined) {
      const highest = received.get(stay.id) ?? new Map<number, number>();
      highest.set(marker.author, Math.max(highest.get(marker.author) ?? 0, marker.n));
      received.set(stay.id, highest);
    }
    if (marker.intact) {
      const content = digestOf(arrived.content);
      flight.content ??= content;
      if (flight.content !== content) hooks.differs?.(flight, arrived);
    }
    flight.firstMs ??= arrived.atMs;
    flight.lastMs = arrived.atMs;
    const gap = stay === undefined ? -1 : flight.gaps.indexOf(stay);
    if (gap >= 0) flight.gaps.splice(gap, 1);
    const must = stay !== undefined && (flight.owed.delete(stay) || gap >= 0);
    hooks.received?.(flight, stay, arrived, must);
    if (must) settle(flight);
  };
  const answered = (observation: Observation & { kind: "accepted" | "rejected" }): void => {
    const room = roomOf(observation.room);
    const { client, op } = observation;
    if (op !== undefined) {
      const flight = room.byOp.get(opKey(client, op));
      if (flight === undefined) return;
      if (observation.kind === "accepted") flight.accepted = true;
      else flight.rejected = true;
      return;
    }
    for (const flight of room.flights.values()) {
      if (flight.author === client && flight.firstMs === undefined && !flight.accepted) flight.mayBeLost = true;
    }
  };

  return {
    stays,
    observe: (observation) => {
      stays.take(observation);
      if (observation.kind === "invoked" && observation.act === "write") invoked(observation);
      else if (observation.kind === "delivered") delivered(observation);
      else if (observation.kind === "accepted" || observation.kind === "rejected") answered(observation);
    },
    all: function* () {
      for (const room of rooms.values()) yield* room.flights.values();
    },
  };
}
