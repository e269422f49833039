import { parseDurationMs, parsePlace } from "../core/place.ts";
import type { Profile } from "../core/requirement.ts";
import type { Scenario, ScenarioParameters } from "../core/scenario.ts";
import type { CredentialSpec, ResolvedTarget } from "../core/target.ts";
import type { PreparedUser } from "../engines/k6/credentials.ts";
import { type Part, parseShard, type Share } from "../load/shares.ts";

/** What a k6 script is told: by `-e` of its own, or by the file that `rollcall load --engine k6` writes. */
export interface K6Job {
  readonly target: ResolvedTarget;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  /** Undefined: the script makes one in its `setup`. */
  readonly run: string | undefined;
  readonly profile: Profile;
  readonly socketsPerVu: number;
  readonly prepared: readonly PreparedUser[];
  /** Mints credentials and takes what each VU found; undefined without a parent. */
  readonly parent: string | undefined;
  /** How the run was started, for `rerun`. */
  readonly targetName: string;
  /** Put before the names of the files that the script writes. */
  readonly out: string;
  /** Of a run over several processes that has one; undefined otherwise. */
  readonly referee: K6Referee | undefined;
}

/** What a process needs to know of a run over several. */
export interface K6Referee {
  readonly url: string;
  readonly token: string;
  /** Which of the run's shards this process is; undefined: its execution segment says so. */
  readonly shard: Part | undefined;
  /** How many there are; undefined where only the segments say so. */
  readonly shards: number | undefined;
  readonly by: Share["by"];
}

/** What a bundle holds in place of the protocol's own defaults. */
export interface K6Defaults {
  readonly dialect?: string;
}

/** Sockets in one VU: with 100 a thousand clients cost ten runtimes of k6, and one event loop is far from busy. */
export const SOCKETS_PER_VU = 100;

const PROFILES: readonly Profile[] = ["mvp", "production", "strict"];

/**
 * A job from the variables that k6 is given.
 * @throws RangeError for values that cannot be read; the message names the variable and says what it may be.
 */
export function jobOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  scenario: Pick<Scenario, "defaults" | "name">,
  binding: K6Defaults & { readonly name: string; readonly dialects: readonly [string, ...string[]] },
  readFile: (path: string) => string,
): K6Job {
  const file = environment["ROLLCALL_JOB"];
  if (file !== undefined && file !== "") return JSON.parse(readFile(file)) as K6Job;
  const read = <T>(name: string, parse: (text: string) => T, otherwise: T): T => {
    const text = environment[name];
    if (text === undefined || text === "") return otherwise;
    try {
      return parse(text);
    } catch (error) {
      throw new RangeError(`-e ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const { defaults } = scenario;
  const parameters: ScenarioParameters = {
    clients: read("CLIENTS", whole, defaults.clients),
    rooms: read("ROOMS", whole, defaults.rooms),
    ratePerSecond: read("RATE", number, defaults.ratePerSecond),
    durationMs: read("DURATION", parseDurationMs, defaults.durationMs),
    rampMs: read("RAMP", parseDurationMs, defaults.rampMs),
    churnPerMinute: read("CHURN", number, defaults.churnPerMinute),
  };
  if (parameters.rooms > parameters.clients) throw new RangeError(`-e ROOMS: ${parameters.rooms} rooms for ${parameters.clients} clients`);
  const { urls, basePath } = read<Places>("TARGET", places, { urls: [""], basePath: "" });
  const [url] = urls;
  const credential: CredentialSpec = {
    recipe: read("RECIPE", recipe, "none"),
    audience: environment["AUDIENCE"] ?? "did:web:rooms.example",
    method: environment["METHOD"] ?? null,
    show: environment["SHOW"] ?? "query:authToken",
    register: undefined,
    login: "",
    token: "",
    userId: "",
    nameQuery: environment["NAME_QUERY"] ?? "user",
  };
  const target: ResolvedTarget = {
    name: url,
    binding: binding.name,
    dialect: environment["DIALECT"] ?? binding.dialect ?? binding.dialects[0],
    urls,
    basePath,
    legs: {},
    headers: read("HEADERS", (text) => JSON.parse(text) as Readonly<Record<string, string>>, {}),
    ca: undefined,
    credential,
    capabilities: read("CAPABILITIES", (text) => JSON.parse(text) as Readonly<Record<string, boolean>>, {}),
    limits: {},
    clientsMax: undefined,
    hooks: { health: "/healthz", metrics: undefined },
    known: [],
    timeScale: read("TIME_SCALE", number, 1),
    directoryUrl: undefined,
  };
  return {
    target,
    parameters,
    seed: environment["SEED"] ?? "",
    run: environment["RUN"],
    profile: read("PROFILE", profile, "mvp"),
    socketsPerVu: read("SOCKETS_PER_VU", whole, SOCKETS_PER_VU),
    prepared: read("CREDENTIALS", (path) => JSON.parse(readFile(path)) as readonly PreparedUser[], []),
    parent: undefined,
    targetName: url,
    out: environment["OUT"] ?? "",
    referee: refereeOf(environment, read),
  };
}

/** Reads one variable; @throws RangeError that names it. */
type Read = <T>(name: string, parse: (text: string) => T, otherwise: T) => T;

function refereeOf(environment: Readonly<Record<string, string | undefined>>, read: Read): K6Referee | undefined {
  const url = read<string | undefined>("REFEREE", address, undefined);
  const shard = read<Part | undefined>("SHARD", parseShard, undefined);
  if (url === undefined) {
    if (shard !== undefined) throw new RangeError("-e SHARD: a shard needs a referee, such as -e REFEREE=http://127.0.0.1:7700");
    return undefined;
  }
  // Where a script is only looked at (`k6 inspect`, the initializer of k6-operator) there is no token.
  const token = environment["ROLLCALL_RUN_TOKEN"] ?? "";
  const shards = read<number | undefined>("SHARDS", whole, shard?.count);
  if (shard !== undefined && shards !== shard.count) throw new RangeError(`-e SHARDS: ${shards} and ${shard.count} in SHARD`);
  return { url, token, shard, shards, by: read("SHARD_BY", sharing, "members") };
}

/** VUs for so many clients; a room is never divided, so that there are no more of them than rooms. */
export function vusFor({ clients, rooms }: Pick<ScenarioParameters, "clients" | "rooms">, socketsPerVu: number): number {
  return Math.max(1, Math.min(rooms, Math.ceil(clients / socketsPerVu)));
}

/**
 * VUs of one process, and those that a script asks k6 for: with an execution segment a process gets its part of them, and
 * the segment is not to be seen where they are asked for.
 */
export function vusOfProcess({ parameters, socketsPerVu, referee }: Pick<K6Job, "parameters" | "socketsPerVu" | "referee">): {
  readonly own: number;
  readonly asked: number;
} {
  const { clients, rooms } = parameters;
  const count = referee?.shards;
  if (referee === undefined || count === undefined) {
    const all = vusFor(parameters, socketsPerVu);
    return { own: referee === undefined ? all : 1, asked: all };
  }
  const ownRooms = referee.by === "members" ? rooms : Math.max(1, Math.floor(rooms / count));
  const own = vusFor({ clients: Math.ceil(clients / count), rooms: ownRooms }, socketsPerVu);
  return { own, asked: referee.shard === undefined ? own * count : own };
}

interface Places {
  readonly urls: readonly [string, ...string[]];
  readonly basePath: string;
}

/** One address, or several of servers that share their rooms, by commas. */
function places(text: string): Places {
  const [first, ...others] = text.split(",").map(parsePlace);
  if (first === undefined) throw new RangeError("no address");
  if (others.some(({ basePath }) => basePath !== first.basePath)) throw new RangeError("its addresses have different base paths");
  return { urls: [first.url, ...others.map(({ url }) => url)], basePath: first.basePath };
}

function address(text: string): string {
  if (!/^https?:\/\/[^/\s]+$/.test(text)) throw new RangeError(`"${text}" is no address; such as http://127.0.0.1:7700`);
  return text;
}

function sharing(text: string): Share["by"] {
  if (text === "members" || text === "rooms") return text;
  throw new RangeError(`"${text}" is neither members nor rooms`);
}

function whole(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text) || Number(text) < 1) throw new RangeError(`"${text}" is no whole number of at least 1`);
  return Number(text);
}

function number(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new RangeError(`"${text}" is no number of 0 or more`);
  return value;
}

function profile(text: string): Profile {
  const found = PROFILES.find((each) => each === text);
  if (found === undefined) throw new RangeError(`"${text}" is none of ${PROFILES.join(", ")}`);
  return found;
}

function recipe(text: string): CredentialSpec["recipe"] {
  if (text === "none" || text === "serviceJwt") return text;
  throw new RangeError(`"${text}" cannot be carried out by k6; it knows none and serviceJwt, and credentials from a file (-e CREDENTIALS)`);
}
