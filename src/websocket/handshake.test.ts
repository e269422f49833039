import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptFor, Handshake, HEAD_BYTES_MAX, type HandshakeOptions, type HandshakeOutcome, REFUSAL_BODY_BYTES_MAX } from "./handshake.ts";

/** The key and its answer of RFC 6455 §1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`;

function handshake(options: Partial<HandshakeOptions> = {}): Handshake {
  return new Handshake({ url: new URL("ws://rooms.example:8080/a/b?c=d"), protocols: [], headers: {}, key: KEY, ...options });
}

/** Pushes an answer in pieces; `ended` when the server says nothing further. */
function answer(text: string | Buffer, options: Partial<HandshakeOptions> = {}, pieceBytes = Infinity): HandshakeOutcome | undefined {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, "latin1");
  const open = handshake(options);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const outcome = open.push(bytes, at, Math.min(bytes.length, at + pieceBytes));
    if (outcome !== undefined) return outcome;
    if (pieceBytes === Infinity) break;
  }
  return undefined;
}

describe("the request", () => {
  test("is what RFC 6455 §4.1 asks for", () => {
    const text = handshake({ protocols: ["one", "two"], headers: { Authorization: "Bearer x" } }).request();
    expect(text).toBe(
      "GET /a/b?c=d HTTP/1.1\r\nhost: rooms.example:8080\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" +
        `sec-websocket-key: ${KEY}\r\nsec-websocket-protocol: one, two\r\nauthorization: Bearer x\r\n\r\n`,
    );
  });

  test("has a fresh key of 16 bytes each time", () => {
    const keys = [1, 2].map(
      () => /sec-websocket-key: (.*)\r\n/.exec(new Handshake({ url: new URL("ws://a/"), protocols: [], headers: {} }).request())?.[1] ?? "",
    );
    expect(keys.map((key) => Buffer.from(key, "base64").length)).toEqual([16, 16]);
    expect(keys[0]).not.toBe(keys[1]);
  });

  test("shows the credentials of the address", () => {
    expect(handshake({ url: new URL("ws://user:p%40ss@a/") }).request()).toContain(`authorization: Basic ${btoa("user:p@ss")}\r\n`);
  });

  test("lets nothing be smuggled in by headers and sub-protocols", () => {
    for (const headers of [{ "x-a": "1\r\nx-b: 2" }, { "x a": "1" }, { "x-a": "ü€" }])
      expect(() => handshake({ headers }).request()).toThrow("can not be sent");
    for (const protocols of [["a b"], ["a", "a"], [""]]) expect(() => handshake({ protocols }).request()).toThrow("sub-protocols");
  });
});

describe("an upgrade", () => {
  test("is accepted, and the frames behind it are found, however the bytes are cut", () => {
    expect(acceptFor(KEY)).toBe(ACCEPT);
    const head = `${SWITCHING}x-more: 1\r\n\r\n`;
    expect(answer(`${head}frames`)).toEqual({ kind: "opened", protocol: "", at: head.length });
    for (let size = 1; size < 40; size += 1)
      expect(answer(`${head}frames`, {}, size)).toEqual({ kind: "opened", protocol: "", at: head.length });
  });

  test("may be announced by answers below 200", () => {
    const before = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    expect(answer(`${before}${SWITCHING}\r\n`)).toMatchObject({ kind: "opened", at: (before + SWITCHING).length + 2 });
    expect(answer(`${before}${SWITCHING}\r\n`, {}, 7)).toMatchObject({ kind: "opened" });
  });

  test("may choose one of the sub-protocols offered", () => {
    const chosen = (name: string): string => `${SWITCHING}Sec-WebSocket-Protocol: ${name}\r\n\r\n`;
    expect(answer(chosen("two"), { protocols: ["one", "two"] })).toMatchObject({ kind: "opened", protocol: "two" });
  });

  const proto = "Sec-WebSocket-Protocol";
  test.each<[string, string, readonly string[]]>([
    ["a wrong Sec-WebSocket-Accept", SWITCHING.replace(ACCEPT, acceptFor("other")), []],
    ["a Sec-WebSocket-Accept in other letters", SWITCHING.replace(ACCEPT, ACCEPT.toLowerCase()), []],
    ["Sec-WebSocket-Accept twice", `${SWITCHING}Sec-WebSocket-Accept: ${ACCEPT}\r\n`, []],
    ["no Sec-WebSocket-Accept", SWITCHING.replace(/Sec-WebSocket-Accept.*\r\n/, ""), []],
    ["no Upgrade", SWITCHING.replace("Upgrade: websocket\r\n", ""), []],
    ["another Upgrade", SWITCHING.replace("Upgrade: websocket\r\n", "Upgrade: h2c\r\n"), []],
    ["no Connection", SWITCHING.replace("Connection: Upgrade\r\n", ""), []],
    ["another Connection", SWITCHING.replace("Connection: Upgrade\r\n", "Connection: keep-alive\r\n"), []],
    ["a sub-protocol that was not offered", `${SWITCHING}${proto}: three\r\n`, ["one", "two"]],
    ["a sub-protocol in other letters", `${SWITCHING}${proto}: ONE\r\n`, ["one"]],
    ["a sub-protocol when none was offered", `${SWITCHING}${proto}: one\r\n`, []],
    ["two sub-protocols", `${SWITCHING}${proto}: one\r\n${proto}: two\r\n`, ["one", "two"]],
    ["none of the sub-protocols offered", SWITCHING, ["one"]],
    ["an extension", `${SWITCHING}Sec-WebSocket-Extensions: permessage-deflate\r\n`, []],
  ])("with %s is none", (_, head, protocols) => {
    expect(answer(`${head}\r\n`, { protocols })).toMatchObject({ kind: "broken", text: expect.stringContaining("101") });
  });

  test.each([
    ["another protocol", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["HTTP/2", "HTTP/2 101 Switching Protocols\r\n\r\n"],
    ["a header without a colon", "HTTP/1.1 101 x\r\nnonsense\r\n\r\n"],
    ["a folded header", "HTTP/1.1 101 x\r\na: b\r\n c\r\n\r\n"],
    ["a space before the colon", "HTTP/1.1 101 x\r\na : b\r\n\r\n"],
    ["a head that is too long", `HTTP/1.1 101 x\r\na: ${"b".repeat(HEAD_BYTES_MAX)}\r\n\r\n`],
    ["a head that is too long and never ends", `HTTP/1.1 101 x\r\na: ${"b".repeat(HEAD_BYTES_MAX)}`],
  ])("by %s is none", (_, text) => {
    expect(answer(text)).toMatchObject({ kind: "broken" });
    expect(answer(text, {}, 1000)).toMatchObject({ kind: "broken" });
  });

  test("is none when the connection ends", () => {
    expect(handshake().ended()).toMatchObject({ kind: "broken", text: expect.stringContaining("before") });
    const open = handshake();
    open.push(Buffer.from("HTTP/1.1 10"), 0, 11);
    expect(open.ended()).toMatchObject({ kind: "broken", text: expect.stringContaining("middle") });
  });
});

describe("a refusal", () => {
  test.each<[number, string, string, string]>([
    [401, "Unauthorized", "WWW-Authenticate: Bearer\r\nContent-Length: 4\r\n\r\nno!\n", "no!\n"],
    [404, "Not Found", "Content-Length: 0\r\n\r\n", ""],
    [503, "Service Unavailable", "Retry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nful\r\n1;x=y\r\nl\r\n0\r\n\r\n", "full"],
    [302, "Found", "Location: https://else.example/\r\nContent-Length: 2\r\n\r\nhi", "hi"],
    [204, "", "\r\n", ""],
  ])("of %d %s is given with its headers and body", (status, reason, rest, body) => {
    const text = `HTTP/1.1 ${status} ${reason}\r\n${rest}`;
    const outcome = answer(text);
    expect(outcome).toMatchObject({ kind: "refused", refusal: { status, reason, body } });
    for (const size of [1, 5, 17]) expect(answer(text, {}, size)).toEqual(outcome);
  });

  test("without a length ends with the connection, and one that breaks off gives what came", () => {
    for (const length of ["", "Content-Length: 99\r\n"]) {
      const open = handshake();
      const text = Buffer.from(`HTTP/1.1 500 Oh\r\n${length}\r\npart`);
      expect(open.push(text, 0, text.length)).toBeUndefined();
      expect(open.ended()).toMatchObject({ kind: "refused", refusal: { status: 500, body: "part" } });
    }
  });

  test("is cut off at its limit", () => {
    const outcome = answer(`HTTP/1.1 500 Oh\r\n\r\n${"x".repeat(REFUSAL_BODY_BYTES_MAX + 10)}`, {}, 5000);
    expect(outcome?.kind === "refused" && outcome.refusal.body.length).toBe(REFUSAL_BODY_BYTES_MAX);
  });

  test("may have headers of any name, joined when repeated", () => {
    const text = "HTTP/1.1 400 x\r\n__proto__: 1\r\nconstructor: 2\r\nA: 1\r\na: 2\r\nContent-Length: 0\r\n\r\n";
    const outcome = answer(text);
    expect(outcome?.kind === "refused" && Object.entries(outcome.refusal.headers)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
      ["a", "1, 2"],
      ["content-length", "0"],
    ]);
  });
});

test("noise, and noise behind a status line, is an outcome or nothing, never an exception", () => {
  const start = fc.constantFrom("", "HTTP/1.1 ", "HTTP/1.1 101 x\r\n", "HTTP/1.1 400 x\r\nTransfer-Encoding: chunked\r\n\r\n", SWITCHING);
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: fc.constantFrom("\r\n", ":", "a", "1", " ", "f"), maxLength: 60 }),
  );
  fc.assert(
    fc.property(start, noise, fc.integer({ min: 1, max: 50 }), (text, more, size) => {
      const bytes = Buffer.concat([Buffer.from(text), Buffer.from(more as string)]);
      const [whole, cut] = [answer(bytes), answer(bytes, {}, size)];
      expect(cut?.kind).toBe(whole?.kind);
    }),
    { numRuns: 500 },
  );
});
