import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import { encodeCbor } from "../dag-cbor.ts";
import type { Caller, Calls } from "./calls.ts";
import type { Config } from "./config.ts";
import type { DoorFaults } from "./faults.ts";
import { guardedParser } from "./guarded-parser.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { TokenJudge } from "./service-jwt.ts";
import type { NewsItem } from "./sql/messages.ts";

/** A subscriber that takes nothing for so long is put out; it comes back and resumes by `start` (L-7). */
const SLOW_MS_MAX = 30_000;
const LOOK_MS = 10;

/** More packets than this wait only before a peer that does not read. */
const STUCK_PACKETS = 20;

/** Calls of one socket that are not answered yet: beyond it the next ones are refused at once. */
const CALLS_WAITING_MAX = 10_000;

export interface SocketsOptions {
  readonly http: HttpServer;
  readonly config: Config;
  readonly judge: TokenJudge;
  readonly calls: Calls;
  readonly metrics: Metrics;
  readonly faults: DoorFaults;
  readonly log: Log;
  /** A subscription may be sent its next window. */
  readonly credit: (streamDid: string, subscription: string) => void;
  readonly end: (streamDid: string, subscription: string) => void;
}

/** What the rest of the server does with sockets. */
export interface Sockets {
  readonly open: number;
  readonly subscriptions: number;
  news(item: NewsItem): void;
  subscribed(caller: Caller, subscription: string): void;
  unsubscribed(subscription: string): Caller | undefined;
  close(): Promise<void>;
}

class Client implements Caller {
  did: string | undefined;
  isServer = false;
  readonly subscriptions: Map<string, string> = new Map();
  readonly socket: Socket;
  /** Subscriptions whose last window has not left yet. */
  awaiting: string[] = [];
  awaitingSinceMs = 0;
  isLooking = false;
  waiting = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

/** The sockets of the server: sign-in, calls and their answers, news and their pace. */
export function createSockets(options: SocketsOptions): Sockets {
  const { config, metrics, faults, calls, log } = options;
  const io = new Server(options.http, {
    parser: guardedParser as never,
    transports: ["polling", "websocket"],
    serveClient: false,
    pingInterval: config.pingMs,
    pingTimeout: config.silentMs,
    maxHttpBufferSize: config.packetBytesMax,
    cors: { origin: "*" },
    connectTimeout: 10_000,
  });
  const owners = new Map<string, Client>();

  const waitingToLeave = ({ socket }: Client): number => Number(Reflect.get(Reflect.get(socket.conn, "writeBuffer"), "length"));
  /** Whether all that was sent has left for the kernel: a peer that does not read keeps this false. */
  const hasLeft = (client: Client): boolean => {
    const { conn } = client.socket;
    return conn.readyState === "open" && waitingToLeave(client) === 0 && Reflect.get(conn.transport, "writable") === true;
  };
  const look = (client: Client): void => {
    client.isLooking = false;
    if (client.awaiting.length === 0) return;
    if (hasLeft(client) || faults.dropsForSlow) {
      for (const subscription of client.awaiting.splice(0)) {
        const did = client.subscriptions.get(subscription);
        if (did !== undefined) options.credit(did, subscription);
      }
    } else if (performance.now() - client.awaitingSinceMs > SLOW_MS_MAX) {
      log("warn", "slow-reader", client.did === undefined ? {} : { did: client.did });
      client.socket.conn.close();
    } else {
      client.isLooking = true;
      setTimeout(() => look(client), LOOK_MS);
    }
  };
  const send = (client: Client, item: NewsItem): void => {
    if (!client.socket.connected) return;
    if (faults.dropsForSlow && waitingToLeave(client) > STUCK_PACKETS) return;
    metrics.messagesOut.inc();
    client.socket.emit("stream/subscription_response", Buffer.from(item.bytes.buffer, item.bytes.byteOffset, item.bytes.byteLength));
  };
  const news = (item: NewsItem): void => {
    const client = owners.get(item.subscription);
    if (client === undefined) return;
    if (faults.newsDelayMs > 0) setTimeout(() => send(client, item), faults.newsDelayMs);
    else send(client, item);
    if (item.isOver) {
      owners.delete(item.subscription);
      client.subscriptions.delete(item.subscription);
      return;
    }
    if (client.awaiting.length === 0) client.awaitingSinceMs = performance.now();
    client.awaiting.push(item.subscription);
    if (client.isLooking) return;
    client.isLooking = true;
    setImmediate(() => look(client));
  };

  const signIn = async (client: Client): Promise<string | undefined> => {
    const token: unknown = Reflect.get(client.socket.handshake.auth, "token");
    if (token === undefined || token === null) return undefined;
    if (typeof token !== "string") return "format";
    if (config.trustedToken !== undefined && token === config.trustedToken) {
      client.did = config.did;
      client.isServer = true;
      return undefined;
    }
    const outcome = await options.judge.judge(token, Date.now());
    if ("refusal" in outcome) return outcome.refusal;
    client.did = outcome.did;
    const lifeMs = faults.sessionLifeMs(outcome.lifeMs);
    if (lifeMs !== undefined) setTimeout(() => client.socket.disconnect(true), lifeMs);
    return undefined;
  };
  const answer = (client: Client, name: string, payload: unknown, tell: (bytes: Uint8Array) => void): void => {
    const facts = { did: client.did, name };
    if (client.waiting >= CALLS_WAITING_MAX) {
      tell(encodeCbor({ Err: "Too many calls are waiting" }));
      return;
    }
    client.waiting += 1;
    faults.order(facts, () => {
      void calls(client, name, payload).then((bytes) => {
        client.waiting -= 1;
        // The first byte behind `{` is the length of the key: `Err` has three letters, `Ok` two.
        const isRefused = bytes[1] === 0x63;
        if (isRefused) metrics.errors.inc({ code: name });
        const what = isRefused ? faults.refusal(facts) : "told";
        if (what === "told") tell(bytes);
      });
    });
  };

  io.on("connection", (socket) => {
    const client = new Client(socket);
    let isIn: boolean | undefined;
    metrics.connectionsTotal.inc();
    socket.onAny((name: unknown, ...given: unknown[]) => {
      metrics.messagesIn.inc();
      const last = given.at(-1);
      const acknowledge = typeof last === "function" ? (last as (bytes: Buffer) => void) : undefined;
      const tell = (bytes: Uint8Array): void => {
        if (acknowledge === undefined || !socket.connected) return;
        metrics.messagesOut.inc();
        acknowledge(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      };
      if (isIn !== true && !faults.letsIn({ did: undefined, name: String(name) })) tell(encodeCbor({ Err: "Not signed in yet" }));
      else answer(client, String(name), given[0] === last && acknowledge !== undefined ? undefined : given[0], tell);
    });
    socket.on("disconnect", () => {
      for (const [subscription, did] of client.subscriptions) {
        owners.delete(subscription);
        options.end(did, subscription);
      }
      client.subscriptions.clear();
    });
    void signIn(client).then((refusal) => {
      isIn = refusal === undefined;
      if (refusal === undefined) {
        socket.emit("authenticated", { did: client.did ?? null });
        return;
      }
      metrics.authFailures.inc({ reason: refusal });
      log("info", "sign-in-refused", { reason: refusal });
      socket.emit("error", `Error validating auth token: ${refusal}`);
      socket.disconnect();
    });
  });
  io.engine.on("connection_error", (error: { readonly message?: string }) =>
    log("info", "connection-refused", { reason: error.message ?? "" }),
  );

  return {
    get open() {
      return io.engine.clientsCount;
    },
    get subscriptions() {
      return owners.size;
    },
    news,
    subscribed: (caller, subscription) => {
      if (caller instanceof Client) owners.set(subscription, caller);
    },
    unsubscribed: (subscription) => {
      const owner = owners.get(subscription);
      owners.delete(subscription);
      return owner;
    },
    close: () => new Promise((resolve) => void io.close(() => resolve())),
  };
}
