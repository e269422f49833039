import type { Command } from "commander";
import { parseDuration, parseNumber, parseWhole } from "./flags.ts";

/** Far beyond one machine; a typing mistake is caught before it asks for memory. */
export const CLIENTS_MAX = 1_000_000;
export const WORKERS_MAX = 256;
export const RATE_MAX = 10_000;

/** Adds the flags that a run's workload is made by; `clients` says what is counted. */
export function workloadFlags(command: Command, clients: string): Command {
  return command
    .option("--clients <n>", clients, parseWhole(1, CLIENTS_MAX))
    .option("--rooms <n>", "rooms that they are spread over", parseWhole(1, CLIENTS_MAX))
    .option("--rate <n>", "writes a second and client", parseNumber(0, RATE_MAX))
    .option("--duration <time>", "such as 30s or 5m", parseDuration)
    .option("--ramp <time>", "time over which clients arrive", parseDuration)
    .option("--churn <share>", "share of clients that leave and come back in a minute, 0 to 1", parseNumber(0, 1));
}
