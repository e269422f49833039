import { DIALECTS, type Dialect } from "../codec.ts";
import { readRoomShard, type RoomShard } from "../../../core/room-shard.ts";
import { schemaOf, type SchemaName } from "../node/schema.ts";

/** What the reference server is told by its environment; every time already scaled. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  readonly dialect: Dialect;
  readonly schema: SchemaName;
  readonly timing: Timing;
  /** Messages a second and socket; undefined for no limit (S-12). */
  readonly messagesPerSecondMax: number | undefined;
  /** Put before every path but the hooks; empty or beginning with `/`. */
  readonly basePath: string;
  /** Id of a deliberate fault; undefined for the pristine server. */
  readonly mutant: string | undefined;
  readonly timeScale: number;
  /** The part of all rooms that this server has; undefined: all. */
  readonly shard: RoomShard | undefined;
}

/** Timers in ms of this process (S-18). */
export interface Timing {
  readonly pingMs: number;
  readonly silentMs: number;
}

/** Which variable is wrong, and what it should be. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

const PING_MS = 5_000;
const SILENT_MS = 15_000;
/** Faster than this, tolerances would fall under 250 ms. */
const TIME_SCALE_MAX = 20;

/** Reads the environment. A variable that is set to the empty text counts as not set. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config | ConfigProblem {
  const text = (name: string, otherwise: string): string => env[name] || otherwise;
  const port = Number(text("PORT", "0"));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return bad("PORT", "must be a whole number from 0 to 65535");
  const dialect = DIALECTS.find((each) => each === text("DIALECT", "documented"));
  if (dialect === undefined) return bad("DIALECT", `must be one of ${DIALECTS.join(", ")}`);
  const schema = text("SCHEMA", schemaOf(dialect));
  if (schema !== "basic" && schema !== "minimal") return bad("SCHEMA", "must be basic or minimal");
  const timeScale = Number(text("TIME_SCALE", "1"));
  if (!(timeScale >= 1 && timeScale <= TIME_SCALE_MAX)) return bad("TIME_SCALE", `must be a number from 1 to ${TIME_SCALE_MAX}`);
  const rate = Number(text("MESSAGES_PER_SECOND_MAX", "0"));
  if (!(rate >= 0)) return bad("MESSAGES_PER_SECOND_MAX", "must be a number of 0 or more; 0 is no limit");
  const shard = readRoomShard(text("SHARD", "1/1"));
  if (shard === undefined) return bad("SHARD", "must be such as 2/3, the second of three servers");
  return {
    port,
    host: text("HOST", "127.0.0.1"),
    dialect,
    schema,
    timing: { pingMs: PING_MS / timeScale, silentMs: SILENT_MS / timeScale },
    messagesPerSecondMax: rate === 0 ? undefined : rate,
    basePath: text("BASE_PATH", "").replace(/\/+$/, ""),
    mutant: text("MUTANT", "") || undefined,
    timeScale,
    shard: shard.count === 1 ? undefined : shard,
  };
}

function bad(variable: string, problem: string): ConfigProblem {
  return { variable, problem };
}
