/** The head of an HTTP answer; names in lower case, repeated ones joined by ", ". */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What follows a head: nothing, a number of bytes, chunks, or all until the connection ends. */
type Framing = { readonly kind: "length"; readonly bytes: number } | { readonly kind: "chunked" } | { readonly kind: "untilEnd" };

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: (.*))?$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*(.*?)[ \t]*$/;
const HEAD_END = Buffer.from("\r\n\r\n");

/** Where the head at the beginning of `bytes` ends, its empty line included; undefined while that is not there. */
export function headEnd(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(HEAD_END);
  return at < 0 ? undefined : at + HEAD_END.length;
}

/** Reads a head without its empty line (RFC 9112 §4, §5); undefined when it is none. */
export function parseHead(text: string): AnswerHead | undefined {
  const [first = "", ...lines] = text.split("\r\n");
  const status = STATUS_LINE.exec(first);
  if (status === null) return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = "", value = ""] = HEADER_LINE.exec(line) ?? [];
    if (name === "") return undefined;
    const key = name.toLowerCase();
    const earlier = Object.hasOwn(headers, key) ? headers[key] : undefined;
    // By assignment `__proto__` would be no name but the prototype.
    Object.defineProperty(headers, key, {
      value: earlier === undefined ? value : `${earlier}, ${value}`,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return { status: Number(status[1]), reason: status[2] ?? "", headers };
}

/** How long the body behind a head is (RFC 9112 §6.3). */
function framingOf(head: AnswerHead): Framing {
  if (head.status === 204 || head.status === 304 || head.status < 200) return { kind: "length", bytes: 0 };
  if (/\bchunked\s*$/i.test(head.headers["transfer-encoding"] ?? "")) return { kind: "chunked" };
  const length = head.headers["content-length"];
  return length !== undefined && /^\d+$/.test(length) ? { kind: "length", bytes: Number(length) } : { kind: "untilEnd" };
}

/** The body that `bytes` hold so far, and whether that is all. A body that breaks off, or chunks that are none, give what could be read. */
export function readBody(head: AnswerHead, bytes: Buffer): { readonly body: Buffer; readonly isWhole: boolean } {
  const framing = framingOf(head);
  switch (framing.kind) {
    case "length":
      return { body: bytes.subarray(0, framing.bytes), isWhole: bytes.length >= framing.bytes };
    case "chunked":
      return readChunks(bytes);
    case "untilEnd":
      return { body: bytes, isWhole: false };
  }
}

function readChunks(bytes: Buffer): { readonly body: Buffer; readonly isWhole: boolean } {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { body: Buffer.concat(chunks), isWhole: false };
    const size = /^[\da-f]{1,8}(?=\s*(?:;|$))/i.exec(bytes.toString("latin1", at, lineEnd));
    const length = size === null ? 0 : Number.parseInt(size[0], 16);
    if (length === 0) return { body: Buffer.concat(chunks), isWhole: true };
    const start = lineEnd + 2;
    chunks.push(bytes.subarray(start, start + length));
    at = start + length + 2;
    if (at > bytes.length) return { body: Buffer.concat(chunks), isWhole: false };
  }
}
