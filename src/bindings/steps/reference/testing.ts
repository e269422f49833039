import { readConfig } from "./config.ts";
import { type RunningServer, startServer } from "./server.ts";

/** A server in this process; `await using` stops it. */
export async function serve(env: Readonly<Record<string, string>> = {}): Promise<RunningServer & AsyncDisposable> {
  const config = readConfig(env);
  if ("problem" in config) throw new Error(`${config.variable} ${config.problem}`);
  const server = await startServer(config, () => undefined);
  return { ...server, [Symbol.asyncDispose]: () => server.stop() };
}
