import { readConfig } from "./config.ts";
import { createLog } from "./log.ts";

const EXIT = { fault: 1, environment: 2, portInUse: 3 } as const;

const log = createLog((line) => process.stderr.write(line));

// Node writes its warnings as plain text: every line of this log is a record.
process.removeAllListeners("warning");
process.on("warning", (warning) => log("warn", "warning", { reason: warning.message }));

// Loaded behind that: node:sqlite warns as soon as it is there.
const { startServer } = await import("./server.ts");
const { CLOSE } = await import("./wire.ts");

function fail(code: number, event: string, reason: string): never {
  log("error", event, { reason });
  process.exit(code);
}

const config = readConfig(process.env);
if ("problem" in config) fail(EXIT.environment, "bad-environment", `${config.variable} ${config.problem}`);

const server = await startServer(config, log).catch((error: NodeJS.ErrnoException) =>
  error.code === "EADDRINUSE"
    ? fail(EXIT.portInUse, "port-in-use", `PORT ${config.port} of ${config.host} is in use: choose another, or 0 for any`)
    : fail(EXIT.environment, "cannot-start", `PORT, HOST or DATA_DIR: ${error.message}`),
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    log("info", "stopping", { reason: signal });
    void server.stop().then(() => process.exit(0));
  });
}

// After an exception that nothing caught no state can be trusted: everybody is told, and the process ends.
process.once("uncaughtException", (error) => {
  log("error", "uncaught-exception", { reason: error.stack ?? String(error) });
  void server.stop(CLOSE.serverFault).finally(() => process.exit(EXIT.fault));
});

if (config.devToken !== undefined) log("warn", "development-token", { reason: "UNSAFE_DEV_TOKEN opens every socket" });
log("info", "listening", { port: server.port, ...(config.mutant === undefined ? {} : { mutant: config.mutant }) });
process.stdout.write(`${JSON.stringify({ ts: new Date().toISOString(), level: "info", event: "ready", url: server.url })}\n`);
