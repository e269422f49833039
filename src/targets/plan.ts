import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Binding } from "../core/binding.ts";
import { HarnessError } from "../core/errors.ts";
import { requirementId } from "../core/ids.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { readTargetFile, type TargetFile } from "./file.ts";
import { isLoopback } from "./network.ts";
import { type ComposeSpec, type ImageSpec, READY_MS_DEFAULT, type StartSpec } from "./schema.ts";
import type { StartOptions } from "./types.ts";

/** One container of an image. */
export interface ImageLaunch extends Omit<ImageSpec, "name" | "memoryMib"> {
  readonly kind: "image";
  readonly image: string;
  readonly memoryBytes: number | undefined;
  /** The name that it stays under after the run; undefined: it is removed. */
  readonly isKept: string | undefined;
}

/** Services of a compose file, whose path is absolute. */
export interface ComposeLaunch extends Omit<ComposeSpec, "reference"> {
  readonly kind: "compose";
  /** The name that it stays under after the run; undefined: it is removed. */
  readonly isKept: string | undefined;
}

/** How a target comes to run. */
export type Launch =
  | { readonly kind: "url" }
  | { readonly kind: "command"; readonly spec: StartSpec; readonly folder: string; readonly port: number | undefined }
  | ImageLaunch
  | ComposeLaunch
  | {
      readonly kind: "reference";
      readonly program: string;
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly port: number;
      /** Folder that only this instance may use; removed when it is stopped for good. */
      readonly scratch: string;
      /** Processes on the same rooms, and what they share them by. */
      readonly replicas: { readonly count: number; readonly store: "redis" } | undefined;
    };

/** A target that is understood and not yet started; the URLs of a server that we start are filled in then. */
export interface Plan {
  readonly binding: Binding;
  readonly resolved: ResolvedTarget;
  readonly launch: Launch;
  readonly mayFlood: boolean;
}

const CREDENTIAL_DEFAULTS = {
  recipe: "serviceJwt",
  audience: "did:web:rooms.example",
  method: null,
  show: "query:authToken",
  register: undefined,
  login: "/auth/login",
  token: "cookie:authToken",
  userId: "json:id",
  nameQuery: "user",
} as const;

/** Our own servers only, and no further: past it, timers come near the tolerances of the checks. */
const TIME_SCALE_MAX = 20;

/** Several processes take turns on the same cores: a wait of theirs is to be longer than such a turn. */
const REPLICAS_TIME_SCALE_MAX = 10;

/** Each costs a process; what comes of more is for a cluster to show. */
const REPLICAS_MAX = 8;

/** Where a server that is not started yet will be. */
const NOT_YET = "http://127.0.0.1:0";

function programOf(folder: string): string {
  const program = ["ts", "js"].map((extension) => join(folder, "reference", `main.${extension}`)).find((path) => existsSync(path));
  if (program === undefined) throw new HarnessError("internal", `the binding in ${folder} has no reference server`);
  return program;
}

async function planReference(name: string, options: StartOptions, file: TargetFile | undefined): Promise<Plan> {
  const binding = await options.registry.loadBinding(name);
  const program = programOf(options.registry.bindingFolder(name));
  const asked = options.timeScale ?? 1;
  const replicas = replicasOf(binding, options.replicas ?? file?.data.replicas ?? options.mutant?.replicas ?? 1, options);
  const scaleMax = replicas === undefined ? TIME_SCALE_MAX : REPLICAS_TIME_SCALE_MAX;
  const timeScale = Math.min(asked, binding.manifest.reference?.timeScaleMax ?? TIME_SCALE_MAX, scaleMax);
  if (!(asked >= 1 && asked <= TIME_SCALE_MAX)) throw new HarnessError("usage", `a time scale lies between 1 and ${TIME_SCALE_MAX}`);
  const { reference } = binding.manifest;
  const recipe = options.recipe ?? reference?.credential?.recipe ?? file?.data.credential.recipe ?? CREDENTIAL_DEFAULTS.recipe;
  const given = { ...CREDENTIAL_DEFAULTS, ...file?.data.credential, ...reference?.credential };
  const credential = { ...given, recipe, register: given.register ?? "/auth/register" };
  const dialect = options.dialect ?? file?.data.dialect ?? binding.manifest.dialects[0];
  const scratch = join(tmpdir(), `rollcall-${name}-${randomBytes(6).toString("hex")}`);
  return {
    binding,
    mayFlood: true,
    launch: {
      kind: "reference",
      program,
      port: options.port ?? 0,
      env: {
        HOST: "127.0.0.1",
        AUDIENCE: credential.audience,
        // To the server a token of a PDS is a service token like any other.
        RECIPE: recipe === "pds" ? "serviceJwt" : recipe,
        TIME_SCALE: String(timeScale),
        DIALECT: dialect,
        MUTANT: options.mutant?.id ?? "",
        BASE_PATH: file?.data.basePath ?? "",
        ...(options.directoryUrl === undefined ? {} : { DIRECTORY_URL: options.directoryUrl }),
        ...reference?.env?.({ audience: credential.audience, directoryUrl: options.directoryUrl, scratch }),
        ...options.mutant?.env,
      },
      scratch,
      replicas,
    },
    resolved: {
      name: file?.name ?? name,
      binding: name,
      dialect,
      urls: replicas === undefined ? [NOT_YET] : [NOT_YET, ...Array.from({ length: replicas.count - 1 }, () => NOT_YET)],
      basePath: file?.data.basePath ?? "",
      legs: {},
      headers: file?.data.headers ?? {},
      ca: undefined,
      credential,
      capabilities: {
        ...hooksGiven(binding, { restart: true, metrics: true, secondUrl: replicas !== undefined, ...options.given }),
        ...reference?.capabilities,
        ...file?.data.capabilities,
      },
      limits: { ...reference?.limits, ...limitsOf(file) },
      clientsMax: file?.data.limits["clientsMax"],
      hooks: { health: file?.data.hooks.health ?? "/healthz", metrics: file?.data.hooks.metrics ?? { path: "/metrics", prefix: "" } },
      known: file === undefined ? knownOfReference(binding, options) : knownOf(file),
      timeScale,
      directoryUrl: options.directoryUrl,
    },
  };
}

function replicasOf({ manifest }: Binding, count: number, { port }: StartOptions): Extract<Launch, { kind: "reference" }>["replicas"] {
  const store = manifest.reference?.replicas;
  if (count === 1) return undefined;
  if (!(Number.isInteger(count) && count >= 1 && count <= REPLICAS_MAX))
    throw new HarnessError("usage", `a target has from 1 to ${REPLICAS_MAX} replicas, not ${count}`);
  if (store === undefined) throw new HarnessError("usage", `the reference server of ${manifest.name} runs as one process only`);
  if (port !== undefined) throw new HarnessError("usage", "--port is for one process, and replicas are several");
  return { count, store };
}

/** A hook that is given turns its capability on, where the binding has it. */
function hooksGiven(binding: Binding, hooks: Readonly<Record<string, boolean>>): Record<string, boolean> {
  return Object.fromEntries(Object.entries(hooks).filter(([name, isGiven]) => isGiven && name in binding.manifest.capabilities));
}

function limitsOf(file: TargetFile | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(file?.data.limits ?? {}).filter(([name]) => name !== "clientsMax"));
}

function knownOf(file: TargetFile | undefined): ResolvedTarget["known"] {
  return (file?.data.known ?? []).map((entry) => ({ ...entry, id: requirementId(entry.id) }));
}

/** Failures of published software are those of the server as it stands, and no excuse for anything else under test. */
function knownOfReference({ manifest }: Binding, options: StartOptions): ResolvedTarget["known"] {
  const isServerJudged = options.purpose === "check" && options.mutant === undefined && options.given?.["clientDriver"] !== true;
  return isServerJudged ? (manifest.reference?.known?.(options.env ?? process.env) ?? []) : [];
}

function readCa(file: TargetFile): string | undefined {
  const { ca } = file.data.tls;
  if (ca === undefined) return undefined;
  const path = resolve(file.folder, ca);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new HarnessError("usage", `${file.path}: "tls.ca" names ${path}, which can not be read`, { cause: error });
  }
}

/** http(s) origin and path of a base URL that may be written with ws(s). */
function split(url: string, file: TargetFile): { readonly origin: string; readonly path: string } {
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^ws/, "http"));
  } catch (error) {
    throw new HarnessError("usage", `${file.path}: "${url}" is no URL`, { cause: error });
  }
  if (parsed.username !== "" || parsed.search !== "" || parsed.hash !== "") {
    throw new HarnessError("usage", `${file.path}: a base URL has no user, query or fragment`, {
      hint: "put secrets into headers, from ${ENV}",
    });
  }
  return { origin: parsed.origin, path: parsed.pathname.replace(/\/+$/, "") };
}

async function planFile(file: TargetFile, options: StartOptions): Promise<Plan> {
  for (const [flag, value] of [
    ["--mutant", options.mutant],
    ["--port", options.port],
    ["--replicas", options.replicas],
  ] as const) {
    const isTaken = flag === "--mutant" && file.data.compose?.reference === true;
    if (value !== undefined && file.data.reference === undefined && !isTaken) {
      throw new HarnessError("usage", `${flag} is for reference servers; ${file.path} describes another server`);
    }
  }
  if (file.data.reference !== undefined) {
    if (file.data.binding !== undefined && file.data.binding !== file.data.reference) {
      throw new HarnessError("usage", `${file.path}: "binding" and "reference" name different protocols`);
    }
    return planReference(file.data.reference, options, file);
  }
  const { data } = file;
  const binding = await options.registry.loadBinding(data.binding ?? "");
  const spec =
    data.start ??
    (data.command === undefined ? undefined : { command: data.command, env: {}, ready: { withinMs: READY_MS_DEFAULT }, restart: true });
  const first = data.url === undefined ? undefined : split(data.url.replaceAll("{port}", "0"), file);
  const second = data.secondUrl === undefined ? undefined : split(data.secondUrl, file);
  const urlPort = first === undefined ? undefined : new URL(first.origin).port;
  const port = spec?.port ?? (urlPort === undefined || urlPort === "" || urlPort === "0" ? undefined : Number(urlPort));
  const containers = containersOf(file, binding, options);
  const isOurs = spec !== undefined || containers !== undefined;
  const hosts = [first, second].flatMap((url) => (url === undefined ? [] : [new URL(url.origin)]));
  const asked = hosts.filter((url) => !isOurs && !isLoopback(url.hostname) && !isAllowed(url, options.mayLoad ?? []));
  if (options.purpose === "load" && asked[0] !== undefined) {
    throw new HarnessError("usage", `${asked[0].hostname} is not this machine, and load on it needs your consent`, {
      hint: `if you may load it: --i-may-load ${asked[0].hostname}`,
    });
  }
  return {
    binding,
    mayFlood: asked.length === 0,
    launch: containers ?? (spec === undefined ? { kind: "url" } : { kind: "command", spec, folder: file.folder, port }),
    resolved: {
      name: file.name,
      binding: binding.manifest.name,
      dialect: options.dialect ?? data.dialect ?? binding.manifest.dialects[0],
      urls: second === undefined ? [first?.origin ?? NOT_YET] : [first?.origin ?? NOT_YET, second.origin],
      ...(data.directory === undefined ? {} : { plcUrl: split(data.directory, file).origin }),
      ...(data.pds === undefined ? {} : { pdsUrl: split(data.pds, file).origin }),
      basePath: data.basePath ?? first?.path ?? "",
      legs: data.hub === undefined ? {} : { hub: data.hub.replaceAll("{port}", "0") },
      headers: data.headers,
      ca: readCa(file),
      credential: { ...data.credential, register: data.credential.register },
      capabilities: {
        ...hooksGiven(binding, {
          secondUrl: second !== undefined || (data.compose?.services.length ?? 0) > 1,
          restart: (containers ?? spec)?.restart === true,
          metrics: data.hooks.metrics !== undefined,
          hub: data.hub !== undefined,
        }),
        ...data.capabilities,
      },
      limits: limitsOf(file),
      clientsMax: data.limits["clientsMax"],
      hooks: { health: data.hooks.health, metrics: data.hooks.metrics },
      known: knownOf(file),
      timeScale: data.compose?.reference === true ? timeScaleOf(binding, options) : 1,
      directoryUrl: undefined,
    },
  };
}

/** Of a reference server in containers, which share the machine with each other and with the engine. */
const TIME_SCALE_MAX_CONTAINED = 5;

function timeScaleOf({ manifest }: Binding, { timeScale = 1 }: StartOptions): number {
  return Math.min(timeScale, TIME_SCALE_MAX_CONTAINED, manifest.reference?.timeScaleMax ?? TIME_SCALE_MAX);
}

function containersOf(file: TargetFile, binding: Binding, options: StartOptions): ImageLaunch | ComposeLaunch | undefined {
  const { image, compose, dialect } = file.data;
  const isKept = options.keep === true ? file.name : undefined;
  if (image !== undefined) {
    const { name, memoryMib, ...rest } = image;
    const memoryBytes = memoryMib === undefined ? undefined : memoryMib * 2 ** 20;
    return { kind: "image", image: name, memoryBytes, isKept, ...rest };
  }
  if (compose === undefined) return undefined;
  const { reference, env, ...rest } = compose;
  const told = {
    MUTANT: options.mutant?.id ?? "",
    TIME_SCALE: String(timeScaleOf(binding, options)),
    DIALECT: options.dialect ?? dialect ?? binding.manifest.dialects[0],
  };
  return {
    ...rest,
    kind: "compose",
    file: resolve(file.folder, compose.file),
    env: { ...(reference ? told : {}), ...env },
    isKept,
  };
}

function isAllowed(url: URL, mayLoad: readonly string[]): boolean {
  return mayLoad.some((host) => host === url.hostname || host === url.host);
}

/** What the target says that its binding does not know, or that time has overtaken. */
function mistakesOf(plan: Plan, today: string): string[] {
  const { manifest, requirements } = plan.binding;
  const { resolved } = plan;
  const mistakes: string[] = [];
  if (!manifest.dialects.includes(resolved.dialect)) {
    mistakes.push(`dialect "${resolved.dialect}" is none of ${manifest.name}: ${manifest.dialects.join(", ")}`);
  }
  for (const name of Object.keys(resolved.capabilities)) {
    if (!(name in manifest.capabilities)) {
      mistakes.push(`capability "${name}" is none of ${manifest.name}: ${Object.keys(manifest.capabilities).join(", ")}`);
    }
  }
  for (const { id, until } of resolved.known) {
    if (!requirements.some((requirement) => requirement.id === id))
      mistakes.push(`known failure ${id}: ${manifest.name} has no such requirement; correct its id, or take the entry out`);
    if (until < today) mistakes.push(`known failure ${id}: its date ${until} is past; mend the server, or decide again and set a new date`);
  }
  return mistakes;
}

/**
 * Understands a target without starting or asking anything.
 * @throws HarnessError `usage` for unknown names, unreadable or wrong files, and load without consent.
 */
export async function planTarget(options: StartOptions): Promise<Plan> {
  const names = options.registry.bindingNames();
  const { target } = options;
  let plan: Plan;
  if (names.includes(target)) plan = await planReference(target, options, undefined);
  else if (/^(https?|wss?):/.test(target)) {
    throw new HarnessError("usage", `a target is a name or a file, not a URL`, {
      hint: `write a target file with \`rollcall init\` and put \`url: ${target}\` into it`,
    });
  } else if (/[./\\]/.test(target) || existsSync(target))
    plan = await planFile(readTargetFile(target, options.env ?? process.env), options);
  else {
    throw new HarnessError("usage", `there is no reference server and no target file "${target}"`, {
      hint: `reference servers: ${names.join(", ")}; \`rollcall init\` writes a target file`,
    });
  }
  const mistakes = mistakesOf(plan, options.today ?? new Date().toISOString().slice(0, 10));
  if (mistakes.length > 0) throw new HarnessError("usage", mistakes.map((mistake) => `${plan.resolved.name}: ${mistake}`).join("\n"));
  return plan;
}
