import { parseDurationMs, parsePlace } from "../core/place.ts";
import type { Profile } from "../core/requirement.ts";
import type { Scenario, ScenarioParameters } from "../core/scenario.ts";
import type { CredentialSpec, ResolvedTarget } from "../core/target.ts";
import type { PreparedUser } from "../engines/k6/credentials.ts";

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
  const { url, basePath } = read("TARGET", parsePlace, { url: "", basePath: "" });
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
    urls: [url],
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
  };
}

/** VUs for so many clients; a room is never divided, so that there are no more of them than rooms. */
export function vusFor({ clients, rooms }: ScenarioParameters, socketsPerVu: number): number {
  return Math.max(1, Math.min(rooms, Math.ceil(clients / socketsPerVu)));
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
