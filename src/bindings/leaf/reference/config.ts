/** What the reference server is told by its environment; times already scaled. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** The server's own DID; tokens are addressed to it. */
  readonly did: string;
  /** Base URL of a PLC directory: look-ups, and the DIDs of streams. Undefined: streams' DIDs are not published. */
  readonly directoryUrl: string | undefined;
  readonly dataDir: string;
  /** A shared secret that signs in as the server itself. */
  readonly trustedToken: string | undefined;
  /** DIDs that may change the module of any stream. */
  readonly moduleAdmins: ReadonlySet<string>;
  readonly pingMs: number;
  readonly silentMs: number;
  readonly didCacheMs: number;
  /** How long a look-up in a directory may take. */
  readonly lookupMsMax: number;
  readonly sqlMsMax: number;
  readonly packetBytesMax: number;
  readonly sqlProcesses: number;
  readonly mutant: string;
}

/** Which variable is wrong, and what it should be. */
export interface ConfigProblem {
  readonly variable: string;
  readonly problem: string;
}

const TIME_SCALE_MAX = 20;
const DID = /^did:(plc:[a-z2-7]{24}|web:[A-Za-z0-9.%_-]+)$/;

/** Reads the environment. A variable that is set to the empty text counts as not set. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config | ConfigProblem {
  const text = (name: string, otherwise: string): string => env[name] || otherwise;
  const wrong: ConfigProblem[] = [];
  const number = (name: string, otherwise: number, least: number, most: number): number => {
    const value = Number(text(name, String(otherwise)));
    if (!Number.isInteger(value) || value < least || value > most)
      wrong.push({ variable: name, problem: `must be a whole number from ${least} to ${most}` });
    return value;
  };
  const timeScale = Number(text("TIME_SCALE", "1"));
  if (!(timeScale >= 1 && timeScale <= TIME_SCALE_MAX))
    wrong.push({ variable: "TIME_SCALE", problem: `must be a number from 1 to ${TIME_SCALE_MAX}` });
  const did = text("DID", text("AUDIENCE", "did:web:leaf.example"));
  if (!DID.test(did)) wrong.push({ variable: "DID", problem: "must be a did:plc or a did:web" });
  const directoryUrl = text("PLC_URL", text("DIRECTORY_URL", "")).replace(/\/+$/, "");
  if (directoryUrl !== "" && !/^https?:\/\//.test(directoryUrl))
    wrong.push({ variable: "PLC_URL", problem: "must begin with http:// or https://" });
  const dataDir = text("DATA_DIR", "");
  if (dataDir === "") wrong.push({ variable: "DATA_DIR", problem: "is needed: the folder of streams and modules" });
  const config: Config = {
    port: number("PORT", 0, 0, 65_535),
    host: text("HOST", "127.0.0.1"),
    did,
    directoryUrl: directoryUrl === "" ? undefined : directoryUrl,
    dataDir,
    trustedToken: text("UNSAFE_AUTH_TOKEN", "") || undefined,
    moduleAdmins: new Set(
      text("MODULE_ADMINS", "")
        .split(",")
        .filter((each) => each !== ""),
    ),
    pingMs: number("PING_MS", 25_000, 100, 3_600_000) / timeScale,
    silentMs: number("SILENT_MS", 20_000, 100, 3_600_000),
    didCacheMs: number("DID_CACHE_MS", 600_000, 0, 600_000) / timeScale,
    lookupMsMax: number("LOOKUP_MS_MAX", 5_000, 100, 60_000),
    sqlMsMax: number("SQL_MS_MAX", 5_000, 500, 600_000),
    packetBytesMax: number("PACKET_BYTES_MAX", 1024 * 1024, 1024, 64 * 1024 * 1024),
    sqlProcesses: number("SQL_PROCESSES", 2, 1, 64),
    mutant: text("MUTANT", ""),
  };
  return wrong[0] ?? config;
}
