import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { Crowd, Lab, LabAnswer, LabFrame, LabHandshake, LabRequest, LabSocket } from "../cases/lab.ts";
import { createWatch } from "./held-up.ts";
import { labDocument } from "./lab-document.ts";
import { sha256 } from "./loro.ts";

/** Documents of 10 MiB come in one frame. */
const FRAME_BYTES_MAX = 64 * 1024 * 1024;
const BODY_BYTES_MAX = 4 * 1024 * 1024;
const WITHIN_MS = 10_000;
/** Frames that one socket keeps; a case that needs more listens to them. */
const FRAMES_MAX = 50_000;

type Watch = ReturnType<typeof createWatch>;

/** A lab for one case. */
export function createLab(): Lab {
  const watch = createWatch();
  const agents = new Map<string, Agent>();
  const sockets = new Set<WebSocket>();
  const servers: Server[] = [];
  const folders: string[] = [];
  const documents: { free(): void }[] = [];

  const agentFor = (localAddress: string | undefined): Agent => {
    const key = localAddress ?? "";
    let agent = agents.get(key);
    if (agent === undefined)
      agents.set(key, (agent = new Agent({ keepAlive: true, maxSockets: 64, ...(localAddress === undefined ? {} : { localAddress }) })));
    return agent;
  };

  return {
    http: (options) => requestBy(agentFor(options.localAddress), watch, options),
    open: (options) => openSocket(options, watch, sockets),
    raw,
    document: () => {
      const made = labDocument();
      documents.push(made);
      return made.document;
    },
    crowd: async () => {
      const { crowd, server } = await startCrowd();
      servers.push(server);
      return crowd;
    },
    service: async () => {
      let endpoint = "http://127.0.0.1:1";
      let did = "";
      const server = createServer((_incoming, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        const service = [{ id: "#roomy_syncserver", type: "RoomySyncserver", serviceEndpoint: endpoint }];
        response.end(JSON.stringify({ "@context": ["https://www.w3.org/ns/did/v1"], id: did, service }));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      servers.push(server);
      did = `did:web:localhost%3A${(server.address() as AddressInfo).port}`;
      return {
        did,
        point: (url) => {
          endpoint = url;
        },
      };
    },
    folder: () => {
      const folder = mkdtempSync(join(tmpdir(), "rollcall-sync-case-"));
      folders.push(folder);
      return folder;
    },
    digest: (bytes) => sha256(bytes).slice(0, 16),
    nowS: () => Date.now() / 1_000,
    close: async () => {
      for (const socket of sockets) socket.terminate();
      for (const agent of agents.values()) agent.destroy();
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      watch.stop();
      for (const document of documents.splice(0)) document.free();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
      await Promise.resolve();
    },
  };
}

/** Once the time is over and what lies there by then has been read: a loop that was held up runs its timers first. */
function afterReading(act: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(() => setImmediate(act)), ms);
}

function requestBy(
  agent: Agent,
  watch: Watch,
  { url, method = "GET", path, headers = {}, body, withinMs = WITHIN_MS }: LabRequest,
): Promise<LabAnswer> {
  const startedMs = watch.nowMs();
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let isSettled = false;
    const settle = (status: number, answerHeaders: Record<string, string>, text: string): void => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      resolve({ status, headers: answerHeaders, body: text, json: objectOf(text), ms: watch.nowMs() - startedMs });
    };
    const timer = afterReading(() => {
      settle(0, {}, `no answer within ${withinMs} ms`);
      outgoing.destroy();
    }, withinMs);
    const outgoing = request(
      {
        agent,
        hostname,
        port,
        method,
        path,
        headers: { ...headers, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }) },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
        });
        answer.on("error", (error) => settle(0, {}, error.message));
        answer.on("end", () => {
          const named = Object.fromEntries(
            Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
          );
          settle(answer.statusCode ?? 0, named, Buffer.concat(chunks).toString("utf8"));
        });
      },
    );
    outgoing.on("error", (error) => settle(0, {}, error.message));
    outgoing.on("upgrade", (answer, socket) => {
      socket.destroy();
      settle(answer.statusCode ?? 0, {}, "");
    });
    outgoing.end(body);
  });
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function openSocket(
  { url, path, offer, headers = {}, localAddress }: LabHandshake,
  watch: Watch,
  sockets: Set<WebSocket>,
): Promise<LabSocket> {
  const startedMs = watch.nowMs();
  const offered = (offer ?? "").split(",").flatMap((each) => (/^\s*([^\s,;]+)\s*$/.test(each) ? [each.trim()] : []));
  return new Promise((resolve) => {
    const frames: LabFrame[] = [];
    let status = 0;
    let protocol: string | undefined;
    let body = "";
    let closed: LabSocket["closed"];
    let answeredMs = 0;
    const ws = new WebSocket(url.replace(/^http/, "ws") + path, [...new Set(offered)], {
      perMessageDeflate: false,
      // A text frame is to be seen as one, whatever its bytes are.
      skipUTF8Validation: true,
      headers: { ...headers },
      handshakeTimeout: WITHIN_MS,
      maxPayload: FRAME_BYTES_MAX,
      followRedirects: false,
      ...(localAddress === undefined ? {} : { localAddress }),
      finishRequest: (outgoing) => {
        if (offer === undefined) outgoing.removeHeader("sec-websocket-protocol");
        else outgoing.setHeader("sec-websocket-protocol", offer);
        outgoing.end();
      },
    });
    sockets.add(ws);
    const stream = (): Socket | undefined => Reflect.get(ws, "_socket") as Socket | undefined;
    const lab: LabSocket = {
      get status() {
        return status;
      },
      get protocol() {
        return protocol;
      },
      get body() {
        return body;
      },
      get ms() {
        return answeredMs - startedMs;
      },
      get isOpen() {
        return ws.readyState === WebSocket.OPEN;
      },
      get closed() {
        return closed;
      },
      frames,
      onFrame: undefined,
      send: (data) => {
        if (ws.readyState === WebSocket.OPEN) ws.send(data, () => undefined);
      },
      sendPieces: (data, bytes) => {
        if (ws.readyState !== WebSocket.OPEN) return;
        for (let at = 0; at < data.length; at += bytes)
          ws.send(data.subarray(at, at + bytes), { binary: true, fin: at + bytes >= data.length }, () => undefined);
      },
      sendRaw: (bytes) => void stream()?.write(bytes),
      pause: () => ws.pause(),
      resume: () => ws.resume(),
      close: (code = 1000) => {
        if (ws.readyState === WebSocket.OPEN) ws.close(code);
        setTimeout(() => ws.terminate(), 2_000).unref();
      },
      cut: () => ws.terminate(),
      reset: () => void stream()?.resetAndDestroy(),
    };
    const answer = (): void => {
      if (answeredMs === 0) answeredMs = watch.nowMs();
      resolve(lab);
    };
    ws.on("upgrade", (response) => {
      status = response.statusCode ?? 0;
      protocol = response.headers["sec-websocket-protocol"];
      answeredMs = watch.nowMs();
    });
    ws.on("open", answer);
    ws.on("unexpected-response", (_outgoing, response) => {
      status = response.statusCode ?? 0;
      answeredMs = watch.nowMs();
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        body = Buffer.concat(chunks).toString("utf8").slice(0, 10_000);
        ws.terminate();
        answer();
      });
      response.on("error", answer);
    });
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      const frame: LabFrame = { atMs: performance.now(), data: isBinary ? new Uint8Array(data) : data.toString("utf8") };
      if (frames.length < FRAMES_MAX) frames.push(frame);
      lab.onFrame?.(frame);
    });
    ws.on("error", () => undefined);
    ws.on("close", (code, reason) => {
      sockets.delete(ws);
      closed = { code, reason: reason.toString("utf8"), atMs: performance.now() };
      answer();
    });
  });
}

function raw(url: string, text: string, withinMs: number): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let got = "";
    const socket = connect({ host: hostname, port: Number(port) });
    const timer = afterReading(() => socket.destroy(), withinMs);
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
      // An answer with its whole head is one; who keeps the connection open is not waited for.
      if (got.includes("\r\n\r\n")) socket.end();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(got);
    });
    socket.write(text);
  });
}

async function startCrowd(): Promise<{ readonly crowd: Crowd; readonly server: Server }> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const jwk = publicKey.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(jwk.x ?? "", "base64url"), Buffer.from(jwk.y ?? "", "base64url")]);
  const publicKeyMultibase = `z${base58(point)}`;
  const server = createServer((incoming, response) => {
    const did = decodeURIComponent((incoming.url ?? "/").slice(1));
    const method = { id: "#atproto", type: "EcdsaSecp256r1VerificationKey2019", controller: did, publicKeyMultibase };
    response.writeHead(200, { "content-type": "application/did+ld+json" });
    response.end(JSON.stringify({ id: did, verificationMethod: [method], service: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const didOf = (index: number): string => {
    let text = "";
    for (let rest = index; text.length < 24; rest = Math.floor(rest / 32))
      text = "abcdefghijklmnopqrstuvwxyz234567".charAt(rest % 32) + text;
    return `did:plc:${text}`;
  };
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const header = part({ typ: "JWT", alg: "ES256" });
  return {
    server,
    crowd: {
      url: `http://127.0.0.1:${port}`,
      did: didOf,
      jwt: (index, aud, lxm) => {
        const nowS = Math.floor(Date.now() / 1_000);
        const signed = `${header}.${part({ iss: didOf(index), aud, lxm, iat: nowS, exp: nowS + 60, jti: String(index) })}`;
        return `${signed}.${lowS(sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" })).toString("base64url")}`;
      },
    },
  };
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

function lowS(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.toString("hex", 32)}`);
  if (s <= ORDER / 2n) return signature;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from((ORDER - s).toString(16).padStart(64, "0"), "hex")]);
}

function base58(bytes: Uint8Array): string {
  const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  let value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  let text = "";
  for (; value > 0n; value /= 58n) text = alphabet.charAt(Number(value % 58n)) + text;
  return text;
}
