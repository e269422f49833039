import { type RawData, WebSocket } from "ws";
import { type Config, readConfig } from "./config.ts";
import { startServer } from "./server.ts";

/** A message of the server. */
export interface Message {
  readonly type: string;
  readonly payload: unknown;
}

/** A socket that keeps what it hears. */
export interface Ear {
  readonly ws: WebSocket;
  readonly heard: Message[];
  readonly closed: Promise<number>;
  send(frame: string | Buffer): void;
  /** The next message of a type not yet taken, waiting for it at most 3 s. */
  next(type: string): Promise<Message>;
}

/** A server in this process; `await using` stops it. */
export async function serve(
  env: Record<string, string> = {},
): Promise<{ url: string; stop: () => Promise<void>; [Symbol.asyncDispose]: () => Promise<void> }> {
  const config: Config | { problem: string } = readConfig({ RECIPE: "none", ...env });
  if ("problem" in config) throw new Error(config.problem);
  const server = await startServer(config, () => undefined);
  return { url: server.url, stop: () => server.stop(), [Symbol.asyncDispose]: () => server.stop() };
}

/** Makes a room of a named user. */
export async function makeRoom(url: string, user: string, input: object = {}): Promise<string> {
  const answer = await fetch(`${url}/rooms?user=${user}`, { method: "POST", body: JSON.stringify({ name: "film night", ...input }) });
  const body: unknown = await answer.json();
  return String(Reflect.get(body as object, "roomId"));
}

/** Opens a socket and waits until it is open. */
export async function listen(url: string, path: string): Promise<Ear> {
  const ws = new WebSocket(`${url.replace(/^http/, "ws")}${path}`, { perMessageDeflate: false });
  const heard: Message[] = [];
  let taken = 0;
  ws.on("message", (data: RawData) => heard.push(JSON.parse((data as Buffer).toString("utf8")) as Message));
  const closed = new Promise<number>((resolve) => ws.on("close", resolve));
  await new Promise<void>((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("error", reject);
  });
  ws.on("error", () => undefined);
  const take = (type: string): Message | undefined => {
    const index = heard.findIndex((message, at) => at >= taken && message.type === type);
    if (index === -1) return undefined;
    taken = index + 1;
    return heard[index];
  };
  return {
    ws,
    heard,
    closed,
    send: (frame) => ws.send(frame),
    next: (type) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error(`no ${type}; heard ${heard.map((message) => message.type).join(", ")}`)), 3_000);
        const look = (): void => {
          const message = take(type);
          if (message === undefined) return;
          clearTimeout(limit);
          ws.off("message", look);
          resolve(message);
        };
        ws.on("message", look);
        look();
      }),
  };
}

/** Joins a room as a named user. */
export function enter(url: string, room: string, user: string): Promise<Ear> {
  return listen(url, `/rooms/${room}/ws?user=${user}`);
}
