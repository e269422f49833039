import type { Checker, Finding } from "../core/checker.ts";
import type { Observation } from "../core/observation.ts";
import { createStays } from "./stays.ts";
import { createTally } from "./tally.ts";
import { bad, digestOf, fromClient, keyOf, toClient } from "./words.ts";

interface Write {
  readonly author: number;
  readonly n: number;
  readonly invokedMs: number;
  /** First received by anybody. */
  firstMs: number | undefined;
  /** First time that anybody had a later write of this author. */
  supersededMs: number | undefined;
  supersededBy: string | undefined;
  content: string | undefined;
}

interface Room {
  readonly writes: Map<string, Write>;
  readonly byAuthor: Map<number, { readonly open: Write[]; highest: number; forgotten: number }>;
  /** Of the writes received so far, the one invoked last. */
  latest: Write | undefined;
  firstReceivedMs: number | undefined;
  hasUnmarked: boolean;
  hasMarkedSnapshot: boolean;
  /** Findings on snapshots without a marker, until it is known whether this room's snapshots carry one. */
  readonly held: Omit<Finding, "property">[];
}

interface Read {
  readonly atMs: number;
  /** `room.latest` when it was asked. */
  readonly latest: Write | undefined;
  /** Its asker has gone, or was refused something meanwhile: it may stay without an answer. */
  isExcused: boolean;
}

/** Writes a room remembers: 200 s at 10 a second; a snapshot that ends with an older one cannot be judged. */
const WRITES_PER_ROOM_MAX = 2048;
/** Reads one client may have open. */
const READS_OPEN_MAX = 256;

/**
 * A snapshot shows a state that the room had at some time between request and answer. It ends with the write that its
 * marker names; it is stale when, before it was asked, somebody had received a write that is surely later: invoked
 * after the marked one was first received, or by the same author after it. Intervals are closed: a write received in
 * the very millisecond of the asking may be missing. It is damaged when the payload does not fit the marker, when
 * nobody wrote the marked write, or (contents alike, every write marked) when it differs from what was delivered.
 * A read whose asker stays gets an answer: otherwise absent.
 */
export function createSnapshot(options: { run: string; contents: "alike" | "apart"; markedSnapshots: boolean }): Checker {
  const tally = createTally("snapshot");
  const rooms = new Map<string, Room>();
  const reads = new Map<number, Map<number, Read>>();
  const excuse = (client: number): void => {
    for (const read of reads.get(client)?.values() ?? []) read.isExcused = true;
  };
  const stays = createStays({ left: (stay) => excuse(stay.client) });

  const roomOf = (name: string): Room => {
    let room = rooms.get(name);
    if (room === undefined) {
      room = {
        writes: new Map(),
        byAuthor: new Map(),
        latest: undefined,
        firstReceivedMs: undefined,
        hasUnmarked: false,
        hasMarkedSnapshot: options.markedSnapshots,
        held: [],
      };
      rooms.set(name, room);
    }
    return room;
  };
  const invoked = (room: Room, observation: Observation & { kind: "invoked" }): void => {
    const { marker, client, op, atMs } = observation;
    if (observation.act === "read" && stays.of(client)?.isIn === true) {
      const open = reads.get(client) ?? new Map<number, Read>();
      reads.set(client, open.set(op, { atMs, latest: room.latest, isExcused: false }));
      for (const [oldest, read] of open) {
        if (open.size <= READS_OPEN_MAX) break;
        open.delete(oldest);
        if (!read.isExcused) tally.bound(`a client has over ${READS_OPEN_MAX} reads open`);
      }
    }
    if (observation.act !== "write") return;
    if (marker === undefined) room.hasUnmarked = true;
    if (marker === undefined || marker.run !== options.run || room.writes.has(keyOf(marker))) return;
    const write: Write = {
      author: marker.author,
      n: marker.n,
      invokedMs: atMs,
      firstMs: undefined,
      supersededMs: undefined,
      supersededBy: undefined,
      content: undefined,
    };
    room.writes.set(keyOf(marker), write);
    const author = room.byAuthor.get(marker.author) ?? { open: [], highest: 0, forgotten: 0 };
    room.byAuthor.set(marker.author, author);
    author.open.push(write);
    if (room.writes.size <= WRITES_PER_ROOM_MAX) return;
    for (const [key, oldest] of room.writes) {
      room.writes.delete(key);
      const of = room.byAuthor.get(oldest.author);
      if (of !== undefined) of.forgotten = Math.max(of.forgotten, oldest.n);
      return;
    }
  };
  const delivered = (room: Room, observation: Observation & { kind: "delivered" }): void => {
    const { marker, atMs } = observation;
    if (marker === undefined) room.hasUnmarked = true;
    if (marker === undefined || marker.run !== options.run || !marker.intact) return;
    const write = room.writes.get(keyOf(marker));
    if (write === undefined || write.firstMs !== undefined) return;
    write.firstMs = atMs;
    write.content = digestOf(observation.content);
    room.firstReceivedMs ??= atMs;
    if (room.latest === undefined || write.invokedMs >= room.latest.invokedMs) room.latest = write;
    const author = room.byAuthor.get(write.author);
    if (author === undefined || author.highest > write.n) {
      if (author !== undefined && write.supersededMs === undefined) {
        write.supersededMs = atMs;
        write.supersededBy = keyOf({ author: write.author, n: author.highest });
      }
      return;
    }
    author.highest = write.n;
    // Each write is superseded once, so this loop costs as much as there are writes.
    const kept = author.open.findIndex((one) => one.n >= write.n);
    for (const one of author.open.splice(0, kept < 0 ? author.open.length : kept)) {
      one.supersededMs ??= atMs;
      one.supersededBy ??= keyOf(write);
    }
  };
  const snapshot = (room: Room, observation: Observation & { kind: "snapshot" }): void => {
    const { client, op, marker, askedMs, atMs } = observation;
    const read = op === undefined ? undefined : reads.get(client)?.get(op);
    if (op !== undefined) reads.get(client)?.delete(op);
    const finding = (reason: "stale" | "damaged", expected: string, seen: string, write?: Write): Omit<Finding, "property"> => {
      const before =
        write === undefined
          ? []
          : [
              fromClient(write.invokedMs, write.author, `write ${keyOf(write)}`),
              toClient(write.firstMs ?? write.invokedMs, client, keyOf(write)),
            ];
      return {
        reason,
        room: observation.room,
        client,
        expected,
        seen,
        witness: [...before, fromClient(askedMs, client, "read"), bad(toClient(atMs, client, `state ${seen}`))],
      };
    };
    if (marker === undefined) {
      if (room.firstReceivedMs === undefined || room.firstReceivedMs >= askedMs || room.hasUnmarked) return;
      const first = room.latest;
      if (room.hasMarkedSnapshot) {
        tally.judged();
        tally.broke(finding("stale", "a state with the writes received before", "without any write", first));
      } else if (room.held.length < READS_OPEN_MAX)
        room.held.push(finding("stale", "a state with the writes received before", "without any write", first));
      return;
    }
    room.hasMarkedSnapshot = true;
    if (marker.run !== options.run) return;
    const key = keyOf(marker);
    if (!marker.intact) {
      tally.judged();
      return tally.broke(finding("damaged", "a payload that fits its sum", `as of ${key} with another payload`));
    }
    const write = room.writes.get(key);
    const author = room.byAuthor.get(marker.author);
    if (write === undefined) {
      if (author === undefined) return;
      if (marker.n <= author.forgotten) return tally.bound(`a snapshot ends over ${WRITES_PER_ROOM_MAX} writes of its room back`);
      tally.judged();
      return tally.broke(finding("damaged", "a state that somebody wrote", `as of ${key}, which nobody wrote`));
    }
    tally.judged();
    const latest = read === undefined ? undefined : read.latest;
    if (write.supersededMs !== undefined && write.supersededMs < askedMs) {
      tally.broke(finding("stale", `a state with ${write.supersededBy ?? "later writes"}`, `as of ${key}`, write));
    } else if (
      latest?.firstMs !== undefined &&
      latest.firstMs < askedMs &&
      write.firstMs !== undefined &&
      latest.invokedMs > write.firstMs
    ) {
      tally.broke(finding("stale", `a state with ${keyOf(latest)}`, `as of ${key}`, latest));
    } else if (
      options.contents === "alike" &&
      !room.hasUnmarked &&
      write.content !== undefined &&
      write.content !== digestOf(observation.content)
    ) {
      tally.broke(finding("damaged", `${key} with ${write.content}`, `as of ${key} with ${digestOf(observation.content)}`, write));
    }
  };

  return {
    property: "snapshot",
    observe: (observation) => {
      stays.take(observation);
      const room = roomOf(observation.room);
      if (observation.kind === "invoked") invoked(room, observation);
      else if (observation.kind === "delivered") delivered(room, observation);
      else if (observation.kind === "snapshot") snapshot(room, observation);
      else if (observation.kind === "rejected") {
        if (observation.op === undefined) excuse(observation.client);
        else reads.get(observation.client)?.delete(observation.op);
      }
    },
    finish: (nowMs) => {
      for (const room of rooms.values()) {
        if (!room.hasMarkedSnapshot || room.hasUnmarked) continue;
        tally.judged(room.held.length);
        for (const finding of room.held) tally.broke(finding);
      }
      for (const [client, open] of reads) {
        const room = stays.of(client)?.room ?? "";
        for (const read of open.values()) {
          if (read.isExcused) continue;
          tally.judged();
          const witness = [fromClient(read.atMs, client, "read"), bad(toClient(nowMs, client, "no state"))];
          tally.broke({ reason: "absent", room, client, expected: "the room's state", seen: "no answer", witness });
        }
      }
      return tally.outcome();
    },
  };
}
