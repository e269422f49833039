import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { z } from "zod";
import {
  BODY_BYTES_MAX,
  checkpointSchema,
  clockSchema,
  meetSchema,
  registerSchema,
  resultSchema,
  roomsSchema,
  startSchema,
  verdictSchema,
} from "./messages.ts";
import { type Referee, Refusal } from "./referee.ts";

/** Connections at a time: each shard has two or three. */
const CONNECTIONS_MAX = 4_096;

/** A body comes within this, or its sender is cut. */
const REQUEST_MS_MAX = 30_000;

export interface RefereeServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface RefereeServerOptions {
  readonly referee: Referee;
  readonly token: string;
  /** 0: any free one. */
  readonly port: number;
  readonly bind: string;
  readonly nowMs: () => number;
}

/** Answers shards over HTTP. @throws Error of Node's when the address can not be listened on. */
export async function startRefereeServer(options: RefereeServerOptions): Promise<RefereeServer> {
  const isToken = tokenTest(options.token);
  const names = routesOf(options);
  const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    void answer(request, response, { isToken, names, referee: options.referee });
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.bind, resolve);
  });
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : options.port;
  const host = options.bind.includes(":") ? `[${options.bind}]` : options.bind;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Compares in a time that does not depend on the text given. */
function tokenTest(token: string): (given: string) => boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const wanted = digest(token);
  return (given) => timingSafeEqual(digest(given), wanted);
}

type Route = (body: unknown) => Promise<unknown>;

function routesOf({ referee, nowMs }: RefereeServerOptions): ReadonlyMap<string, Route> {
  const of =
    <M extends { readonly session: string; readonly speaker?: number }>(
      schema: z.ZodType<M>,
      act: (shard: number, message: M) => unknown,
    ): Route =>
    async (body) => {
      const message = parsed(schema, body);
      return referee.hear(message, async (shard) => act(shard, message));
    };
  return new Map<string, Route>([
    ["/v1/register", async (body) => referee.register(parsed(registerSchema, body))],
    ["/v1/clock", of(clockSchema, () => ({ nowMs: nowMs() }))],
    ["/v1/start", of(startSchema, (shard, message) => referee.start(shard, message))],
    ["/v1/rooms", of(roomsSchema, (_shard, message) => referee.rooms(message))],
    ["/v1/checkpoint", of(checkpointSchema, (shard, message) => referee.checkpoint(shard, message))],
    ["/v1/meet", of(meetSchema, (shard, message) => referee.meet(shard, message))],
    [
      "/v1/result",
      of(resultSchema, (shard, message) => {
        referee.result(shard, message);
        return {};
      }),
    ],
    ["/v1/verdict", of(verdictSchema, (shard) => referee.verdict(shard))],
  ]);
}

/** @throws Refusal 422 that names what is wrong and where. */
function parsed<M>(schema: z.ZodType<M>, body: unknown): M {
  const outcome = schema.safeParse(body);
  if (outcome.success) return outcome.data;
  const [issue] = outcome.error.issues;
  throw new Refusal(422, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not understood"}`);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { isToken, names, referee }: { isToken: (given: string) => boolean; names: ReadonlyMap<string, Route>; referee: Referee },
): Promise<void> {
  const say = (status: number, body: unknown): void => {
    if (response.headersSent || response.destroyed) return;
    // What was not read of a refused body is not waited for.
    const end = status >= 400 ? { connection: "close" } : {};
    response.writeHead(status, { "content-type": "application/json", ...end }).end(JSON.stringify(body));
  };
  try {
    if (request.method === "GET" && request.url === "/healthz") return say(200, { ok: true });
    const route = names.get(request.url ?? "");
    if (!isToken(/^Bearer (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? ""))
      throw new Refusal(401, "this run has another token");
    if (request.method === "GET" && request.url === "/v1/result")
      return referee.document === undefined ? say(404, { error: "there is no verdict yet" }) : say(200, referee.document);
    if (route === undefined || request.method !== "POST") throw new Refusal(404, "no such message");
    say(200, await route(await read(request)));
  } catch (error) {
    if (error instanceof Refusal) say(error.status, { error: error.message });
    else say(500, { error: "the referee could not take this" });
  }
}

/** @throws Refusal for a body that is too long, or no JSON. */
async function read(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) throw new Refusal(413, `more than ${BODY_BYTES_MAX} bytes`);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > BODY_BYTES_MAX) throw new Refusal(413, `more than ${BODY_BYTES_MAX} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw new Refusal(400, "no JSON");
  }
}
