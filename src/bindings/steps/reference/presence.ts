import type { Dialect } from "../codec.ts";
import type { ServerMessage, UserPresence } from "../messages.ts";
import type { Faults } from "./faults.ts";
import type { Member, Room } from "./rooms.ts";

/** Changes are gathered for so long; a value that is soon replaced may be skipped (S-9). */
const GATHER_MS = 50;

/** Presence of rooms: who shows what, and when others are told. */
export interface Gathering {
  /** A user's presence was set, or its join gave none. */
  set(room: object, userId: string, isGiven: boolean): void;
  presenceOf<Socket>(room: Room<Socket>, member: Member<Socket>): UserPresence | undefined;
  /** Others are to be told, soon. */
  changed<Socket extends object>(room: Room<Socket>, userId: string): void;
}

/** Gathers changes and sends to each member what others have changed: one message in `documented`, one a user in `upstream`. */
export function createGathering<Wire extends object>(
  dialect: Dialect,
  faults: Faults,
  frameOf: (message: ServerMessage, room: string, user: string) => Buffer,
  sendFrame: (socket: Wire, frame: Buffer) => void,
  nowMs: () => number,
): Gathering {
  const setAt = new WeakMap<object, Map<string, number>>();

  const presenceOf = <Socket>(room: Room<Socket>, member: Member<Socket>): UserPresence | undefined => {
    const atMs = setAt.get(room)?.get(member.userId);
    return atMs !== undefined && faults.forgetsPresence(nowMs() - atMs) ? undefined : member.presence;
  };
  const flush = <Socket extends object>(room: Room<Socket>): void => {
    room.timer = undefined;
    const moved = new Map<string, UserPresence>();
    const whom = faults.sendsAll(room) ? room.members.keys() : room.changed;
    for (const userId of whom) moved.set(userId, room.members.get(userId)?.presence ?? {});
    room.changed.clear();
    if (moved.size === 0) return;
    const shared = framesOf(room, moved);
    for (const [index, member] of [...room.members.values()].entries()) {
      if (faults.presenceMisses(room, index)) continue;
      let frames = shared;
      if (moved.has(member.userId) && !faults.tellsMover(room)) {
        const rest = new Map(moved);
        rest.delete(member.userId);
        frames = framesOf(room, rest);
      }
      for (const socket of member.sockets) for (const frame of frames) sendFrame(socket as unknown as Wire, frame);
    }
  };
  const framesOf = <Socket>(room: Room<Socket>, users: ReadonlyMap<string, UserPresence>): readonly Buffer[] => {
    if (users.size === 0) return [];
    if (dialect === "documented") return [frameOf({ type: "presence", users }, room.id, "")];
    return [...users].map(([id, presence]) => frameOf({ type: "presence", users: new Map([[id, presence]]) }, room.id, id));
  };

  return {
    presenceOf,
    set: (room, userId, isGiven) => {
      const times = setAt.get(room) ?? new Map<string, number>();
      setAt.set(room, times);
      if (isGiven) times.set(userId, nowMs());
    },
    changed: (room, userId) => {
      room.changed.add(userId);
      room.timer ??= setTimeout(() => flush(room), GATHER_MS);
    },
  };
}
