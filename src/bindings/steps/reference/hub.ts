import type { WebSocket } from "ws";
import { type Codec, codecOf, readClientFrame } from "../codec.ts";
import { type Fields, isFields, own, parseJson } from "../json.ts";
import { type ClientMessage, isCount, type RefusalCode, type ServerMessage, type Steps, type UserPresence } from "../messages.ts";
import type { Json } from "../../../core/op.ts";
import { schemaNamed } from "../node/schema.ts";
import type { Config } from "./config.ts";
import type { Faults } from "./faults.ts";
import type { Log } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createGathering, type Gathering } from "./presence.ts";
import { createRoom, emptyDoc, historySince, type Member, type Room, take } from "./rooms.ts";

/** Close codes. */
export const CLOSE = { stopping: 1001, fault: 1011, silent: 4408, slow: 4413, rate: 4429 } as const;

/** A reader with more than this waiting is closed, and catches up by joining again (S-13). */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;
/** How long a socket may exceed its rate before it is closed (S-12). */
const EXCESS_MS_MAX = 5_000;
/** A peer that does not answer a close is cut. */
const CLOSE_ANSWER_MS = 1_000;

/** One socket. */
export interface Connection {
  readonly id: number;
  readonly ws: WebSocket;
  /** Room of the path in `documented`; undefined in `upstream`, where messages name it. */
  readonly address: string | undefined;
  readonly openedMs: number;
  heardMs: number;
  userId: string | undefined;
  room: Room<Connection> | undefined;
  isOut: boolean;
  window: { fromMs: number; count: number; excessSinceMs: number | undefined };
  readonly bufferedBytes: number;
  acts: number;
}

export interface Hub {
  enter(ws: WebSocket, address: string | undefined): void;
  /** Pings everybody, and drops the silent. */
  tick(): void;
  closeAll(code: number, reason: string): void;
  terminateAll(): void;
  readonly metrics: Metrics;
}

/** Rooms, sockets and what goes between them, in the words of one dialect. */
export function createHub(config: Config, faults: Faults, log: Log, nowMs: () => number = () => performance.now()): Hub {
  const codec: Codec = codecOf(config.dialect);
  const schema = schemaNamed(config.schema);
  const rooms = new Map<string, Room<Connection>>();
  const connections = new Set<Connection>();
  let lastId = 0;
  const metrics = createMetrics({
    connections: () => connections.size,
    rooms: function* () {
      for (const { id, version, members } of rooms.values()) yield { id, version, members: members.size };
    },
  });

  const frameOf = (message: ServerMessage, room: string, user: string): Buffer =>
    Buffer.from(codec.writeServer(message, { room, user, epochMs: Date.now() }));
  const sendFrame = (connection: Connection, frame: Buffer): void => {
    if (connection.isOut) return;
    connection.ws.send(frame, { binary: false, compress: false });
    metrics.messagesOut.inc();
    if (connection.ws.bufferedAmount > BUFFERED_BYTES_MAX && !faults.waitsForSlow) drop(connection, CLOSE.slow, "reads too slowly");
  };
  const roomIdOf = (connection: Connection): string => connection.room?.id ?? connection.address ?? "";
  const tell = (connection: Connection, message: ServerMessage): void =>
    sendFrame(connection, frameOf(message, roomIdOf(connection), connection.userId ?? ""));
  const tellMembers = (room: Room<Connection>, message: ServerMessage, except: string): void => {
    const frame = frameOf(message, room.id, except);
    for (const member of room.members.values()) if (member.userId !== except) for (const socket of member.sockets) sendFrame(socket, frame);
  };
  const refuse = (connection: Connection, code: RefusalCode, problem: string, re: string | undefined): void => {
    metrics.errors.inc({ code });
    const error = faults.error({ type: "error", code, message: problem, ...(re === undefined ? {} : { re }) }, connection);
    if (error === undefined) return;
    const frame = codec.writeServer(error, { room: roomIdOf(connection), user: connection.userId ?? "", epochMs: Date.now() });
    sendFrame(connection, Buffer.from(faults.errorFrame(frame, error)));
  };
  const gathering: Gathering = createGathering(config.dialect, faults, frameOf, sendFrame, nowMs);

  const drop = (connection: Connection, code: number, reason: string): void => {
    takeOut(connection, code);
    connection.ws.close(code, reason);
    setTimeout(() => connection.ws.terminate(), CLOSE_ANSWER_MS).unref();
  };
  /** The socket is gone, or to be treated so. */
  const takeOut = (connection: Connection, code: number): void => {
    if (connection.isOut) return;
    depart(connection, code);
    connection.isOut = true;
    connections.delete(connection);
  };
  const depart = (connection: Connection, code: number | undefined): void => {
    const { room, userId } = connection;
    if (room === undefined || userId === undefined) return;
    const member = room.members.get(userId);
    if (faults.hearsAfterLeave && code === undefined) {
      // The fault: the socket stays where accepted steps are sent to, and nowhere else.
      member?.sockets.delete(connection);
      room.members.set(`${userId} (left)`, {
        userId: `${userId} (left)`,
        sockets: new Set([connection]),
        presence: undefined,
        accepted: 0,
      });
    } else {
      member?.sockets.delete(connection);
    }
    connection.room = undefined;
    connection.userId = undefined;
    if (member === undefined || member.sockets.size > 0) return;
    const told = faults.leaveTold(room, code);
    if (told > 0) {
      room.members.delete(userId);
      room.changed.delete(userId);
    }
    for (let time = 0; time < told; time += 1) tellMembers(room, { type: "leave", userId }, userId);
    if (room.members.size > 0 || !faults.forgetsEmptyRoom) return;
    room.doc = emptyDoc(schema);
    room.version = 0;
    room.history.length = 0;
    room.historyFrom = 0;
  };

  const join = (connection: Connection, message: Extract<ClientMessage, { type: "join" }>, roomId: string): void => {
    if (connection.room !== undefined) return refuse(connection, "already_joined", "this socket has joined already", "join");
    const shard = faults.shardOf(roomId, config.shard);
    if (config.shard !== undefined && shard !== config.shard.index) {
      const problem = `this room is on server ${shard + 1} of ${config.shard.count}`;
      return refuse(connection, "wrong_server", problem, "join");
    }
    const presence = faults.joinPresence(message.presence);
    if (presence !== undefined && isTooLarge(presence)) return refuse(connection, "too_large", "presence takes up to 4 KiB", "join");
    const room = rooms.get(roomId) ?? createRoom<Connection>(roomId, schema);
    rooms.set(roomId, room);
    const { userId } = message;
    const present = room.members.get(userId);
    const member: Member<Connection> = present ?? { userId, sockets: new Set(), presence: undefined, accepted: 0 };
    if (codec.dialect === "upstream") for (const old of member.sockets) displace(member, old);
    member.sockets.add(connection);
    room.members.set(userId, member);
    connection.room = room;
    connection.userId = userId;
    if (presence !== undefined) member.presence = presence;
    gathering.set(room, userId, presence !== undefined);
    const snapshot = { type: "doc-snapshot", version: room.version, doc: room.doc.toJSON() as Json } as const;
    tell(connection, faults.snapshot(snapshot, room, "join", connection));
    tell(connection, { type: "presence", users: others(room, userId), isAll: true });
    if (present !== undefined) {
      if (presence !== undefined) gathering.changed(room, userId);
      return;
    }
    for (let time = 0; time < faults.joinTold(room); time += 1) {
      tellMembers(room, { type: "join", userId, ...(presence === undefined ? {} : { presence }) }, userId);
    }
    if (presence !== undefined && codec.dialect === "upstream") gathering.changed(room, userId);
  };
  /** In `upstream` a later join of the same id takes over (S-8). */
  const displace = (member: Member<Connection>, old: Connection): void => {
    member.sockets.delete(old);
    old.room = undefined;
    old.userId = undefined;
  };
  const others = (room: Room<Connection>, userId: string): ReadonlyMap<string, UserPresence> => {
    const users = new Map<string, UserPresence>();
    for (const member of room.members.values()) {
      if (member.userId === userId) continue;
      const presence = gathering.presenceOf(room, member);
      if (presence !== undefined || codec.dialect === "documented") users.set(member.userId, presence ?? {});
    }
    return faults.list(users, room);
  };

  const steps = (connection: Connection, own: Room<Connection>, message: Steps, fields: Fields): void => {
    const delayMs = faults.batchDelayMs(message.steps, own);
    if (delayMs > 0) {
      setTimeout(() => takeSteps(connection, own, message, fields), delayMs);
      return;
    }
    takeSteps(connection, own, message, fields);
  };
  const takeSteps = (connection: Connection, ownRoom: Room<Connection>, message: Steps, fields: Fields): void => {
    const room = faults.destination(fields, ownRoom, (id) => rooms.get(id)) as Room<Connection>;
    const taken = take(schema, room, message, faults);
    if (!taken.ok) {
      metrics.refused.inc({ room: room.id, code: taken.code }, message.steps.length);
      refuse(connection, taken.code, taken.problem, "steps");
      if (taken.code === "version_mismatch") {
        const snapshot = { type: "doc-snapshot", version: room.version, doc: room.doc.toJSON() as Json } as const;
        tell(connection, faults.snapshot(snapshot, room, "refusal", connection));
      }
      return;
    }
    metrics.accepted.inc({ room: room.id }, faults.countsSteps(taken.steps.length));
    tell(connection, { type: "ack", version: taken.version });
    // Empty steps at the present version are confirmed, and nobody else hears of them (S-2).
    if (taken.steps.length > 0)
      fanOut(connection, room, { type: "steps", steps: taken.steps, version: taken.version, userId: message.userId });
    const more = faults.again(room, taken.steps);
    if (more.length === 0) return;
    const again = take(schema, room, { ...message, steps: more, version: room.version }, faults);
    if (again.ok) fanOut(undefined, room, { type: "steps", steps: again.steps, version: again.version, userId: message.userId });
  };
  const fanOut = (author: Connection | undefined, room: Room<Connection>, message: Steps & { version: number }): void => {
    const delayMs = faults.broadcastDelayMs(room);
    if (delayMs > 0) setTimeout(() => spread(author, room, message), delayMs);
    else spread(author, room, message);
  };
  const spread = (author: Connection | undefined, room: Room<Connection>, message: Steps & { version: number }): void => {
    const pristine = frameOf(message, room.id, message.userId);
    const heard = faults.overhears(room, () => rooms.values());
    const slowest = (): number =>
      Math.max(0, ...[...room.members.values()].flatMap((each) => [...each.sockets].map((socket) => socket.ws.bufferedAmount)));
    if (faults.waitsForSlow && slowest() > 256 * 1024) {
      setTimeout(() => spread(author, room, message), 2_500).unref();
      return;
    }
    for (const [index, member] of [...room.members.values()].entries()) {
      const messages = faults.broadcast(message, room, index);
      for (const socket of member.sockets) {
        if (socket === author && !faults.echoes(room)) continue;
        for (const each of messages) sendFrame(socket, each === message ? pristine : frameOf(each, room.id, message.userId));
      }
    }
    if (heard !== undefined)
      for (const member of heard.members.values()) for (const socket of member.sockets) sendFrame(socket as Connection, pristine);
  };

  const presence = (connection: Connection, room: Room<Connection>, userId: string, users: ReadonlyMap<string, UserPresence>): void => {
    const entry = faults.trustsIds ? [...users.values()][0] : users.get(userId);
    const named = faults.trustsIds ? ([...users.keys()][0] ?? userId) : userId;
    if (entry === undefined || (users.size !== 1 && !faults.trustsIds))
      return refuse(connection, "identity_mismatch", "this socket joined as another user", "presence");
    if (isTooLarge(entry)) return refuse(connection, "too_large", "presence takes up to 4 KiB", "presence");
    const member = room.members.get(named);
    if (member === undefined) return;
    member.presence = faults.presence(entry, room);
    gathering.set(room, named, true);
    gathering.changed(room, named);
  };
  const isTooLarge = (entry: UserPresence): boolean => Buffer.byteLength(JSON.stringify(entry)) > faults.presenceMax;

  const history = (connection: Connection, room: Room<Connection>, sinceVersion: number): void => {
    if (!isCount(sinceVersion) || sinceVersion > room.version)
      return refuse(connection, "bad_version", "the room has not been at this version", "history-request");
    const found = historySince(room, sinceVersion);
    if (found !== undefined) tell(connection, faults.history(found, room));
    else
      tell(
        connection,
        faults.snapshot({ type: "doc-snapshot", version: room.version, doc: room.doc.toJSON() as Json }, room, "request", connection),
      );
  };

  const receive = (connection: Connection, data: Buffer, isBinary: boolean): void => {
    if (connection.isOut) return;
    connection.heardMs = nowMs();
    metrics.messagesIn.inc();
    if (isOverRate(connection)) return;
    const text = isBinary ? undefined : data.toString("utf8");
    const value = text === undefined ? undefined : parseJson(text);
    const fields = isFields(value) ? value : undefined;
    const parsed = faults.incoming(readClientFrame(codec, text ?? data), fields, connection);
    if (parsed === "ignored") return;
    if (parsed === "closed") return drop(connection, 1003, "not this");
    if (!parsed.ok) return refuse(connection, parsed.code, parsed.problem, parsed.re);
    const { message, room: named, sender } = parsed.value;
    if (message.type !== "pong") connection.acts += 1;
    if (message.type === "join") return join(connection, message, named ?? connection.address ?? "");
    const { room, userId } = connection;
    if (room === undefined || userId === undefined) {
      if (message.type === "pong") return;
      const address = rooms.get(named ?? connection.address ?? "");
      if (message.type === "steps" && address !== undefined && faults.mayWriteUnjoined(connection))
        return takeSteps(connection, address, message, fields ?? {});
      return refuse(connection, "not_joined", "join the room first", message.type);
    }
    if (named !== undefined && named !== room.id && faults.destination({ room: named }, room, (id) => rooms.get(id)) === room)
      return message.type === "pong" ? undefined : refuse(connection, "not_joined", "this socket has joined another room", message.type);
    if (sender !== undefined && sender !== userId && !faults.trustsIds)
      return message.type === "pong"
        ? undefined
        : refuse(connection, "identity_mismatch", "this socket joined as another user", message.type);
    act(connection, room, userId, message, fields ?? {});
  };
  const act = (
    connection: Connection,
    room: Room<Connection>,
    userId: string,
    message: Exclude<ClientMessage, { type: "join" }>,
    fields: Fields,
  ): void => {
    switch (message.type) {
      case "steps":
        return steps(connection, room, message, named(fields));
      case "presence":
        return presence(connection, room, userId, message.users);
      case "leave":
        return depart(faults.trustsIds ? socketOf(room, message.userId, connection) : connection, undefined);
      case "doc-request": {
        const snapshot = { type: "doc-snapshot", version: room.version, doc: room.doc.toJSON() as Json } as const;
        return tell(connection, faults.snapshot(snapshot, room, "request", connection));
      }
      case "history-request":
        return history(connection, room, message.sinceVersion);
      case "pong":
    }
  };
  /** What a message says of rooms beside its address, in either dialect's word. */
  const named = (fields: Fields): Fields => {
    const room = own(fields, "roomId") ?? own(fields, "room");
    return room === undefined ? {} : { room };
  };
  const socketOf = (room: Room<Connection>, userId: string, otherwise: Connection): Connection =>
    [...(room.members.get(userId)?.sockets ?? [])][0] ?? otherwise;

  const isOverRate = (connection: Connection): boolean => {
    const max = config.messagesPerSecondMax;
    if (max === undefined) return false;
    const { window } = connection;
    const atMs = nowMs();
    if (atMs - window.fromMs >= 1_000) {
      if (window.count <= max) window.excessSinceMs = undefined;
      window.fromMs = atMs;
      window.count = 0;
    }
    window.count += 1;
    if (window.count <= max) return false;
    window.excessSinceMs ??= atMs;
    if (atMs - window.excessSinceMs > EXCESS_MS_MAX) drop(connection, CLOSE.rate, "too many messages");
    else refuse(connection, "rate", `up to ${max} messages a second`, undefined);
    return true;
  };

  return {
    metrics,
    enter: (ws, address) => {
      const atMs = nowMs();
      const connection: Connection = {
        id: (lastId += 1),
        ws,
        address,
        openedMs: atMs,
        heardMs: atMs,
        userId: undefined,
        room: undefined,
        isOut: false,
        window: { fromMs: atMs, count: 0, excessSinceMs: undefined },
        acts: 0,
        get bufferedBytes() {
          return ws.bufferedAmount;
        },
      };
      connections.add(connection);
      metrics.connections.inc();
      const hear = (): void => {
        connection.heardMs = nowMs();
      };
      ws.on("error", () => undefined); // The close that follows says all there is to know.
      ws.on("ping", hear);
      ws.on("pong", hear);
      ws.on("close", (code) => takeOut(connection, code));
      ws.on("message", (data: Buffer, isBinary: boolean) => {
        try {
          receive(connection, data, isBinary);
        } catch (error) {
          // One message of one client never costs more than its own socket.
          log("error", "message-failed", { conn: connection.id, reason: String(error) });
          drop(connection, CLOSE.fault, "server fault");
        }
      });
    },
    tick: () => {
      const atMs = nowMs();
      for (const connection of connections) {
        if (faults.isSilent(connection, atMs, config.timing.silentMs)) {
          drop(connection, CLOSE.silent, "silent for too long");
          continue;
        }
        connection.ws.ping();
        if (connection.room !== undefined) tell(connection, { type: "ping", ts: Date.now() });
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
    },
  };
}
