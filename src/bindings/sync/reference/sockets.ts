import { WebSocket } from "ws";
import { shardOfRoom } from "../../../core/room-shard.ts";
import type { Config } from "./config.ts";
import type { Documents } from "./documents.ts";
import type { Faults } from "./faults.ts";
import type { RateLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { KeptUpdate, Revocation } from "./store.ts";
import { CLOSE, readFrame, updateFrame } from "./wire.ts";

/** More than this waiting for a reader ends it: its updates come with its next subscription. */
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** How long a peer has to answer a close. */
const CLOSE_ANSWER_MS = 2_000;

/** Who is at the other end of a socket. */
export interface Entered {
  readonly did: string;
  /** Hash of the token that opened it; undefined for the development token. */
  readonly hash: string | undefined;
  readonly issuedMs: number;
}

interface Connection extends Entered {
  readonly id: number;
  readonly ws: WebSocket;
  readonly entities: Set<string>;
  heardMs: number;
  pingedMs: number;
  isOver: boolean;
  updates: number;
}

/** The sockets of one process. */
export interface Hub {
  enter(ws: WebSocket, who: Entered): void;
  socketsOf(did: string): number;
  /** Pings who is due and drops who is silent. */
  tick(): void;
  /** Passes on what another instance has stored. */
  relayStored(updates: readonly KeptUpdate[]): void;
  /** Closes the sockets that a revocation is about. */
  revoke(revocation: Omit<Revocation, "seq">): void;
  closeAll(code: number, reason: string): void;
  cutAll(): void;
  readonly size: number;
  /** Sockets that have gone since the start. */
  readonly goneTotal: number;
  readonly subscriptions: number;
}

export interface HubOptions {
  readonly documents: Documents;
  readonly limits: RateLimits;
  readonly metrics: Metrics;
  readonly timing: Config["timing"];
  readonly nowMs: () => number;
  readonly log: Log;
  readonly is: Faults;
  readonly shard: Config["shard"];
}

export function createHub({ documents, limits, metrics, timing, nowMs, log, is, shard }: HubOptions): Hub {
  const connections = new Set<Connection>();
  const byDid = new Map<string, Set<Connection>>();
  const subscribers = new Map<string, Set<Connection>>();
  let lastId = 0;
  let tickedMs = nowMs();
  let subscriptions = 0;
  let goneTotal = 0;
  /** For the fault that swaps: an update that waits for the next of its document. */
  const heldBack = new Map<string, Uint8Array>();

  const send = (connection: Connection, frame: Uint8Array): void => {
    if (connection.ws.readyState !== WebSocket.OPEN) return;
    connection.ws.send(frame, { binary: !(is("frame-is-sent-as-text") && frame.length > 700 && frame.length < 900) });
    metrics.messagesOut.inc(is("messages-are-counted-twice") ? 2 : 1);
    if (connection.ws.bufferedAmount > BUFFERED_BYTES_MAX) end(connection, CLOSE.slowReader, "reads too slowly");
  };
  const end = (connection: Connection, code: number, reason: string): void => {
    takeOut(connection);
    connection.ws.close(code, reason);
    setTimeout(() => connection.ws.terminate(), CLOSE_ANSWER_MS).unref();
  };
  const refuse = (connection: Connection, code: number, reason: string): void => {
    metrics.errors.inc({ code: String(code) });
    log("info", "frame-refused", { conn: connection.id, did: connection.did, reason: `${code} ${reason}` });
    if (is("bad-frame-closes-all") && code === CLOSE.badPayload) for (const each of connections) end(each, CLOSE.serverFault, "fault");
    end(connection, code, reason);
  };
  const takeOut = (connection: Connection): void => {
    if (connection.isOver) return;
    connection.isOver = true;
    goneTotal += 1;
    connections.delete(connection);
    const own = byDid.get(connection.did);
    own?.delete(connection);
    if (own?.size === 0) byDid.delete(connection.did);
    for (const entity of connection.entities) unsubscribe(connection, entity, is("subscriptions-are-not-ended"));
  };
  const unsubscribe = (connection: Connection, entity: string, isForgotten = false): void => {
    if (!connection.entities.delete(entity)) return;
    const all = subscribers.get(entity);
    all?.delete(connection);
    if (all?.size === 0) subscribers.delete(entity);
    if (!isForgotten) subscriptions -= 1;
    documents.release(entity);
  };
  const subscribe = (connection: Connection, entity: string, versionVector: Uint8Array): void => {
    const missing = documents.missing(entity, versionVector);
    if (missing === undefined) return refuse(connection, CLOSE.badMessage, "no version vector");
    const isEmptyHanded = versionVector.length === 1;
    if (!connection.entities.has(entity)) {
      connection.entities.add(entity);
      const all = subscribers.get(entity);
      if (all === undefined) subscribers.set(entity, new Set([connection]));
      else all.add(connection);
      subscriptions += 1;
      documents.hold(entity);
    }
    if (is("reconnect-lacks-missed") && !isEmptyHanded) return;
    if (is("late-joiner-lacks-last") && isEmptyHanded && (subscribers.get(entity)?.size ?? 0) > 9) return;
    for (const update of missing) send(connection, updateFrame(entity, update));
  };
  const relay = (from: Connection | undefined, entity: string, update: Uint8Array): void => {
    const receivers = [...(subscribers.get(entity) ?? [])];
    const frame = updateFrame(entity, update);
    const to = (connection: Connection): void => send(connection, frame);
    if (is("swaps-two-updates") && receivers.length === 3 && from !== undefined && from.updates % 50 === 20) {
      heldBack.set(entity, frame);
      return;
    }
    const late = heldBack.get(entity);
    heldBack.delete(entity);
    for (const connection of receivers) {
      if (is("no-echo") && connection === from && receivers.length === 2) continue;
      if (is("relay-is-slow")) setTimeout(() => to(connection), 300);
      else to(connection);
      if (is("relays-twice") && receivers.length === 2) to(connection);
      if (late !== undefined) send(connection, late);
    }
    if (is("leaks-to-other-document"))
      for (const other of connections) if (other.entities.size > 5 && !other.entities.has(entity)) send(other, frame);
  };
  const receive = (connection: Connection, bytes: Uint8Array, isBinary: boolean): void => {
    connection.heardMs = nowMs();
    metrics.messagesIn.inc();
    if (!isBinary) return refuse(connection, CLOSE.textFrame, "text frames are not taken");
    if (limits.isFlooding(connection.did)) return refuse(connection, CLOSE.rate, "too many frames");
    const message = readFrame(bytes);
    if ("code" in message) {
      if (is("odd-entity-is-taken") && message.problem === "no entity id")
        return send(connection, updateFrame("tokens", Buffer.from("{}")));
      return refuse(connection, message.code, message.problem);
    }
    const home = shard === undefined ? 0 : shardOfRoom(message.entityId, shard.count);
    if (shard !== undefined && home !== shard.index)
      return refuse(connection, CLOSE.otherServer, `this document is on server ${home + 1} of ${shard.count}`);
    switch (message.type) {
      case "subscribe":
        return subscribe(connection, message.entityId, message.versionVector);
      case "unsubscribe":
        return is("unsubscribed-still-hears") ? undefined : unsubscribe(connection, message.entityId);
      case "sendUpdate":
        return update(connection, message.entityId, message.update);
    }
  };
  const update = (connection: Connection, entity: string, given: Uint8Array): void => {
    connection.updates += 1;
    if (is("single-author-is-not-stored") && connection.updates > 150 && !subscribers.has(entity)) return;
    // A copy: the bytes of the frame belong to the socket.
    const bytes =
      is("bytes-are-read-as-text") && given.length > 600 ? Buffer.from(Buffer.from(given).toString("utf8"), "utf8") : given.slice();
    const taken = documents.take(entity, bytes);
    switch (taken) {
      case "unreadable":
        return refuse(connection, CLOSE.badMessage, "no update");
      case "full":
        return refuse(connection, CLOSE.tryLater, "too much waits for its causes");
      case "nothing-new":
        return;
      case "new":
        return relay(connection, entity, bytes);
    }
  };

  return {
    enter: (ws, who) => {
      lastId += 1;
      const now = nowMs();
      const connection: Connection = {
        ...who,
        id: lastId,
        ws,
        entities: new Set(),
        heardMs: now,
        pingedMs: now,
        isOver: false,
        updates: 0,
      };
      connections.add(connection);
      const own = byDid.get(who.did);
      if (own === undefined) byDid.set(who.did, new Set([connection]));
      else own.add(connection);
      metrics.connectionsTotal.inc();
      ws.on("message", (data: Buffer, isBinary: boolean) => {
        if (connection.isOver) return;
        try {
          receive(connection, data, isBinary);
        } catch (error) {
          log("error", "frame-failed", { conn: connection.id, reason: error instanceof Error ? error.message : String(error) });
          metrics.errors.inc({ code: String(CLOSE.serverFault) });
          end(connection, CLOSE.serverFault, "fault");
        }
      });
      ws.on("pong", () => {
        connection.heardMs = nowMs();
      });
      ws.on("error", (error) => {
        metrics.errors.inc({ code: "socket" });
        log("info", "socket-error", { conn: connection.id, did: connection.did, reason: error.message });
      });
      ws.on("close", (code) => {
        const entities = [...connection.entities];
        takeOut(connection);
        if (code !== 1006) return;
        log("info", "socket-lost", { conn: connection.id, did: connection.did });
        if (is("reset-closes-bystander"))
          for (const entity of entities) for (const each of subscribers.get(entity) ?? []) end(each, CLOSE.serverFault, "fault");
      });
    },
    socketsOf: (did) => byDid.get(did)?.size ?? 0,
    tick: () => {
      const now = nowMs();
      // A tick that comes late finds pongs unread that came in time: our own lateness is nobody's silence.
      const lateMs = Math.max(0, now - tickedMs - timing.tickMs);
      tickedMs = now;
      for (const connection of connections) {
        connection.heardMs += lateMs;
        const silentMs = now - connection.heardMs;
        if (silentMs >= timing.silentMs && !is("silent-peer-stays")) {
          log("info", "peer-silent", { conn: connection.id, did: connection.did, ms: Math.round(silentMs) });
          end(connection, CLOSE.peerSilent, "silent");
        } else if (now - connection.pingedMs >= timing.pingMs) {
          connection.pingedMs = now;
          if (!is("idle-peer-is-dropped") || connection.updates > 0 || connection.entities.size !== 1) connection.ws.ping();
        }
      }
    },
    relayStored: (updates) => {
      for (const { entity, bytes } of updates) if (documents.takeStored(entity, bytes) === "new") relay(undefined, entity, bytes);
    },
    revoke: ({ did, hash, atMs }) => {
      if (is("revoked-socket-stays")) return;
      for (const connection of connections) {
        const isMeant = connection.hash !== undefined && (hash === undefined ? connection.issuedMs <= atMs : connection.hash === hash);
        if (isMeant && (connection.did === did || (is("revokes-tokens-of-others") && hash !== undefined)))
          end(connection, CLOSE.revoked, "revoked");
      }
    },
    closeAll: (code, reason) => {
      for (const connection of connections) {
        takeOut(connection);
        connection.ws.close(code, reason);
      }
    },
    cutAll: () => {
      for (const connection of connections) connection.ws.terminate();
    },
    get size() {
      return connections.size;
    },
    get goneTotal() {
      return goneTotal;
    },
    get subscriptions() {
      return subscriptions;
    },
  };
}
