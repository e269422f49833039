import { randomBytes } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Credential, Frame } from "../../core/session.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import { headEnd, parseHead } from "../../websocket/answer.ts";
import { Decoder, type DecoderEvents } from "../../websocket/decoder.ts";
import { CLOSE } from "../../websocket/protocol.ts";
import { withQuery } from "./http.ts";

export interface RawOptions {
  readonly target: Pick<ResolvedTarget, "urls" | "headers" | "ca">;
  /** Goes onto the request line as it is. */
  readonly path: string;
  readonly credential?: Credential | undefined;
  /** How long frames and the close are waited for; it ends early once the socket is closed. */
  readonly withinMs: number;
}

/**
 * What came of the upgrade; `status` is 0 when there was no HTTP answer. `closed` with 1006: no close frame, or frames
 * against RFC 6455.
 */
export interface RawAnswer {
  readonly status: number;
  readonly frames: readonly Frame[];
  readonly closed: { readonly code: number } | undefined;
}

/** A refusal is a few hundred bytes; more than this is a server gone wrong. */
const BYTES_MAX = 4 * 1024 * 1024;

/**
 * A WebSocket upgrade whose request line is written by hand: URL libraries tidy away `//` and `../`, which is just
 * what some checks need. Never rejects.
 */
export function rawUpgrade(options: RawOptions): Promise<RawAnswer> {
  const { target, credential } = options;
  const url = new URL(target.urls[0]);
  return new Promise((resolve) => {
    const socket = open(url, target.ca);
    const frames: Frame[] = [];
    const decoder = new Decoder(BYTES_MAX);
    let status = 0;
    let closed: { code: number } | undefined;
    let head = Buffer.alloc(0);
    let bytes = 0;
    const settle = (): void => {
      clearTimeout(timer);
      decoder.stop();
      socket.destroy();
      resolve({ status, frames, closed });
    };
    const events: DecoderEvents = {
      message: (from, start, end, isText) => {
        const message = Buffer.from(from.subarray(start, end));
        frames.push(isText ? message.toString("utf8") : new Uint8Array(message));
      },
      ping: () => undefined,
      closeReceived: (code) => {
        closed = { code };
      },
    };
    const timer = setTimeout(settle, options.withinMs);
    socket.on("error", () => settle());
    socket.on("close", () => {
      if (status === 101) closed ??= { code: CLOSE.abnormal };
      settle();
    });
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      let rest = chunk;
      if (status === 0) {
        head = Buffer.concat([head, chunk]);
        const end = headEnd(head);
        if (end !== undefined) {
          status = parseHead(head.toString("latin1", 0, end - 4))?.status ?? 0;
          if (status !== 101) settle();
          rest = head.subarray(end);
        }
      }
      if (status === 101 && decoder.push(rest, 0, rest.length, events) !== undefined) closed = { code: CLOSE.abnormal };
      if (closed !== undefined || bytes > BYTES_MAX) settle();
    });
    const headers: Record<string, string> = {
      host: url.host,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
      ...target.headers,
      ...credential?.headers,
      ...(credential !== undefined && credential.protocols.length > 0 ? { "sec-websocket-protocol": credential.protocols.join(", ") } : {}),
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${withQuery(options.path, credential?.query ?? {})} HTTP/1.1\r\n${lines.join("")}\r\n`);
  });
}

function open(url: URL, ca: string | undefined): Socket {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol !== "https:") return connect({ host, port: url.port === "" ? 80 : Number(url.port) });
  const port = url.port === "" ? 443 : Number(url.port);
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) });
}
