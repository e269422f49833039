import { readConfig } from "./config.ts";
import { FAULT_IDS } from "./faulty/index.ts";
import { createLog } from "./log.ts";
import { SHARED_FAULT_IDS } from "./shared/faulty.ts";
import { startServer } from "./server.ts";
import { CLOSE } from "./links.ts";

const EXIT = { fault: 1, environment: 2, portInUse: 3 } as const;

const log = createLog((line) => process.stderr.write(line));

function fail(code: number, event: string, reason: string): never {
  log("error", event, { reason });
  process.exit(code);
}

const config = readConfig(process.env);
if ("problem" in config) fail(EXIT.environment, "bad-environment", `${config.variable} ${config.problem}`);
const faultIds = config.store === undefined ? FAULT_IDS : SHARED_FAULT_IDS;
if (config.mutant !== undefined && !faultIds.includes(config.mutant)) {
  const where = config.store === undefined ? "without REDIS_URL" : "with REDIS_URL";
  fail(EXIT.environment, "bad-environment", `MUTANT "${config.mutant}" is not known ${where}; there are ${faultIds.join(", ")}`);
}

const server = await startServer(config, log).catch((error: NodeJS.ErrnoException) =>
  error.code === "EADDRINUSE"
    ? fail(EXIT.portInUse, "port-in-use", `port ${config.port} of ${config.host} is in use: choose another by PORT, or 0 for any`)
    : fail(EXIT.environment, "cannot-listen", `HOST or PORT: ${error.message}`),
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    log("info", "stopping", { reason: signal });
    void server.stop().then(() => process.exit(0));
  });
}

// After an exception that nothing caught, no room's state can be trusted: everybody is told, and the process ends.
process.once("uncaughtException", (error) => {
  log("error", "uncaught-exception", { reason: error.stack ?? String(error) });
  void server.stop(CLOSE.serverFault).finally(() => process.exit(EXIT.fault));
});

log("info", "listening", { url: server.url, recipe: config.recipe, ...(config.mutant === undefined ? {} : { mutant: config.mutant }) });
process.stdout.write(`${JSON.stringify({ event: "ready", url: server.url })}\n`);
