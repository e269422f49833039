import type { Observation } from "../core/observation.ts";

/** One connection of one client: from `connected` until it is closed. */
export interface Stay {
  /** Counts from 1 in each `Stays`. */
  readonly id: number;
  readonly client: number;
  readonly room: string;
  readonly user: string | undefined;
  readonly connectedMs: number;
  /** From when on the server may have let it in. */
  readonly startedMs: number;
  joinedMs: number | undefined;
  /** Joined, and neither leaving nor gone: what is written now must reach it. */
  isIn: boolean;
  hasLeft: boolean;
}

export interface Stays {
  /** The client's open connection, also before its join and after its leaving. */
  of(client: number): Stay | undefined;
  /** Members of a room: their stays that are in. */
  membersOf(room: string): ReadonlySet<Stay>;
  /** Takes note of what connects, joins and leaves; ignores everything else. */
  take(observation: Observation): void;
}

const NOBODY: ReadonlySet<Stay> = new Set();

/**
 * Who is in which room, from the clients' own observations. A stay ends for accounting at the first sign of going: the
 * client asks to leave, the server says that it has left or that the room is gone, the connection ends, or another one
 * of the same client begins. Memory: one stay a client, which the harness bounds.
 */
export function createStays(hooks: { joined?: (stay: Stay, atMs: number) => void; left?: (stay: Stay, atMs: number) => void } = {}): Stays {
  const open = new Map<number, Stay>();
  const rooms = new Map<string, Set<Stay>>();
  let count = 0;

  const begin = (observation: Observation, user: string | undefined): Stay => {
    count += 1;
    const stay: Stay = {
      id: count,
      client: observation.client,
      room: observation.room,
      user,
      connectedMs: observation.atMs,
      startedMs: observation.kind === "connected" ? (observation.startedMs ?? observation.atMs) : observation.atMs,
      joinedMs: undefined,
      isIn: false,
      hasLeft: false,
    };
    open.set(observation.client, stay);
    return stay;
  };
  const leave = (stay: Stay | undefined, atMs: number): void => {
    if (stay === undefined || stay.hasLeft) return;
    stay.hasLeft = true;
    if (!stay.isIn) return;
    stay.isIn = false;
    rooms.get(stay.room)?.delete(stay);
    hooks.left?.(stay, atMs);
  };
  const join = (observation: Observation, user: string | undefined): void => {
    const present = open.get(observation.client);
    if (present?.isIn === true) return;
    const stay = present === undefined || present.hasLeft ? begin(observation, present?.user ?? user) : present;
    stay.joinedMs = observation.atMs;
    stay.isIn = true;
    const members = rooms.get(stay.room) ?? new Set<Stay>();
    rooms.set(stay.room, members.add(stay));
    hooks.joined?.(stay, observation.atMs);
  };

  return {
    of: (client) => open.get(client),
    membersOf: (room) => rooms.get(room) ?? NOBODY,
    take: (observation) => {
      // What nearly all is, and changes nothing.
      if (observation.kind === "invoked" && observation.act !== "leave") return;
      const present = open.get(observation.client);
      if (observation.kind === "connected") {
        leave(present, observation.atMs);
        begin(observation, observation.user);
      } else if (observation.kind === "disconnected") {
        leave(present, observation.atMs);
        open.delete(observation.client);
      } else if (observation.kind === "invoked") {
        leave(present, observation.atMs);
      } else if (observation.kind === "lifecycle") {
        if (observation.event === "joined") join(observation, observation.user);
        if (observation.event === "left" || observation.event === "gone") leave(present, observation.atMs);
      }
    },
  };
}
