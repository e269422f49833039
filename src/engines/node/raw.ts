import { randomBytes } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Credential, Frame } from "../../core/session.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import { withQuery } from "./http.ts";

export interface RawOptions {
  readonly target: Pick<ResolvedTarget, "urls" | "headers" | "ca">;
  /** Goes onto the request line as it is. */
  readonly path: string;
  readonly credential?: Credential | undefined;
  /** How long frames and the close are waited for; it ends early once the socket is closed. */
  readonly withinMs: number;
}

/** What came of the upgrade; `status` is 0 when there was no HTTP answer. */
export interface RawAnswer {
  readonly status: number;
  readonly frames: readonly Frame[];
  readonly closed: { readonly code: number } | undefined;
}

/** A refusal is a few hundred bytes; more than this is a server gone wrong. */
const BYTES_MAX = 4 * 1024 * 1024;
/** Close code of a socket that ended without a close frame (RFC 6455 §7.1.5). */
const ABNORMAL = 1006;

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
    let status = 0;
    let closed: { code: number } | undefined;
    let pending = Buffer.alloc(0);
    let bytes = 0;
    const settle = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ status, frames, closed });
    };
    const timer = setTimeout(settle, options.withinMs);
    socket.on("error", () => settle());
    socket.on("close", () => {
      if (status === 101) closed ??= { code: ABNORMAL };
      settle();
    });
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BYTES_MAX) {
        settle();
        return;
      }
      pending = Buffer.concat([pending, chunk]);
      if (status === 0) {
        const head = pending.indexOf("\r\n\r\n");
        if (head < 0) return;
        status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(pending.toString("latin1", 0, head))?.[1] ?? 0);
        pending = pending.subarray(head + 4);
        if (status !== 101) {
          settle();
          return;
        }
      }
      const parsed = parseFrames(pending);
      pending = parsed.rest;
      frames.push(...parsed.frames);
      if (parsed.closed !== undefined) {
        closed = parsed.closed;
        settle();
      }
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

/**
 * Whole frames of a server (RFC 6455 §5.2, unmasked), up to the first close. Fragments are given as they come; pings
 * and pongs are passed over.
 */
export function parseFrames(bytes: Buffer): {
  readonly frames: readonly Frame[];
  readonly closed: { code: number } | undefined;
  readonly rest: Buffer<ArrayBuffer>;
} {
  const frames: Frame[] = [];
  let at = 0;
  for (;;) {
    const first = bytes[at];
    const second = bytes[at + 1];
    if (first === undefined || second === undefined) break;
    let length = second & 0x7f;
    let start = at + 2;
    if (length === 126) {
      if (bytes.length < start + 2) break;
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127) {
      if (bytes.length < start + 8) break;
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (bytes.length < start + length) break;
    const payload = bytes.subarray(start, start + length);
    const opcode = first & 0x0f;
    if (opcode === 8) return { frames, closed: { code: length >= 2 ? payload.readUInt16BE(0) : 1005 }, rest: Buffer.alloc(0) };
    if (opcode === 1) frames.push(payload.toString("utf8"));
    else if (opcode === 0 || opcode === 2) frames.push(new Uint8Array(payload));
    at = start + length;
  }
  return { frames, closed: undefined, rest: Buffer.from(bytes.subarray(at)) };
}
