/** How a user shows who they are (playback, P-2). */
export const RECIPES = ["serviceJwt", "account", "none"] as const;

export type Recipe = (typeof RECIPES)[number];

/** What the reference server is told by its environment; every time already scaled. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Base URL of a PLC directory; only needed by `serviceJwt`. */
  readonly directoryUrl: string | undefined;
  /** The `aud` that a service JWT must name. */
  readonly audience: string;
  readonly recipe: Recipe;
  readonly timing: Timing;
  /** Id of a deliberate fault; undefined for the pristine server. */
  readonly mutant: string | undefined;
  /** One fault in so many deliveries, for the faults that only a load run sees. */
  readonly mutantRate: number;
  /** Put before every path but the hooks; empty or beginning with `/`. */
  readonly basePath: string;
  /** Where rooms are kept that several processes share; undefined: in this process's memory. */
  readonly store: { readonly url: string; readonly prefix: string } | undefined;
}

/** Timers in ms of this process. Media time, tokens and JWTs are never scaled. */
export interface Timing {
  /** A room unused for so long is deleted by the next sweep. */
  readonly roomLifeMs: number;
  readonly sweepMs: number;
  readonly pingMs: number;
  readonly silentMs: number;
  /** How often the sockets are looked at for the two above. */
  readonly tickMs: number;
}

/**
 * The timers at a scale. The promise is 60 to 70 s (P-5), probed at 55 s and 70 s: 61 s and a sweep each 2 s put
 * every deletion between 61 s and 63 s, in the middle, so that a busy machine stays within the bounds at scale 20.
 */
export function timingAt(timeScale: number): Timing {
  return {
    roomLifeMs: 61_000 / timeScale,
    sweepMs: 2_000 / timeScale,
    pingMs: 20_000 / timeScale,
    silentMs: 45_000 / timeScale,
    tickMs: 1_000 / timeScale,
  };
}

/** Which variable is wrong, and what it should be. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

/** Faster than this, tolerances would fall under 250 ms. */
const TIME_SCALE_MAX = 20;

/** Reads the environment. A variable that is set to the empty text counts as not set. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config | ConfigProblem {
  const text = (name: string, otherwise: string): string => env[name] || otherwise;
  const port = Number(text("PORT", "0"));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return bad("PORT", "must be a whole number from 0 to 65535");
  const recipe = RECIPES.find((known) => known === text("RECIPE", "serviceJwt"));
  if (recipe === undefined) return bad("RECIPE", `must be one of ${RECIPES.join(", ")}`);
  const directoryUrl = text("DIRECTORY_URL", "").replace(/\/+$/, "");
  if (recipe === "serviceJwt" && directoryUrl === "")
    return bad("DIRECTORY_URL", "is needed by RECIPE=serviceJwt: the base URL of a PLC directory");
  if (directoryUrl !== "" && !/^https?:\/\//.test(directoryUrl)) return bad("DIRECTORY_URL", "must begin with http:// or https://");
  const timeScale = Number(text("TIME_SCALE", "1"));
  if (!(timeScale >= 1 && timeScale <= TIME_SCALE_MAX)) return bad("TIME_SCALE", `must be a number from 1 to ${TIME_SCALE_MAX}`);
  const mutantRate = Number(text("MUTANT_RATE", "100000"));
  if (!Number.isInteger(mutantRate) || mutantRate < 2) return bad("MUTANT_RATE", "must be a whole number of at least 2");
  const basePath = text("BASE_PATH", "").replace(/\/+$/, "");
  if (basePath !== "" && !/^(\/[A-Za-z0-9._~-]+)+$/.test(basePath)) return bad("BASE_PATH", "must be empty or a path such as /api/v1");
  const redisUrl = text("REDIS_URL", "");
  if (redisUrl !== "" && !/^rediss?:\/\/./.test(redisUrl)) return bad("REDIS_URL", "must begin with redis:// or rediss://");
  if (redisUrl !== "" && recipe === "account") return bad("RECIPE", "must not be account with REDIS_URL: accounts are kept by one process");
  return {
    port,
    host: text("HOST", "127.0.0.1"),
    directoryUrl: directoryUrl === "" ? undefined : directoryUrl,
    audience: text("AUDIENCE", "did:web:rooms.example"),
    recipe,
    timing: timingAt(timeScale),
    mutant: text("MUTANT", "") || undefined,
    mutantRate,
    basePath,
    store: redisUrl === "" ? undefined : { url: redisUrl, prefix: text("REDIS_PREFIX", "playback:") },
  };
}

function bad(variable: string, problem: string): ConfigProblem {
  return { variable, problem };
}
