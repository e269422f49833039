import { randomBytes, randomInt } from "node:crypto";
import { type Socket, connect, createServer, isIP } from "node:net";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as connectTls } from "node:tls";

/** How long a server may take to accept one connection, its TLS handshake included. */
const CONNECT_MS_MAX = 5_000;

/** Whether a host name or address can only mean this machine. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

/** Below the ports that systems hand out to connections (Linux from 32,768, others from 49,152), above the well-known ones. */
const PORTS = { first: 20_000, count: 12_000 };
const PORT_TRIES_MAX = 100;

/**
 * A port of loopback that was free a moment ago, by chance, and that no connection is given in the meantime: with
 * thousands of sockets about, a port which the system itself chose is soon somebody's.
 */
export async function freePort(): Promise<number> {
  for (let tries = 1; tries <= PORT_TRIES_MAX; tries += 1) {
    const port = PORTS.first + randomInt(PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port among ${PORT_TRIES_MAX} of ${PORTS.first} to ${PORTS.first + PORTS.count - 1}`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/**
 * Connects (and does the TLS handshake for https) and hangs up. Gives undefined when somebody is there, otherwise why
 * not. Whether what is there speaks the protocol is for the cases to judge.
 */
export function probe(url: string, ca: string | undefined, withinMs: number = CONNECT_MS_MAX): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const secure = protocol === "https:";
  return new Promise((resolve) => {
    const number = port === "" ? (secure ? 443 : 80) : Number(port);
    const socket: Socket = secure
      ? connectTls({ host, port: number, ...(isIP(host) === 0 ? { servername: host } : {}), ...(ca === undefined ? {} : { ca }) })
      : connect({ host, port: number });
    const timer = setTimeout(() => done(`no connection within ${withinMs} ms`), withinMs);
    const done = (failure: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(failure);
    };
    socket.once(secure ? "secureConnect" : "connect", () => done(undefined));
    socket.on("error", (error: NodeJS.ErrnoException) => done(explain(error, host, number)));
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return `nothing listens at ${host}:${port}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${host} is not known`;
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return `its certificate is not trusted (${error.code}); name your certificate authority with "tls: { ca: … }"`;
    default:
      return error.message === "" ? String(error.code) : error.message;
  }
}

/** Status of a GET or of a WebSocket opening handshake, 0 when there was no answer in time. */
export function status(
  url: string,
  options: { upgrade: boolean; ca: string | undefined; headers: Readonly<Record<string, string>> },
): Promise<number> {
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const handshake = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const outgoing = request(url, {
      headers: { ...options.headers, ...(options.upgrade ? handshake : {}) },
      timeout: 2_000,
      agent: false,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    });
    const done = (code: number): void => {
      outgoing.destroy();
      resolve(code);
    };
    outgoing.once("response", (answer) => done(answer.statusCode ?? 0));
    outgoing.once("upgrade", (_, socket) => {
      socket.destroy();
      done(101);
    });
    outgoing.once("timeout", () => done(0));
    outgoing.on("error", () => resolve(0));
    outgoing.end();
  });
}
