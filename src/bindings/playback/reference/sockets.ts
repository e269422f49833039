import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Timing } from "./config.ts";
import type { Faults, Listener } from "./faults.ts";
import { CLOSE, createLinks, type Link } from "./links.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { isExpired, join, leave, type Room, roomFullState, type RoomStore, touch, update } from "./rooms.ts";
import { frameMessage, type Incoming, parseFrame } from "./wire.ts";

/** An open socket in a room. */
interface Connection extends Listener, Link {
  refusedCount: number;
  messageCount: number;
}

export interface Hub {
  /** Takes in a socket fresh from its upgrade. */
  enter(ws: WebSocket, stream: Duplex, roomId: string, userId: string): void;
  /** Deletes what has expired. */
  sweep(): void;
  /** Pings who is due and drops who is silent. */
  tick(): void;
  closeAll(code: number, reason: string): void;
  /** Cuts what is still open. */
  terminateAll(): void;
  readonly size: number;
}

export interface HubOptions {
  readonly rooms: RoomStore;
  readonly faults: Faults;
  readonly metrics: Metrics;
  readonly timing: Timing;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** The sockets of one process: messages in, broadcasts out, presence. */
export function createHub({ rooms, faults, metrics, timing, nowMs, log }: HubOptions): Hub {
  const byRoom = new Map<Room, Set<Connection>>();
  let lastId = 0;

  const listenersOf = (room: Room): Iterable<Connection> => byRoom.get(room) ?? [];

  const tellPresence = (listeners: Iterable<Connection>, type: "USER_JOINED" | "USER_LEFT", room: Room, userId: string): void =>
    tell(listeners, type, { userId, memberCount: faults.memberCount(room.members.size) });

  const left = (connection: Connection, code: number): void => {
    const { room, userId } = connection;
    const others = byRoom.get(room);
    others?.delete(connection);
    if (others?.size === 0) byRoom.delete(room);
    if (!faults.isGone(connection, code)) return;
    const { hasLeft, newHostId } = leave(room, userId, faults);
    if (!hasLeft) return;
    tellPresence(listenersOf(room), "USER_LEFT", room, userId);
    if (newHostId !== undefined) tell(listenersOf(room), "HOST_CHANGED", { newHostId });
    if (faults.endsRoom(room, code, others?.size ?? 0)) closeRoom(room, CLOSE.serverFault, "ended");
  };

  const links = createLinks<Connection>({ metrics, timing, nowMs, left });
  const { send, tell, drop } = links;

  const closeRoom = (room: Room, code: number, reason: string): void => {
    for (const connection of listenersOf(room)) drop(connection, code, reason);
  };

  const deleteRoom = (room: Room): void => {
    rooms.delete(room);
    const farewell = faults.farewell(room);
    const listeners = [...listenersOf(room)];
    if (farewell !== "silent") tell(listeners, "ERROR", "Room not found");
    if (farewell !== "closed") return;
    byRoom.delete(room);
    for (const connection of listeners) {
      links.release(connection, CLOSE.roomGone, "Room not found");
    }
  };

  const enter: Hub["enter"] = (ws, stream, roomId, userId) => {
    ws.on("error", () => undefined); // The close that follows says all there is to know.
    metrics.connectionsTotal.inc();
    const room = rooms.get(roomId) ?? roomForUnknown(roomId, userId);
    if (room === "ignored") return links.keepStranger(ws);
    if (room === undefined) return links.refuse(ws, "Room not found", CLOSE.unknownRoom);
    const atMs = nowMs();
    const outcome = join(room, userId, atMs, faults);
    if (outcome.kind === "full") return links.refuse(ws, "Room is full", CLOSE.full);
    const connection: Connection = {
      id: (lastId += 1),
      ws,
      stream,
      userId,
      room,
      openedMs: atMs,
      address: stream instanceof Socket ? (stream.remoteAddress ?? "") : "",
      refusedCount: 0,
      messageCount: 0,
      heardMs: atMs,
      pingedMs: atMs,
      isOut: false,
    };
    const members = byRoom.get(room) ?? new Set<Connection>();
    byRoom.set(room, members.add(connection));
    links.add(connection, (data, isBinary) => receive(connection, data, isBinary));
    const isTold = outcome.isFirstSocket && faults.isJoinTold(room);
    tellPresence(isTold ? members : [connection], "USER_JOINED", room, userId);
    if (outcome.hasNewHost) tell(members, "HOST_CHANGED", { newHostId: userId });
  };

  const roomForUnknown = (roomId: string, userId: string): Room | "ignored" | undefined => {
    const fate = faults.unknownRoom(roomId);
    if (fate === "made") return rooms.adopt(roomId, userId, nowMs());
    return fate === "ignored" ? fate : undefined;
  };

  const receive = (connection: Connection, data: Buffer, isBinary: boolean): void => {
    connection.messageCount += 1;
    try {
      const message = parseFrame(data, isBinary, faults);
      if ("refusal" in message) refuseMessage(connection, message.refusal);
      else if (isAlive(connection, message)) take(connection, message);
    } catch (error) {
      // One message of one client never costs more than its own socket.
      log("error", "message-failed", { conn: connection.id, reason: String(error) });
      metrics.errors.inc({ code: String(CLOSE.serverFault) });
      drop(connection, CLOSE.serverFault, "server fault");
    }
  };

  /** A socket outlives its room only by a fault. */
  const isAlive = ({ room }: Connection, { type }: Incoming): boolean => {
    if (rooms.get(room.id) === room) return true;
    if (!faults.isRevivedBy(room, type)) return false;
    rooms.restore(room);
    return true;
  };

  const refuseMessage = (connection: Connection, text: string): void => {
    metrics.errors.inc({ code: "4400" });
    connection.refusedCount += 1;
    const fate = faults.refusal(connection);
    if (fate === "silent") return;
    tell(fate === "told to all" ? listenersOf(connection.room) : [connection], "ERROR", text);
    if (fate === "room closed") closeRoom(connection.room, CLOSE.serverFault, "flooded");
  };

  const take = (connection: Connection, message: Incoming): void => {
    const { userId, room } = connection;
    const atMs = nowMs();
    switch (message.type) {
      case "HEARTBEAT":
        touch(room, "HEARTBEAT", userId, atMs, faults);
        return;
      case "SYNC_REQUEST": {
        touch(room, "SYNC_REQUEST", userId, atMs, faults);
        const whom = faults.askedBy(connection, atMs);
        if (whom === "nobody") return;
        const state = faults.answer(roomFullState(room, atMs, faults), connection, atMs);
        tell(whom === "everybody" ? listenersOf(room) : [connection], "SYNC_FULL_STATE", state);
        return;
      }
      case "UPDATE_PLAYBACK":
        faults.takeUpdate(connection, () => takeUpdate(connection, message));
    }
  };

  const takeUpdate = ({ userId, room: own }: Connection, { patch, payload, raw }: Extract<Incoming, { type: "UPDATE_PLAYBACK" }>): void => {
    const room = faults.destination(own, raw, rooms.get);
    const state = update(room, userId, patch, payload, nowMs(), faults);
    const frame = frameMessage("PLAYBACK_UPDATED", faults.broadcast(state, room, patch));
    faults.fanOut(room, userId, listenersOf(room), (listener) => send(listener as Connection, frame));
    const eavesdropper = faults.overhears(room, rooms.all);
    if (eavesdropper !== undefined) for (const listener of listenersOf(eavesdropper)) send(listener, frame);
  };

  return {
    enter,
    sweep: () => {
      const atMs = nowMs();
      for (const room of rooms.all()) {
        if (isExpired(room, atMs, timing.roomLifeMs, faults)) deleteRoom(room);
      }
    },
    tick: links.tick,
    closeAll: (code, reason) => {
      for (const connection of links.all()) links.release(connection, code, reason);
    },
    terminateAll: links.terminateAll,
    get size() {
      return links.size;
    },
  };
}
