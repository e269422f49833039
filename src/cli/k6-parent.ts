import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Credential } from "../core/session.ts";
import type { VuReport, VuSeconds } from "../engines/k6/report.ts";

/** A report holds findings, which are capped, and histograms: megabytes are somebody else's. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** What the VUs of k6 ask and tell. */
export interface K6Parent {
  /** Base URL; its path is a secret of the run, since it hands out credentials. */
  readonly url: string;
  readonly reports: readonly VuReport[];
  close(): void;
}

export interface K6ParentOptions {
  readonly credential: (client: number) => Promise<Credential>;
  readonly onSeconds: (seconds: VuSeconds) => void;
  readonly isStopped: () => boolean;
  readonly secret: string;
}

/**
 * Answers the VUs on a loopback port: mints credentials (`GET …/credential/<client>`), takes seconds (`POST …/seconds`,
 * 205 when they are to stop) and reports (`POST …/report`). VUs share no memory, and this is the one way out of them
 * that carries witnesses and histograms whole.
 */
export async function openK6Parent(options: K6ParentOptions): Promise<K6Parent> {
  const reports: VuReport[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, secret, what, client] = (request.url ?? "").split("/");
    if (secret !== options.secret) return end(response, 404);
    if (request.method === "GET" && what === "credential" && /^[0-9]{1,9}$/.test(client ?? "")) {
      const credential = await options.credential(Number(client));
      response.setHeader("content-type", "application/json");
      return end(response, 200, JSON.stringify(credential));
    }
    if (request.method !== "POST") return end(response, 404);
    const body = await bodyOf(request);
    if (body === undefined) return end(response, 413);
    if (what === "report") {
      // Our own script wrote it, a moment ago.
      reports.push(JSON.parse(body) as VuReport);
      return end(response, 204);
    }
    if (what !== "seconds") return end(response, 404);
    options.onSeconds(JSON.parse(body) as VuSeconds);
    return end(response, options.isStopped() ? 205 : 204);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => end(response, 500, error instanceof Error ? error.message : String(error)));
  });
  // k6 keeps connections for its next request: one that is closed meanwhile is a request lost.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${options.secret}`,
    reports,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function end(response: ServerResponse, status: number, body = ""): void {
  response.statusCode = status;
  response.end(body);
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
