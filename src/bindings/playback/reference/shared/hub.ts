import type { Timing } from "../config.ts";
import { CLOSE, createLinks, type Link } from "../links.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Patch } from "../rooms.ts";
import type { Hub } from "../sockets.ts";
import { frameMessage, parseFrame } from "../wire.ts";
import type { StoreConnection, StoredEvent } from "./connection.ts";
import type { SharedFaults } from "./faults.ts";
import { createReplica } from "./replica.ts";
import { answerOf, readStoredRoom, updateOf } from "./rooms.ts";

/** A socket's acts that may be on their way to the store; it is not read from while there are more. */
const UNDER_WAY_MAX = 256;

/** Rooms that one script deletes. */
const EXPIRED_AT_ONCE = 100;

const AWAY = "the room store does not answer";

/** An open socket: in its room once the event of its join has come. */
interface Member extends Link {
  readonly roomId: string;
  underWay: number;
}

/** The sockets of one of several processes that share their rooms. */
export interface SharedHub extends Hub {
  /** Whether the store answers. */
  readonly isServing: boolean;
  /** Takes all members out of their rooms, and leaves the store. */
  stop(): Promise<void>;
}

export interface SharedHubOptions {
  readonly store: StoreConnection;
  readonly faults: SharedFaults;
  readonly metrics: Metrics;
  readonly timing: Timing;
  readonly nowMs: () => number;
  readonly log: Log;
}

/**
 * Every act goes to the store, and what comes of it comes back as an event, also to the replica where it was done: all
 * members of a room, wherever they are, hear the same events in the same order.
 */
export function createSharedHub({ store, faults, metrics, timing, nowMs, log }: SharedHubOptions): SharedHub {
  const byRoom = new Map<string, Set<Member>>();
  /** Sent to the store, not yet heard of from there; by the id that the event will name. */
  const coming = new Map<string, Member>();
  /** `roomLifeMs` is a fraction on a scaled clock. */
  const lifeMs = Math.round(timing.roomLifeMs);
  let lastId = 0;

  const links = createLinks<Member>({
    metrics,
    timing,
    nowMs,
    left: (member) => {
      forget(member);
      replica.leave(String(member.id));
    },
  });
  const forget = (member: Member): void => {
    coming.delete(String(member.id));
    const members = byRoom.get(member.roomId);
    members?.delete(member);
    if (members?.size === 0) byRoom.delete(member.roomId);
  };

  const onEvent = (event: StoredEvent): void => {
    const { kind, room = "", user = "", count, host, replica: from = "", socket = "", first } = event.fields;
    const isOwn = from === replica.id;
    if (kind === "joined") {
      const comer = isOwn ? coming.get(socket) : undefined;
      if (comer !== undefined) admit(comer);
      const members = byRoom.get(room) ?? [];
      const hearers = first === "1" ? members : comer === undefined ? [] : [comer];
      links.tell(hearers, "USER_JOINED", { userId: user, memberCount: Number(count) });
      if (host !== "") links.tell(members, "HOST_CHANGED", { newHostId: host });
      return;
    }
    const members = byRoom.get(room);
    if (members === undefined) return;
    switch (kind) {
      case "left":
        links.tell(members, "USER_LEFT", { userId: user, memberCount: Number(count) });
        if (host !== "") links.tell(members, "HOST_CHANGED", { newHostId: host });
        return;
      case "updated": {
        const frame = frameMessage("PLAYBACK_UPDATED", updateOf(event));
        faults.arrive({ roomId: room, isOwn, listeners: members.size }, () => {
          for (const member of members) links.send(member, frame);
        });
        return;
      }
      case "asked": {
        if (!isOwn) return;
        for (const member of members) if (String(member.id) === socket) links.tell([member], "SYNC_FULL_STATE", answerOf(event));
        return;
      }
      case "gone":
        links.tell(members, "ERROR", "Room not found");
        for (const member of members) {
          replica.leave(String(member.id));
          links.release(member, CLOSE.roomGone, "Room not found");
        }
        byRoom.delete(room);
        return;
      default:
    }
  };

  const replica = createReplica({
    store,
    nowMs,
    log,
    onEvent,
    onAway: () => {
      for (const member of links.all()) links.release(member, CLOSE.storeAway, AWAY);
      byRoom.clear();
      coming.clear();
    },
  });

  const admit = (member: Member): void => {
    coming.delete(String(member.id));
    const members = byRoom.get(member.roomId) ?? new Set<Member>();
    byRoom.set(member.roomId, members.add(member));
    member.ws.resume();
  };

  /** What goes to the store for a member: where it fails, the member is told to come again. */
  const act = (member: Member, acting: Promise<unknown>): void => {
    member.underWay += 1;
    if (member.underWay === UNDER_WAY_MAX) member.ws.pause();
    acting
      .catch(() => links.drop(member, CLOSE.storeAway, AWAY))
      .finally(() => {
        member.underWay -= 1;
        if (member.underWay === UNDER_WAY_MAX / 2 && !member.isOut) member.ws.resume();
      });
  };

  const receive = (member: Member, data: Buffer, isBinary: boolean): void => {
    const message = parseFrame(data, isBinary, { takesPart: false });
    if ("refusal" in message) {
      metrics.errors.inc({ code: "4400" });
      links.tell([member], "ERROR", message.refusal);
      return;
    }
    switch (message.type) {
      case "HEARTBEAT":
        return act(member, replica.run("keep", member.roomId, lifeMs));
      case "SYNC_REQUEST":
        return act(member, replica.run("ask", member.roomId, replica.id, member.id, lifeMs));
      case "UPDATE_PLAYBACK":
        return act(member, write(member, message.patch));
    }
  };

  const write = async (member: Member, patch: Patch): Promise<void> => {
    const { roomId, userId } = member;
    const written = faults.write(roomId, patch, async () => (await readStoredRoom(replica, roomId))?.playbackState ?? undefined);
    const changes = changesOf(written instanceof Promise ? await written : written);
    await replica.run("update", roomId, userId, replica.id, lifeMs, ...changes);
  };

  const enter: Hub["enter"] = (ws, stream, roomId, userId) => {
    ws.on("error", () => undefined); // The close that follows says all there is to know.
    metrics.connectionsTotal.inc();
    const atMs = nowMs();
    const member: Member = { id: (lastId += 1), userId, ws, stream, heardMs: atMs, pingedMs: atMs, isOut: false, roomId, underWay: 0 };
    // What it sends before it is in the room waits in its connection.
    ws.pause();
    coming.set(String(member.id), member);
    links.add(member, (data, isBinary) => receive(member, data, isBinary));
    replica.run("join", roomId, userId, replica.id, member.id, lifeMs).then(
      (outcome) => {
        if (outcome === "joined") return;
        if (outcome === "buried") return links.drop(member, CLOSE.storeAway, AWAY);
        const [text, code] = outcome === "full" ? ["Room is full", CLOSE.full] : ["Room not found", CLOSE.unknownRoom];
        metrics.errors.inc({ code: String(code) });
        links.tell([member], "ERROR", String(text));
        links.release(member, Number(code), String(text));
        forget(member);
      },
      () => links.drop(member, CLOSE.storeAway, AWAY),
    );
  };

  return {
    enter,
    sweep: () => {
      const expire = async (): Promise<void> => {
        while (replica.isServing && Number(await replica.run("expire", EXPIRED_AT_ONCE)) === EXPIRED_AT_ONCE);
      };
      // The next sweep finds what this one could not.
      expire().catch(() => undefined);
    },
    tick: links.tick,
    closeAll: (code, reason) => {
      for (const member of links.all()) links.release(member, code, reason);
    },
    terminateAll: links.terminateAll,
    get size() {
      return links.size;
    },
    get isServing() {
      return replica.isServing;
    },
    stop: () => replica.stop(),
  };
}

/** A field's name in the store, and its value in JSON. */
const STORED = { mediaUrl: "url", mediaType: "type", isPlaying: "playing", currentTime: "time", playbackSpeed: "speed" } as const;

function changesOf(patch: Patch): readonly string[] {
  return Object.entries(STORED).flatMap(([name, stored]) => {
    const value = patch[name as keyof Patch];
    return value === undefined ? [] : [stored, JSON.stringify(value)];
  });
}
