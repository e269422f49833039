import { z } from "zod";
import { REASONS } from "../core/reason.ts";
import type { CredentialSpec, KnownFailure } from "../core/target.ts";

/** Longest wait for a server to become ready that a target file may ask for; a build belongs before the run. */
const READY_MS_MAX = 600_000;
export const READY_MS_DEFAULT: number = 30_000;
/** A first start may have to set up a database. */
const CONTAINER_READY_MS_DEFAULT = 120_000;
const CONTAINER_PORT_DEFAULT = 8080;

/** How a server is started. */
export interface StartSpec {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  readonly port?: number | undefined;
  readonly ready: { readonly http?: string | undefined; readonly ws?: string | undefined; readonly withinMs: number };
  readonly restart: boolean;
}

/** When a server in a container counts as started. */
export interface ContainerReadySpec {
  readonly http?: string | undefined;
  readonly ws?: string | undefined;
  readonly withinMs: number;
}

/** One container of an image. */
export interface ImageSpec {
  readonly name: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly cpus?: number | undefined;
  readonly memoryMib?: number | undefined;
  readonly ready: ContainerReadySpec;
  readonly restart: boolean;
}

/** A port of a service. */
export interface ServicePort {
  readonly service: string;
  readonly port: number;
}

/** Services of a compose file. */
export interface ComposeSpec {
  readonly file: string;
  readonly profiles: readonly string[];
  readonly services: readonly string[];
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly build: boolean;
  readonly reference: boolean;
  readonly directory?: ServicePort | undefined;
  readonly pds?: ServicePort | undefined;
  readonly ready: ContainerReadySpec;
  readonly restart: boolean;
}

/** A target file's data with its defaults filled in. */
export interface TargetFileData {
  readonly name?: string | undefined;
  readonly binding?: string | undefined;
  readonly dialect?: string | undefined;
  readonly reference?: string | undefined;
  readonly replicas?: number | undefined;
  readonly url?: string | undefined;
  readonly secondUrl?: string | undefined;
  readonly hub?: string | undefined;
  readonly basePath?: string | undefined;
  readonly command?: string | undefined;
  readonly start?: StartSpec | undefined;
  readonly image?: ImageSpec | undefined;
  readonly compose?: ComposeSpec | undefined;
  readonly directory?: string | undefined;
  readonly pds?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: { readonly ca?: string | undefined };
  readonly credential: Omit<CredentialSpec, "register"> & { readonly register?: string | undefined };
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly hooks: { readonly health: string; readonly metrics?: { readonly path: string; readonly prefix: string } | undefined };
  readonly known: readonly (Omit<KnownFailure, "id"> & { readonly id: string })[];
}

const httpPath = z.string().regex(/^\//, "a path begins with /");
const baseUrl = z.string().regex(/^(https?|wss?):\/\/[^/\s]+/, "a base URL begins with http://, https://, ws:// or wss://");
const shown = z.string().regex(/^(bearer|(query|cookie):[^\s:]+)$/, "bearer, query:<name> or cookie:<name>");
const found = z.string().regex(/^(cookie|json):\S+$/, "cookie:<name> or json:<field path>");

const start = z.strictObject({
  command: z.string().min(1).describe("Shell command line that starts the server. `{port}` stands for its port."),
  env: z.record(z.string(), z.string()).default({}).describe("Environment beside the caller's own; `{port}` stands for the port."),
  cwd: z.string().optional().describe("Working directory, relative to the target file. Default: the target file's folder."),
  port: z.int().min(1).max(65_535).optional().describe("Fixed port. Default: the port of `url`, otherwise any free one."),
  ready: z
    .strictObject({
      http: httpPath.optional().describe("Ready once a GET of this path answers 2xx."),
      ws: httpPath.optional().describe("Ready once a WebSocket opening handshake at this path is answered, even by a refusal."),
      withinMs: z.int().min(100).max(READY_MS_MAX).default(READY_MS_DEFAULT),
    })
    .prefault({})
    .describe("When the server counts as started. Default: once its port accepts connections."),
  restart: z.boolean().default(true).describe("Whether the harness may end and start it again in mid-run."),
});

const tcpPort = z.int().min(1).max(65_535);

const containerReady = z
  .strictObject({
    http: httpPath.optional().describe("Ready once a GET of this path answers 2xx."),
    ws: httpPath.optional().describe("Ready once a WebSocket opening handshake at this path is answered, even by a refusal."),
    withinMs: z.int().min(100).max(READY_MS_MAX).default(CONTAINER_READY_MS_DEFAULT),
  })
  .prefault({})
  .describe("When a server counts as started. Default: once a handshake at `/` is answered, even by a refusal.");

const image = z
  .preprocess(
    (value) => (typeof value === "string" ? { name: value } : value),
    z.strictObject({
      name: z.string().min(1).describe("The image with its version, such as `registry.example/rooms:1.4.2`."),
      port: tcpPort.default(CONTAINER_PORT_DEFAULT).describe("Where the server listens in its container."),
      env: z.record(z.string(), z.string()).default({}).describe("The container's environment; `{port}` stands for the port."),
      entrypoint: z.array(z.string()).optional().describe("In place of the image's own entrypoint, word by word."),
      command: z.array(z.string()).optional().describe("In place of the image's own command, word by word."),
      cpus: z.number().positive().optional().describe("Cores that it may use."),
      memoryMib: z.int().min(6).optional().describe("Memory that it may use, MiB."),
      ready: containerReady,
      restart: z.boolean().default(true).describe("Whether the harness may end and start it again in mid-run."),
    }),
  )
  .describe("An image to start one container of; its name alone will do.");

const servicePort = z.strictObject({ service: z.string().min(1), port: tcpPort });

const compose = z
  .strictObject({
    file: z.string().min(1).describe("The compose file, relative to the target file."),
    profiles: z.array(z.string()).default([]).describe("Profiles to start. Default: `services` and what they depend on."),
    services: z.array(z.string().min(1)).min(1).describe("The servers under test: replicas of one, first and second URL in this order."),
    port: tcpPort.default(CONTAINER_PORT_DEFAULT).describe("Where each of them listens in its container; it need not be published."),
    env: z.record(z.string(), z.string()).default({}).describe("Variables for the compose file."),
    build: z.boolean().default(true).describe("Whether images with `build:` are built first; what has not changed takes seconds."),
    reference: z
      .boolean()
      .default(false)
      .describe("The servers are reference servers of Rollcall, told by the variables MUTANT, TIME_SCALE and DIALECT."),
    directory: servicePort.optional().describe("A PLC directory of the stack: identities of the run are registered there."),
    pds: servicePort.optional().describe("A PDS of the stack, for the recipe `pds`."),
    ready: containerReady,
    restart: z.boolean().default(true).describe("Whether the harness may end and start the servers again in mid-run."),
  })
  .describe("A stack to start with Compose and to remove after the run.");

const credential = z.strictObject({
  recipe: z.enum(["account", "serviceJwt", "pds", "none"]).default("serviceJwt"),
  audience: z.string().default("did:web:rooms.example").describe("serviceJwt: the `aud` claim."),
  method: z.string().nullable().default(null).describe("serviceJwt: the `lxm` claim, when the server wants one."),
  show: shown.default("query:authToken").describe("Where the credential is shown, on requests and on the upgrade."),
  register: httpPath.optional().describe("account: leave out when accounts exist already."),
  login: httpPath.default("/auth/login"),
  token: found.default("cookie:authToken").describe("account: where the answer holds the token."),
  userId: found.default("json:id").describe("account: where the answer holds the user's id."),
  nameQuery: z.string().default("user").describe("none: the query parameter that carries the name."),
});

const known = z.strictObject({
  id: z.string().regex(/^[A-Z]{2,8}-[A-Z]{2,6}-[0-9]{2,3}$/, "a requirement id such as PLAY-ERR-01"),
  reason: z.enum(REASONS),
  rate: z.enum(["always", "sometimes"]),
  because: z.string().min(3).describe("Why it is tolerated; an issue's address is best."),
  until: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "a date YYYY-MM-DD, in quotes or not"),
});

/**
 * A target file as a user writes it, after `${NAME}` has been filled in. One of `url`, `command`, `start`,
 * `image`, `compose` or `reference` says what is tested.
 */
const targetFileSchema = z
  .strictObject({
    $schema: z.string().optional(),
    name: z.string().min(1).optional().describe("For reports. Default: the file's name."),
    binding: z.string().min(1).optional().describe("The protocol that the server speaks; `rollcall list` names them."),
    dialect: z.string().optional(),
    reference: z.string().optional().describe("Test the reference server of this binding."),
    replicas: z
      .int()
      .min(1)
      .max(8)
      .optional()
      .describe("reference: so many processes on the same rooms, with the store that they share them by (playback: Redis)."),
    url: baseUrl.optional().describe("Base URL of a server that runs already, or of the one that `start` starts."),
    secondUrl: baseUrl.optional().describe("A second process on the same rooms."),
    hub: baseUrl
      .optional()
      .describe("jazz: whole address of the hub, the socket beside the sync leg. `{port}` stands for the port of `start`."),
    basePath: z
      .string()
      .regex(/^(\/.*[^/])?$/, "empty, or begins with / and does not end with it")
      .optional(),
    command: z.string().min(1).optional().describe("Short for `start: { command: … }`."),
    start: start.optional(),
    image: image.optional(),
    compose: compose.optional(),
    directory: baseUrl.optional().describe("A PLC directory that the server at `url` asks: identities of the run are registered there."),
    pds: baseUrl.optional().describe("A PDS whose accounts the server at `url` knows, for the recipe `pds`."),
    headers: z.record(z.string(), z.string()).default({}).describe("Sent with every request and upgrade."),
    tls: z
      .strictObject({ ca: z.string().optional().describe("PEM file of an own certificate authority, relative to this file.") })
      .prefault({}),
    credential: credential.prefault({}),
    capabilities: z.record(z.string(), z.boolean()).default({}).describe("What the server can do; the rest as the binding's defaults."),
    limits: z
      .record(z.string(), z.number().nonnegative())
      .default({})
      .describe("Figures of the server by name; `clientsMax`: never more clients, whatever a scenario asks."),
    hooks: z
      .strictObject({
        health: httpPath.default("/healthz"),
        metrics: z.strictObject({ path: httpPath.default("/metrics"), prefix: z.string().default("") }).optional(),
      })
      .prefault({}),
    known: z.array(known).default([]).describe("Failures that are known and not yet mended."),
  })
  .describe("A server that Rollcall tests.");

/** Parses a target file's data; issues carry their path. */
export function parseTargetData(value: unknown): z.ZodSafeParseResult<TargetFileData> {
  return targetFileSchema.safeParse(value);
}

/** JSON Schema (2020-12) of target files, for editors; `schemas/target.schema.json` is this text. */
export function targetJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(targetFileSchema, { io: "input", target: "draft-2020-12" }), null, 2)}\n`;
}
