import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { readRoomShard, type RoomShard } from "../../../core/room-shard.ts";
import { type FaultId, isFaultId } from "./faults.ts";

/** What the environment says; times in ms and scaled where the protocol scales them. */
export interface Config {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly did: string;
  readonly publicUrl: string | undefined;
  readonly plcUrl: string;
  /** File of the store; `:memory:` keeps nothing. */
  readonly storePath: string;
  readonly devToken: string | undefined;
  readonly tokenLifeMs: number;
  readonly singleUse: boolean;
  readonly timing: { readonly pingMs: number; readonly silentMs: number; readonly tickMs: number };
  readonly cache: { readonly lifeMs: number; readonly pauseMs: number; readonly failureMs: number; readonly entriesMax: number };
  readonly frameBytesMax: number;
  /** Undefined: off. */
  readonly limits: Limits | undefined;
  readonly stopMs: number;
  /** The part of all documents that this server has; undefined: all. */
  readonly shard: RoomShard | undefined;
  readonly mutant: FaultId | undefined;
}

export interface Limits {
  readonly socketsPerDid: number;
  readonly tokensPerMinute: number;
  readonly framesPerSecond: number;
  readonly authFailuresPerMinute: number;
}

/** Which variable is wrong, and what it should be. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Faster than this, tolerances would fall under 250 ms. */
const TIME_SCALE_MAX = 20;
const DAY_MS = 86_400_000;

/** A DID of a method that servers have: no path, no fragment. */
export const DID: RegExp = /^did:(plc:[a-z2-7]{24}|web:[a-zA-Z0-9.-]+(%3A[0-9]+)?)$/;

class Wrong extends Error {
  readonly variable: string;

  constructor(variable: string, problem: string) {
    super(problem);
    this.variable = variable;
  }
}

/** Reads the environment; names the first variable that is missing or senseless. */
export function readConfig(env: Env): Config | ConfigProblem {
  try {
    return read(env);
  } catch (error) {
    if (error instanceof Wrong) return { variable: error.variable, problem: error.message };
    throw error;
  }
}

function read(env: Env): Config {
  const mutantId = env["MUTANT"] ?? "";
  if (mutantId !== "" && !isFaultId(mutantId)) throw new Wrong("MUTANT", `"${mutantId}" is not known`);
  const mutant = mutantId === "" ? undefined : mutantId;
  const did = env["DID"] || (mutant === "unset-did-is-guessed" ? "did:web:rooms.example" : "");
  if (!DID.test(did)) throw new Wrong("DID", "is required: the DID of this service, such as did:web:sync.example");
  const plcUrl = url(env, "PLC_URL");
  if (plcUrl === undefined) throw new Wrong("PLC_URL", "is required: the base URL of a PLC directory");
  const timeScale = number(env, "TIME_SCALE", 1, 1, TIME_SCALE_MAX, false);
  const scaled = (name: string, otherwise: number): number => number(env, name, otherwise, 1, DAY_MS) / timeScale;
  const port = number(env, "PORT", 0, 0, 65_535);
  return {
    host: env["HOST"] || "127.0.0.1",
    port,
    did,
    publicUrl: url(env, "PUBLIC_URL"),
    plcUrl,
    devToken: env["UNSAFE_DEV_TOKEN"] || undefined,
    tokenLifeMs: number(env, "TOKEN_LIFE_MS", 30_000, 1, DAY_MS),
    singleUse: flag(env, "SINGLE_USE", true),
    timing: { pingMs: scaled("PING_MS", 20_000), silentMs: scaled("SILENT_MS", 45_000), tickMs: 1_000 / timeScale },
    cache: {
      lifeMs: scaled("DID_CACHE_MS", 600_000),
      pauseMs: scaled("DID_REFETCH_PAUSE_MS", 10_000),
      failureMs: scaled("DID_FAILURE_CACHE_MS", 10_000),
      entriesMax: number(env, "DID_CACHE_ENTRIES_MAX", 10_000, 1, 10_000_000),
    },
    frameBytesMax: number(env, "FRAME_BYTES_MAX", 1_048_576, 1_024, 1_073_741_824),
    limits: flag(env, "LIMITS", false) ? limits(env) : (limits(env), undefined),
    shard: shard(env["SHARD"] || "1/1"),
    stopMs: number(env, "STOP_MS", 10_000, 1, 600_000),
    mutant,
    storePath: storePath(env["DATA_DIR"] ?? ""),
  };
}

function limits(env: Env): Limits {
  return {
    socketsPerDid: number(env, "SOCKETS_PER_DID_MAX", 20, 1, 1_000_000),
    tokensPerMinute: number(env, "TOKENS_PER_MINUTE_MAX", 10, 1, 1_000_000),
    framesPerSecond: number(env, "FRAMES_PER_SECOND_MAX", 200, 1, 1_000_000),
    authFailuresPerMinute: number(env, "AUTH_FAILURES_PER_MINUTE_MAX", 60, 1, 1_000_000),
  };
}

function number(env: Env, name: string, otherwise: number, least: number, most: number, isWhole = true): number {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  const value = Number(text);
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value)))
    throw new Wrong(name, `must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}`);
  return value;
}

function flag(env: Env, name: string, otherwise: boolean): boolean {
  const text = env[name];
  if (text === undefined || text === "") return otherwise;
  if (text !== "on" && text !== "off") throw new Wrong(name, "must be on or off");
  return text === "on";
}

function shard(text: string): RoomShard | undefined {
  const found = readRoomShard(text);
  if (found === undefined) throw new Wrong("SHARD", "must be such as 2/3, the second of three servers");
  return found.count === 1 ? undefined : found;
}

function url(env: Env, name: string): string | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  if (!/^https?:\/\/[^/\s]+/.test(text) || !URL.canParse(text)) throw new Wrong(name, "must be a URL that begins with http:// or https://");
  return text.replace(/\/+$/, "");
}

function storePath(folder: string): string {
  if (folder === "") throw new Wrong("DATA_DIR", "is required: a folder for the store, or :memory: to keep nothing");
  if (folder === ":memory:") return folder;
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch {
    throw new Wrong("DATA_DIR", `"${folder}" can not be written`);
  }
  return join(folder, "sync.sqlite");
}
