import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { HarnessError } from "../core/errors.ts";
import type { ProcessPort } from "../../conformance/runner/index.ts";

/** A restart waits for a server to be ready: that can take this long. */
const RESTART_MS_MAX = 30_000;

/**
 * Cases run in a worker, the server's process belongs to the main thread: this is the door between them, on loopback
 * behind a path that nobody can guess.
 */
export async function startControl(port: ProcessPort): Promise<{ readonly url: string; close(): Promise<void> }> {
  const secret = randomBytes(16).toString("hex");
  const server = createServer((request, response) => {
    const answer = (status: number, body: string): void => {
      response.writeHead(status, { connection: "close" }).end(body);
    };
    if (request.url === `/${secret}/logs`) answer(200, port.logs());
    else if (request.url?.startsWith(`/${secret}/restart/`) === true && request.method === "POST") {
      port.restart(request.url.endsWith("/killed") ? "killed" : "politely").then(
        () => answer(204, ""),
        (error: unknown) => answer(500, error instanceof Error ? error.message : String(error)),
      );
    } else answer(404, "");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new HarnessError("internal", "the control door has no port");
  return {
    url: `http://127.0.0.1:${address.port}/${secret}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The worker's side of the door. `logs` are those of the last restart: cases look at them afterwards only. */
export function processBehind(url: string): ProcessPort {
  let logs = "";
  return {
    restart: async (how = "politely") => {
      const answer = await fetch(`${url}/restart/${how}`, { method: "POST", signal: AbortSignal.timeout(RESTART_MS_MAX) });
      if (!answer.ok) throw new Error(`the server could not be restarted: ${await answer.text()}`);
      logs = await (await fetch(`${url}/logs`)).text();
    },
    logs: () => logs,
  };
}
