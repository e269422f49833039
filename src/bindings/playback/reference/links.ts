import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Timing } from "./config.ts";
import type { Metrics } from "./metrics.ts";
import { frameMessage } from "./wire.ts";

/** Close codes of X-7 and P-14 that this server uses. */
export const CLOSE = {
  goingAway: 1001,
  serverFault: 1011,
  /** The store that replicas share does not answer: come again later (RFC 6455 registry, "Try Again Later"). */
  storeAway: 1013,
  full: 4403,
  unknownRoom: 4404,
  peerSilent: 4408,
  roomGone: 4410,
  slowReader: 4413,
} as const;

/** More than this waiting for a reader closes it (P-14). */
export const BUFFERED_BYTES_MAX: number = 8 * 1024 * 1024;

/** How long a peer has to answer a close before its connection is cut. */
const CLOSE_ANSWER_MS = 2_000;

/** An open socket of one user. */
export interface Link {
  readonly id: number;
  readonly userId: string;
  readonly ws: WebSocket;
  /** The connection below `ws`: frames are written to it as they are, each framed once for all members. */
  readonly stream: Duplex;
  heardMs: number;
  pingedMs: number;
  /** Taken out of its room; what still comes from it has no effect. */
  isOut: boolean;
}

/** The sockets of one process, whatever their rooms are kept in. */
export interface Links<L extends Link> {
  /** Takes a socket in. `receive` gets its messages. */
  add(link: L, receive: (data: Buffer, isBinary: boolean) => void): void;
  send(link: L, frame: Buffer): void;
  tell(links: Iterable<L>, type: string, payload: unknown): void;
  /** Upgraded but never in a room: told why, and closed. */
  refuse(ws: WebSocket, text: string, code: number): void;
  /** Upgraded, in no room, and left without an answer. */
  keepStranger(ws: WebSocket): void;
  /** Closes a socket; `left` hears of it. */
  drop(link: L, code: number, reason: string): void;
  /** Closes a socket whose going is nobody's news: its room is gone, or its process ends. */
  release(link: L, code: number, reason: string): void;
  /** Pings who is due and drops who is silent. */
  tick(): void;
  all(): Iterable<L>;
  /** Cuts what is still open. */
  terminateAll(): void;
  readonly size: number;
}

export interface LinksOptions<L extends Link> {
  readonly metrics: Metrics;
  readonly timing: Timing;
  readonly nowMs: () => number;
  /** A socket has gone, by whichever side; called once for each that was added and not released. */
  readonly left: (link: L, code: number) => void;
}

/** An empty set of sockets. */
export function createLinks<L extends Link>({ metrics, timing, nowMs, left }: LinksOptions<L>): Links<L> {
  const links = new Set<L>();
  let tickedMs = nowMs();
  /** Upgraded but in no room: on their way out. */
  const strangers = new Set<WebSocket>();

  const takeOut = (link: L, code: number): void => {
    if (link.isOut) return;
    link.isOut = true;
    links.delete(link);
    left(link, code);
  };
  const drop = (link: L, code: number, reason: string): void => {
    takeOut(link, code);
    close(link.ws, code, reason);
  };
  const send = (link: L, frame: Buffer): void => {
    if (link.ws.readyState !== WebSocket.OPEN) return;
    link.stream.write(frame);
    metrics.messagesOut.inc();
    if (link.stream.writableLength > BUFFERED_BYTES_MAX) drop(link, CLOSE.slowReader, "reads too slowly");
  };
  const keepStranger = (ws: WebSocket): void => {
    strangers.add(ws);
    ws.on("close", () => strangers.delete(ws));
  };

  return {
    add: (link, receive) => {
      links.add(link);
      const hear = (): void => {
        link.heardMs = nowMs();
      };
      link.ws.on("message", (data: Buffer, isBinary: boolean) => {
        if (link.isOut) return;
        hear();
        metrics.messagesIn.inc();
        receive(data, isBinary);
      });
      link.ws.on("ping", hear);
      link.ws.on("pong", hear);
      link.ws.on("close", (code) => takeOut(link, code));
    },
    send,
    tell: (listeners, type, payload) => {
      const frame = frameMessage(type, payload);
      for (const listener of listeners) send(listener, frame);
    },
    refuse: (ws, text, code) => {
      metrics.errors.inc({ code: String(code) });
      keepStranger(ws);
      ws.send(JSON.stringify({ type: "ERROR", payload: text }));
      close(ws, code, text);
    },
    keepStranger,
    drop,
    release: (link, code, reason) => {
      link.isOut = true;
      links.delete(link);
      close(link.ws, code, reason);
      keepStranger(link.ws);
    },
    tick: () => {
      const atMs = nowMs();
      // A tick that comes late finds pongs unread that came in time: our own lateness is nobody's silence.
      const lateMs = Math.max(0, atMs - tickedMs - timing.tickMs);
      tickedMs = atMs;
      for (const link of links) {
        link.heardMs += lateMs;
        if (atMs - link.heardMs >= timing.silentMs) {
          drop(link, CLOSE.peerSilent, "silent for too long");
        } else if (atMs - link.pingedMs >= timing.pingMs) {
          link.pingedMs = atMs;
          link.ws.ping();
        }
      }
    },
    all: () => links,
    terminateAll: () => {
      for (const { ws } of links) ws.terminate();
      for (const ws of strangers) ws.terminate();
    },
    get size() {
      return links.size;
    },
  };
}

function close(ws: WebSocket, code: number, reason: string): void {
  ws.close(code, reason);
  // One that is not read from would not see the answer.
  ws.resume();
  setTimeout(() => ws.terminate(), CLOSE_ANSWER_MS).unref();
}
