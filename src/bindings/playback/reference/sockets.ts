import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Timing } from "./config.ts";
import type { Faults, Listener } from "./faults.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { isExpired, join, leave, type Room, roomFullState, type RoomStore, touch, update } from "./rooms.ts";
import { frameMessage, type Incoming, parseFrame } from "./wire.ts";

/** Close codes of X-7 and P-14 that this server uses. */
export const CLOSE = {
  goingAway: 1001,
  serverFault: 1011,
  full: 4403,
  unknownRoom: 4404,
  peerSilent: 4408,
  roomGone: 4410,
  slowReader: 4413,
} as const;

/** More than this waiting for a reader closes it (P-14). */
export const BUFFERED_BYTES_MAX: number = 8 * 1024 * 1024;

/** How long a peer has to answer a close before its connection is cut. */
const CLOSE_ANSWER_MS = 2_000;

/** An open socket in a room. */
interface Connection extends Listener {
  readonly id: number;
  readonly ws: WebSocket;
  /** The connection below `ws`: frames are written to it as they are, each framed once for all members. */
  readonly stream: Duplex;
  refusedCount: number;
  messageCount: number;
  heardMs: number;
  pingedMs: number;
  /** Taken out of its room; what still comes from it has no effect. */
  isOut: boolean;
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
  const connections = new Set<Connection>();
  const byRoom = new Map<Room, Set<Connection>>();
  /** Upgraded but in no room: on their way out. */
  const strangers = new Set<WebSocket>();
  let lastId = 0;

  const listenersOf = (room: Room): Iterable<Connection> => byRoom.get(room) ?? [];

  const send = (connection: Connection, frame: Buffer): void => {
    if (connection.ws.readyState !== WebSocket.OPEN) return;
    connection.stream.write(frame);
    metrics.messagesOut.inc();
    if (connection.stream.writableLength > BUFFERED_BYTES_MAX) drop(connection, CLOSE.slowReader, "reads too slowly");
  };

  const tell = (listeners: Iterable<Connection>, type: string, payload: unknown): void => {
    const frame = frameMessage(type, payload);
    for (const listener of listeners) send(listener, frame);
  };

  const tellPresence = (listeners: Iterable<Connection>, type: "USER_JOINED" | "USER_LEFT", room: Room, userId: string): void =>
    tell(listeners, type, { userId, memberCount: faults.memberCount(room.members.size) });

  const keepStranger = (ws: WebSocket): void => {
    strangers.add(ws);
    ws.on("close", () => strangers.delete(ws));
  };

  const refuse = (ws: WebSocket, text: string, code: number): void => {
    metrics.errors.inc({ code: String(code) });
    keepStranger(ws);
    ws.send(JSON.stringify({ type: "ERROR", payload: text }));
    close(ws, code, text);
  };

  const takeOut = (connection: Connection, code: number): void => {
    if (connection.isOut) return;
    connection.isOut = true;
    connections.delete(connection);
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

  const drop = (connection: Connection, code: number, reason: string): void => {
    takeOut(connection, code);
    close(connection.ws, code, reason);
  };

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
      connection.isOut = true;
      connections.delete(connection);
      close(connection.ws, CLOSE.roomGone, "Room not found");
    }
  };

  const enter: Hub["enter"] = (ws, stream, roomId, userId) => {
    ws.on("error", () => undefined); // The close that follows says all there is to know.
    metrics.connectionsTotal.inc();
    const room = rooms.get(roomId) ?? roomForUnknown(roomId, userId);
    if (room === "ignored") return keepStranger(ws);
    if (room === undefined) return refuse(ws, "Room not found", CLOSE.unknownRoom);
    const atMs = nowMs();
    const outcome = join(room, userId, atMs, faults);
    if (outcome.kind === "full") return refuse(ws, "Room is full", CLOSE.full);
    const connection: Connection = {
      id: (lastId += 1),
      ws,
      stream,
      userId,
      room,
      openedMs: atMs,
      refusedCount: 0,
      messageCount: 0,
      heardMs: atMs,
      pingedMs: atMs,
      isOut: false,
    };
    const members = byRoom.get(room) ?? new Set<Connection>();
    byRoom.set(room, members.add(connection));
    connections.add(connection);
    ws.on("message", (data: Buffer, isBinary: boolean) => receive(connection, data, isBinary));
    ws.on("ping", () => hear(connection));
    ws.on("pong", () => hear(connection));
    ws.on("close", (code) => takeOut(connection, code));
    const isTold = outcome.isFirstSocket && faults.isJoinTold(room);
    tellPresence(isTold ? members : [connection], "USER_JOINED", room, userId);
    if (outcome.hasNewHost) tell(members, "HOST_CHANGED", { newHostId: userId });
  };

  const roomForUnknown = (roomId: string, userId: string): Room | "ignored" | undefined => {
    const fate = faults.unknownRoom(roomId);
    if (fate === "made") return rooms.adopt(roomId, userId, nowMs());
    return fate === "ignored" ? fate : undefined;
  };

  const hear = (connection: Connection): void => {
    connection.heardMs = nowMs();
  };

  const receive = (connection: Connection, data: Buffer, isBinary: boolean): void => {
    if (connection.isOut) return;
    hear(connection);
    metrics.messagesIn.inc();
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
    tick: () => {
      const atMs = nowMs();
      for (const connection of connections) {
        if (atMs - connection.heardMs >= timing.silentMs) {
          drop(connection, CLOSE.peerSilent, "silent for too long");
        } else if (atMs - connection.pingedMs >= timing.pingMs) {
          connection.pingedMs = atMs;
          connection.ws.ping();
        }
      }
    },
    closeAll: (code, reason) => {
      for (const connection of connections) {
        connection.isOut = true;
        connection.ws.close(code, reason);
      }
    },
    terminateAll: () => {
      for (const { ws } of connections) ws.terminate();
      for (const ws of strangers) ws.terminate();
    },
    get size() {
      return connections.size;
    },
  };
}

function close(ws: WebSocket, code: number, reason: string): void {
  ws.close(code, reason);
  setTimeout(() => ws.terminate(), CLOSE_ANSWER_MS).unref();
}
