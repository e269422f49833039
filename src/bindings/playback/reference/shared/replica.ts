import { randomUUID } from "node:crypto";
import type { Log } from "../log.ts";
import { type StoreConnection, StoreAway, type StoredEvent } from "./connection.ts";
import type { ScriptName } from "./scripts.ts";

/** How often a replica says that it lives. */
const BEAT_MS = 500;
/** A replica that has not said so for this long is taken for dead, and its members leave. */
const ALIVE_MS = 5_000;
/** Redis that has not answered for this long, twice asked, is away. Less than `ALIVE_MS`: who is cut off knows it first. */
const AWAY_MS = 2_000;
const RETRY_MS = 100;
/** Sockets of a dead replica taken out by one script, so that Redis is never held up for long. */
const BURIED_AT_ONCE = 200;
const BURY_TURNS_MAX = 10_000;

/** This process among those that share the rooms. */
export interface Replica {
  /** A new one each time that it comes back to the store. */
  readonly id: string;
  /** Whether the store answers and events come. */
  readonly isServing: boolean;
  /** Runs a script. @throws StoreAway */
  run(script: ScriptName, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Takes a socket of this replica out of its room, now or as soon as the store answers. */
  leave(socket: string): void;
  /** Takes all of its sockets out of their rooms, and ends. */
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  readonly store: StoreConnection;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Every event of every room, in the one order. */
  readonly onEvent: (event: StoredEvent) => void;
  /** No event will come any more to those who are here: their sockets are taken out of their rooms by the store. */
  readonly onAway: () => void;
}

/** Joins those who share the store, and joins them again whenever the store, or its memory of us, was away. */
export function createReplica({ store, nowMs, log, onEvent, onAway }: ReplicaOptions): Replica {
  let id = randomUUID() as string;
  let isServing = false;
  let isStopping = false;
  let taken = 0;
  /** Sockets that are to be taken out, and could not yet be. */
  const owed = new Set<string>();
  const former = new Set<string>();

  const bury = async (replica: string): Promise<void> => {
    for (let turn = 0; turn < BURY_TURNS_MAX; turn += 1) if (Number(await store.run("bury", replica, BURIED_AT_ONCE)) === 0) return;
  };
  const leave = (socket: string): void => {
    const own = id;
    store.run("leave", own, socket).catch(() => {
      if (own === id) owed.add(socket);
    });
  };

  /** Asks again and again until what is asked gives a reason to end, or is not answered for too long. */
  const untilOver = async (own: string, ask: () => Promise<string | undefined>): Promise<string> => {
    let goodMs = nowMs();
    let failures = 0;
    while (own === id && !isStopping) {
      try {
        const why = await ask();
        if (why !== undefined) return why;
        goodMs = nowMs();
        failures = 0;
      } catch (error) {
        if (!(error instanceof StoreAway)) throw error;
        failures += 1;
        if (failures >= 2 && nowMs() - goodMs >= AWAY_MS) return error.message;
        await pause(RETRY_MS);
      }
    }
    return "over";
  };
  const read = async (): Promise<string | undefined> => {
    for (const event of await store.eventsAfter(taken)) {
      if (event.number !== taken + 1) return `events ${taken + 1} to ${event.number - 1} are lost`;
      taken = event.number;
      onEvent(event);
    }
    return undefined;
  };
  const beat = async (): Promise<string | undefined> => {
    const graves = (await store.run("beat", id, ALIVE_MS)) as readonly string[] | null;
    if (graves === null) return "taken for dead, or the store has lost its memory";
    for (const socket of owed) {
      await store.run("leave", id, socket);
      owed.delete(socket);
    }
    for (const grave of graves) await bury(grave);
    await pause(BEAT_MS);
    return undefined;
  };

  const live = async (): Promise<void> => {
    while (!isStopping) {
      try {
        taken = Number(await store.run("enrol", id, ALIVE_MS));
        for (const each of former) {
          await bury(each);
          former.delete(each);
        }
      } catch {
        await pause(RETRY_MS);
        continue;
      }
      isServing = true;
      log("info", "store-reached", { replica: id });
      const own = id;
      const why = await Promise.race([untilOver(own, read), untilOver(own, beat)]);
      isServing = false;
      if (isStopping) return;
      log("warn", "store-away", { replica: id, reason: why });
      former.add(id);
      id = randomUUID();
      owed.clear();
      onAway();
    }
  };
  const living = live().catch((error: unknown) => {
    log("error", "replica-failed", { reason: String(error) });
    throw error;
  });

  return {
    get id() {
      return id;
    },
    get isServing() {
      return isServing;
    },
    run: (script, ...args) => store.run(script, ...args),
    leave,
    stop: async () => {
      isStopping = true;
      isServing = false;
      await bury(id).catch(() => undefined);
      store.close();
      await living.catch(() => undefined);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
