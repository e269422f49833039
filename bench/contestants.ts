import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The same for all: rooms of ten, everybody writes at random times once all have arrived. */
export interface Load {
  readonly clients: number;
  readonly rooms: number;
  /** Writes a second and client. */
  readonly rate: number;
  readonly rampMs: number;
  /** Time of writing after the ramp. */
  readonly durationMs: number;
}

/** What a contestant is started with. */
export interface Field {
  readonly url: string;
  readonly load: Load;
  /** For those that make no rooms themselves. */
  readonly makeRooms: () => Promise<readonly string[]>;
  /** A folder of this run's own. */
  readonly folder: string;
}

export interface Contestant {
  readonly name: "ours" | "bare" | "sockets" | "artillery" | "k6" | "k6-single";
  readonly title: string;
  /** Starts it in a process group of its own; what it says goes to `stdout` and `stderr` of the folder. */
  readonly start: (field: Field) => Promise<ChildProcess>;
  /** Ends by itself, and its output is wanted. */
  readonly ends: boolean;
}

const here = import.meta.dirname;
const peers = join(here, "peers");

/** The built command. */
export const BUILT: string = join(here, "rollcall-built.mjs");

function launch(folder: string, command: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [out, error] = ["stdout", "stderr"].map((name) => openSync(join(folder, name), "w"));
  return spawn(command, words, { detached: true, stdio: ["ignore", out ?? "ignore", error ?? "ignore"], env: { ...process.env, ...env } });
}

const seconds = (ms: number): string => `${ms / 1000}s`;

async function roomsFile({ folder, makeRooms }: Field): Promise<string> {
  const path = join(folder, "rooms.json");
  writeFileSync(path, JSON.stringify(await makeRooms()));
  return path;
}

/** The built command as users run it, on a target that is reached by its URL. */
export function rollcall(more: readonly string[] = []): Contestant {
  return {
    name: "ours",
    title: "rollcall, every check on",
    ends: true,
    start: ({ url, load, folder }) => {
      const target = join(folder, "target.yaml");
      writeFileSync(target, `binding: playback\nurl: ${url}\ncredential:\n  recipe: none\n`);
      const words = ["--clients", load.clients, "--rooms", load.rooms, "--rate", load.rate];
      const times = ["--ramp", seconds(load.rampMs), "--duration", seconds(load.durationMs)];
      const rest = [...words, ...times, "--seed", "bench", "--out", join(folder, "report"), "--json", ...more].map(String);
      return Promise.resolve(launch(folder, process.execPath, [BUILT, "load", "watch-party", "--target", target, ...rest]));
    },
  };
}

function script(name: "bare" | "sockets", title: string, file: string): Contestant {
  return {
    name,
    title,
    ends: true,
    start: ({ url, load, folder }) => {
      const words = [url, load.clients, load.rooms, load.rate, load.rampMs, load.durationMs].map(String);
      return Promise.resolve(launch(folder, process.execPath, [join(here, file), ...words]));
    },
  };
}

const bare = script("bare", "bare ws script, no checks", "bare-ws.mjs");

/** No contestant: what the sockets alone take. */
export const sockets: Contestant = script("sockets", "bare sockets", "bare-sockets.mjs");

const artillery: Contestant = {
  name: "artillery",
  title: "artillery, no checks, does not read messages",
  ends: false,
  start: async (field) => {
    const { url, load, folder } = field;
    const script = join(folder, "artillery.json");
    const flow = [
      { connect: { function: "seat" } },
      {
        loop: [{ think: 1 / load.rate }, { function: "act" }, { send: "{{ message }}" }],
        count: Math.ceil(((load.rampMs + load.durationMs) * load.rate) / 1000),
      },
    ];
    const config = {
      target: url.replace("http", "ws"),
      phases: [{ duration: load.rampMs / 1000, arrivalCount: load.clients }],
      processor: join(peers, "artillery-rooms.cjs"),
    };
    writeFileSync(script, JSON.stringify({ config, scenarios: [{ engine: "ws", flow }] }));
    const env = { ROOMS: await roomsFile(field), WORKERS: "1", ARTILLERY_DISABLE_TELEMETRY: "true" };
    const program = join(peers, "node_modules", "artillery", "bin", "run");
    return launch(folder, process.execPath, [program, "run", script], env);
  },
};

function k6(name: "k6" | "k6-single", sockets: number, program: string): Contestant {
  return {
    name,
    title: `k6, ${sockets === 1 ? "one socket" : `${sockets} sockets`} a virtual user, no checks`,
    ends: false,
    start: async (field) => {
      const { url, load, folder } = field;
      const env = {
        URL: url,
        CLIENTS: load.clients,
        SOCKETS: Math.min(sockets, load.clients),
        RATE: load.rate,
        RAMP_MS: load.rampMs,
        DURATION_MS: load.durationMs,
        ROOMS: await roomsFile(field),
      };
      const words = [
        "run",
        "--quiet",
        "--no-usage-report",
        "--address",
        "",
        ...Object.entries(env).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
      ];
      return launch(folder, program, [...words, join(peers, "k6-rooms.js")]);
    },
  };
}

/** By `K6_BIN`, the PATH, or where `go install` puts it. */
function findK6(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), "go", "bin")];
  return [process.env["K6_BIN"] ?? "", ...folders.map((folder) => join(folder, "k6"))].find((path) => path !== "" && existsSync(path));
}

/** Installs artillery on first use, by its lock and without scripts; false where that fails. */
function hasArtillery(): boolean {
  if (existsSync(join(peers, "node_modules", "artillery"))) return true;
  process.stdout.write("installing artillery (about 460 MB, once)\n");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--prefix", peers], { stdio: ["ignore", "ignore", "inherit"] });
  return status === 0;
}

/** Those that can be had on this machine, and why others can not. */
export function contestants(wanted: readonly string[]): { readonly there: readonly Contestant[]; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const there: Contestant[] = [rollcall(), bare];
  if (wanted.includes("artillery")) {
    if (hasArtillery()) there.push(artillery);
    else missing.push("artillery could not be installed");
  }
  if (wanted.includes("k6") || wanted.includes("k6-single")) {
    const program = findK6();
    if (program === undefined) missing.push("k6 was not found: K6_BIN, the PATH and ~/go/bin are looked at");
    else there.push(k6("k6", 100, program), k6("k6-single", 1, program));
  }
  return { there: there.filter(({ name }) => wanted.includes(name)), missing };
}
