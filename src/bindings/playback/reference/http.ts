import type { IncomingMessage, ServerResponse } from "node:http";
import type { Accounts } from "./accounts.ts";
import { type AuthOutcome, TOKEN_NAME } from "./auth.ts";
import type { Recipe } from "./config.ts";
import type { Metrics } from "./metrics.ts";
import type { RoomFullState, RoomInput, RoomMeta } from "./rooms.ts";
import { isObject } from "./wire.ts";

/** Where a request goes: the path in its segments as sent, undecoded and untidied. */
export interface Target {
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

/** An answer of the server; `text` instead of `json` for what is no JSON. */
export interface Answer {
  readonly status: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Rooms as HTTP asks for them, wherever they are kept. */
export interface RoomsPort {
  /** What a creation answers with; undefined where there are too many rooms. */
  create(creatorId: string, input: RoomInput): Promise<object | undefined>;
  list(): Promise<readonly (RoomMeta & { readonly currentMembers: number })[]>;
  read(roomId: string): Promise<RoomFullState | undefined>;
  /** Whether they can be reached. */
  readonly isServing: boolean;
}

export interface RoutesOptions {
  readonly basePath: string;
  readonly recipe: Recipe;
  readonly rooms: RoomsPort;
  readonly accounts: Accounts;
  readonly authenticate: (request: IncomingMessage, query: URLSearchParams) => Promise<AuthOutcome>;
  readonly metrics: Metrics;
  readonly nowMs: () => number;
  readonly isStopping: () => boolean;
}

/** Far above every body that the wire has. */
const BODY_BYTES_MAX = 64 * 1024;

const TEXT_LENGTH_MAX = 8_192;

const COOKIE_LIFE_S = 604_800;

/** What is said while the rooms cannot be reached. */
export const STORE_AWAY = "The room store does not answer";

/** Splits a request line's target by hand: a URL library would tidy `..` and empty segments away. */
export function readTarget(url: string): Target {
  const cut = url.indexOf("?");
  const path = cut === -1 ? url : url.slice(0, cut);
  return { segments: path.split("/").slice(1), query: new URLSearchParams(cut === -1 ? "" : url.slice(cut + 1)) };
}

/** The segments below the base path; undefined for a path that is not below it. */
export function below(segments: readonly string[], basePath: string): readonly string[] | undefined {
  const base = basePath === "" ? [] : basePath.slice(1).split("/");
  return base.every((segment, index) => segments[index] === segment) ? segments.slice(base.length) : undefined;
}

/** Answers every HTTP request that is no upgrade. */
export function createRoutes(options: RoutesOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const answer = await route(request, options);
    if (answer.status >= 400) options.metrics.errors.inc({ code: String(answer.status) });
    const isText = answer.text !== undefined;
    const body = isText ? answer.text : JSON.stringify(answer.json);
    response.writeHead(answer.status, {
      "content-type": isText ? "text/plain; charset=utf-8" : "application/json",
      "content-length": Buffer.byteLength(body),
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}

async function route(request: IncomingMessage, options: RoutesOptions): Promise<Answer> {
  const { segments, query } = readTarget(request.url ?? "/");
  const hook = segments.length === 1 && request.method === "GET" ? await hookAnswer(segments[0] ?? "", options) : undefined;
  if (hook !== undefined) return hook;
  const path = below(segments, options.basePath);
  if (path === undefined) return refuse(404, "Not found");
  if (path[0] === "auth" && path.length === 2) return authRoute(path[1] ?? "", request, options);
  if (path[0] !== "rooms" || path.length > 2) return refuse(404, "Not found");
  const outcome = await options.authenticate(request, query);
  if (!("userId" in outcome)) {
    options.metrics.authFailures.inc({ reason: outcome.reason });
    return refuse(outcome.status, outcome.message);
  }
  return roomsRoute(path[1], outcome.userId, request, options);
}

async function hookAnswer(name: string, { metrics, isStopping, rooms }: RoutesOptions): Promise<Answer | undefined> {
  switch (name) {
    case "healthz":
      return { status: 200, json: { status: "ok" } };
    case "readyz":
      if (isStopping()) return { status: 503, json: { status: "stopping", reasons: ["shutting down"] } };
      return rooms.isServing
        ? { status: 200, json: { status: "ready", reasons: [] } }
        : { status: 503, json: { status: "waiting", reasons: [STORE_AWAY] } };
    case "metrics":
      return { status: 200, text: await metrics.text(), headers: { "content-type": metrics.contentType } };
    default:
      return undefined;
  }
}

async function authRoute(name: string, request: IncomingMessage, { recipe, accounts, nowMs }: RoutesOptions): Promise<Answer> {
  if (recipe !== "account" || !["register", "login", "logout"].includes(name)) return refuse(404, "Not found");
  if (request.method !== "POST") return refuse(405, "Only POST");
  const cookie = (token: string, lifeS: number): { "set-cookie": string } => ({
    "set-cookie": `${TOKEN_NAME}=${token}; Max-Age=${lifeS}; Path=/; HttpOnly; SameSite=Lax`,
  });
  if (name === "logout") return { status: 200, json: { message: "Logged out" }, headers: cookie("", 0) };
  const body = await readJson(request);
  if ("refusal" in body) return body.refusal;
  const outcome = name === "register" ? await accounts.register(body.value, nowMs()) : await accounts.logIn(body.value, nowMs());
  if (outcome.kind === "refused") return refuse(outcome.status, outcome.message);
  return { status: 200, json: outcome.account, headers: cookie(outcome.token, COOKIE_LIFE_S) };
}

async function roomsRoute(id: string | undefined, userId: string, request: IncomingMessage, options: RoutesOptions): Promise<Answer> {
  const { rooms } = options;
  if (!rooms.isServing) return refuse(503, STORE_AWAY);
  if (id === undefined && request.method === "POST") {
    const body = await readJson(request);
    if ("refusal" in body) return body.refusal;
    const input = parseRoomInput(body.value);
    if (typeof input === "string") return refuse(422, input);
    const answer = await rooms.create(userId, input);
    return answer === undefined ? refuse(503, "No more rooms") : { status: 200, json: answer };
  }
  if (request.method !== "GET" && request.method !== "HEAD") return refuse(405, "Not here");
  if (id === undefined) {
    return { status: 200, json: await rooms.list() };
  }
  const room = await rooms.read(id);
  return room === undefined ? refuse(404, "Room not found") : { status: 200, json: room };
}

function refuse(status: number, message: string): Answer {
  return { status, json: { message } };
}

/** The body of `POST /rooms` with its defaults, or what is wrong with it. */
export function parseRoomInput(body: unknown): RoomInput | string {
  if (!isObject(body)) return "The body must be an object";
  const { name, mediaUrl = "", mediaType = "", isPlaying = false, isPublic = true, maxParticipants = 10 } = body;
  if (typeof name !== "string" || name.length < 3 || name.length > TEXT_LENGTH_MAX) return "name must be a text of 3 characters or more";
  if (typeof mediaUrl !== "string" || mediaUrl.length > TEXT_LENGTH_MAX) return "mediaUrl must be a text";
  if (typeof mediaType !== "string" || mediaType.length > TEXT_LENGTH_MAX) return "mediaType must be a text";
  if (typeof isPlaying !== "boolean") return "isPlaying must be a boolean";
  if (typeof isPublic !== "boolean") return "isPublic must be a boolean";
  if (typeof maxParticipants !== "number" || !Number.isInteger(maxParticipants) || maxParticipants < 2 || maxParticipants > 50) {
    return "maxParticipants must be a whole number from 2 to 50";
  }
  return { name, mediaUrl, mediaType, isPlaying, isPublic, maxParticipants };
}

async function readJson(request: IncomingMessage): Promise<{ readonly value: unknown } | { readonly refusal: Answer }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) return { refusal: { ...refuse(413, "The body is too big"), headers: { connection: "close" } } };
      chunks.push(chunk);
    }
    return { value: JSON.parse(Buffer.concat(chunks).toString("utf8")) };
  } catch {
    return { refusal: refuse(400, "The body is no JSON") };
  }
}
