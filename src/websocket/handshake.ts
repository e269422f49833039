import { createHash, randomBytes } from "node:crypto";
import { HarnessError } from "../core/errors.ts";
import { type AnswerHead, headEnd, parseHead, readBody } from "./answer.ts";

export interface HandshakeOptions {
  readonly url: URL;
  /** Offered in this order; the server has to choose one of them. */
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** 16 random bytes in base64; left out: fresh ones. */
  readonly key?: string;
}

/** An answer other than 101. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text of the body, its first `REFUSAL_BODY_BYTES_MAX` bytes at most. */
  readonly body: string;
}

/** How a handshake ended. */
export type HandshakeOutcome =
  /** `at`: index in the bytes handed in last where the frames begin. */
  { readonly kind: "opened"; readonly protocol: string; readonly at: number } | Unopened;

/** How it ended otherwise. */
export type Unopened =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** No HTTP answer, or a 101 that is no valid one. */
  | { readonly kind: "broken"; readonly text: string };

/** Node's own limit for the head of an answer; a server beyond it is broken. */
export const HEAD_BYTES_MAX: number = 16 * 1024;

/** A refusal says why in a few hundred bytes; an error page beyond this is cut off. */
export const REFUSAL_BODY_BYTES_MAX: number = 64 * 1024;

/** Appended to the key before hashing (RFC 6455 §1.3). */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

/** What a server answers to a key (RFC 6455 §4.2.2). */
export function acceptFor(key: string): string {
  return createHash("sha1")
    .update(key + ACCEPT_GUID)
    .digest("base64");
}

/**
 * The opening handshake of a client (RFC 6455 §4.1), without I/O: `request` is sent, and what comes is pushed until
 * there is an outcome. Redirects are not followed: they are refusals, with their location among the headers.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #key: string;
  #held = Buffer.alloc(0);
  #head: AnswerHead | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#key = options.key ?? randomBytes(16).toString("base64");
  }

  /**
   * Text of the request, in Latin-1. Headers given replace those of the handshake.
   * @throws HarnessError for headers and sub-protocols that can not be sent.
   */
  request(): string {
    const { url, protocols, headers } = this.#options;
    if (protocols.some((name) => !TOKEN.test(name)) || new Set(protocols).size < protocols.length)
      throw new HarnessError("internal", `sub-protocols are tokens, each once: ${JSON.stringify(protocols)}`);
    const all: Record<string, string> = {
      host: url.host,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": this.#key,
      ...(url.username === "" && url.password === "" ? {} : { authorization: basic(url) }),
      ...(protocols.length === 0 ? {} : { "sec-websocket-protocol": protocols.join(", ") }),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    };
    const lines = Object.entries(all).map(([name, value]) => {
      // eslint-disable-next-line no-control-regex
      if (!TOKEN.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value))
        throw new HarnessError("usage", `the header ${JSON.stringify(name)} can not be sent: ${JSON.stringify(value)}`);
      return `${name}: ${value}\r\n`;
    });
    return `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`;
  }

  /** Reads on; undefined until more has to come. Bytes are copied. */
  push(bytes: Uint8Array, start: number, end: number): HandshakeOutcome | undefined {
    const before = this.#held.length;
    this.#held = Buffer.concat([this.#held, bytes.subarray(start, end)]);
    let taken = 0;
    while (this.#head === undefined) {
      const length = headEnd(this.#held);
      if ((length ?? this.#held.length) + taken > HEAD_BYTES_MAX)
        return { kind: "broken", text: `the answer's head is over ${HEAD_BYTES_MAX} bytes` };
      if (length === undefined) return undefined;
      const head = parseHead(this.#held.toString("latin1", 0, length - 4));
      if (head === undefined) return { kind: "broken", text: "the answer is not HTTP/1.1" };
      this.#held = this.#held.subarray(length);
      taken += length;
      if (head.status === 101) {
        const text = this.#objection(head);
        if (text !== undefined) return { kind: "broken", text };
        return { kind: "opened", protocol: head.headers["sec-websocket-protocol"] ?? "", at: start + taken - before };
      }
      // Others below 200 only announce the answer (RFC 9110 §15.2).
      if (head.status >= 200) this.#head = head;
    }
    const isWhole = readBody(this.#head, this.#held).isWhole || this.#held.length >= REFUSAL_BODY_BYTES_MAX;
    return isWhole ? this.#refused(this.#head) : undefined;
  }

  /** The server sends no more. */
  ended(): Unopened {
    if (this.#head !== undefined) return this.#refused(this.#head);
    const text = this.#held.length === 0 ? "closed before the upgrade was answered" : "closed in the middle of the upgrade's answer";
    return { kind: "broken", text };
  }

  #refused(head: AnswerHead): Unopened {
    const { body } = readBody(head, this.#held.subarray(0, REFUSAL_BODY_BYTES_MAX));
    return { kind: "refused", refusal: { ...head, body: body.toString("utf8") } };
  }

  /** What speaks against a 101 (RFC 6455 §4.1, second list). */
  #objection({ headers }: AnswerHead): string | undefined {
    const { protocols } = this.#options;
    if (headers["upgrade"]?.toLowerCase() !== "websocket") return "101 without `Upgrade: websocket`";
    if (!/(^|,)\s*upgrade\s*(,|$)/i.test(headers["connection"] ?? "")) return "101 without `Connection: Upgrade`";
    if (headers["sec-websocket-accept"] !== acceptFor(this.#key)) return "101 with a Sec-WebSocket-Accept that does not fit the key";
    if (headers["sec-websocket-extensions"] !== undefined) return "101 with an extension that was not offered";
    const chosen = headers["sec-websocket-protocol"];
    if (chosen === undefined) return protocols.length === 0 ? undefined : "101 without one of the sub-protocols offered";
    return protocols.includes(chosen) ? undefined : `101 with the sub-protocol ${JSON.stringify(chosen)}, which was not offered`;
  }
}

function basic(url: URL): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")}`;
}
