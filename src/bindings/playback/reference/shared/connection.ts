import { Redis } from "ioredis";
import { SCRIPTS, type ScriptName } from "./scripts.ts";

/** A command that Redis has not answered by then counts as failed: nobody waits for longer. */
const COMMAND_MS_MAX = 1_000;
const CONNECT_MS_MAX = 1_000;
const RETRY_MS = 200;
/** How long a read waits for news. */
const BLOCK_MS = 500;
/** Events taken by one read. */
const EVENTS_AT_ONCE = 1_000;

/** Redis did not answer, in time or at all; whether a change was made is not known. */
export class StoreAway extends Error {
  override readonly name = "StoreAway";
  readonly code = "store-away";
}

/** One entry of the stream: its number, and its fields. */
export interface StoredEvent {
  readonly number: number;
  readonly fields: Readonly<Record<string, string>>;
}

/** Two connections to one Redis: one for commands, in the order given, and one that waits for events. */
export interface StoreConnection {
  /**
   * Runs a script.
   * @throws StoreAway
   */
  run(script: ScriptName, ...args: readonly (string | number)[]): Promise<unknown>;
  /** Ids of all rooms, by when they expire. @throws StoreAway */
  roomIds(): Promise<readonly string[]>;
  /** Rooms and members of all rooms. @throws StoreAway */
  counts(): Promise<{ readonly rooms: number; readonly members: number }>;
  /** The next events after the one of that number, waiting for them at most half a second. @throws StoreAway */
  eventsAfter(number: number): Promise<readonly StoredEvent[]>;
  close(): void;
}

/** Connects by itself, again and again; what is asked while there is no connection fails at once. */
export function connectStore(url: string, prefix: string): StoreConnection {
  const options = {
    connectTimeout: CONNECT_MS_MAX,
    enableOfflineQueue: false,
    // What was under way when a connection broke may have been done: to send it again would do it twice.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => RETRY_MS,
    protocol: 2,
  } as const;
  const commands = new Redis(url, { ...options, commandTimeout: COMMAND_MS_MAX });
  const reader = new Redis(url, options);
  // Each failed attempt is told here, and by every command besides.
  for (const connection of [commands, reader]) connection.on("error", () => undefined);
  for (const [name, lua] of Object.entries(SCRIPTS)) commands.defineCommand(name, { lua, numberOfKeys: 1 });

  const answered = async <T>(asked: Promise<T>): Promise<T> => {
    try {
      return await asked;
    } catch (error) {
      throw new StoreAway(error instanceof Error ? error.message : String(error), { cause: error });
    }
  };

  return {
    run: (script, ...args) => {
      const run = Reflect.get(commands, script) as (...args: readonly (string | number)[]) => Promise<unknown>;
      return answered(run.call(commands, prefix, ...args));
    },
    roomIds: () => answered(commands.zrange(`${prefix}rooms`, "0", "-1")),
    counts: async () => {
      const [rooms, members] = await answered(Promise.all([commands.zcard(`${prefix}rooms`), commands.get(`${prefix}population`)]));
      return { rooms, members: Number(members ?? 0) };
    },
    eventsAfter: async (number) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          // An answer that comes after all must not be taken for that of the next read.
          reader.disconnect(true);
          reject(new StoreAway("no answer to a read"));
        }, BLOCK_MS + COMMAND_MS_MAX);
      });
      try {
        const asked = reader.xread("COUNT", EVENTS_AT_ONCE, "BLOCK", BLOCK_MS, "STREAMS", `${prefix}events`, `${number}-0`);
        const answer = await Promise.race([answered(asked), late]);
        return (answer?.[0]?.[1] ?? []).map(([id, flat]) => ({ number: Number.parseInt(id, 10), fields: pairs(flat) }));
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => {
      commands.disconnect();
      reader.disconnect();
    },
  };
}

function pairs(flat: readonly string[]): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) fields[flat[at] ?? ""] = flat[at + 1] ?? "";
  return fields;
}
