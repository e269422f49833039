import { unreachable } from "../core/errors.ts";
import type { FaultAction, FaultTime, FaultWhom } from "../core/fault.ts";

/** Milliseconds as people write them: `200 ms`, `1.5 s`. */
export function wordsOfMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}

/** `40 %` or `2 s`. */
export function wordsOfTime(time: FaultTime): string {
  return "ms" in time ? wordsOfMs(time.ms) : `${Math.round(time.share * 1000) / 10} %`;
}

/** What a fault does, in a few words. */
export function wordsOf(action: FaultAction): string {
  switch (action.kind) {
    case "latency":
      return `latency ${wordsOfMs(action.latencyMs)}${action.jitterMs === 0 ? "" : ` ± ${wordsOfMs(action.jitterMs)}`}`;
    case "bandwidth":
      return `bandwidth ${Math.round(action.bytesPerSecond / 100) / 10} kB/s`;
    case "slow-close":
      return `slow close, ${wordsOfMs(action.delayMs)}`;
    case "squeeze": {
      const parts = [
        ...(action.cpus === undefined ? [] : [`${action.cpus} cpus`]),
        ...(action.memoryBytes === undefined ? [] : [`${Math.round(action.memoryBytes / 2 ** 20)} MiB`]),
      ];
      return `squeeze to ${parts.join(" and ")}`;
    }
    case "away":
      return `${action.of} away`;
    case "kill":
      return "kill and start again";
    case "restart":
      return "restart";
    case "cut":
    case "reset":
    case "half-open":
    case "pause":
    case "partition":
      return action.kind;
    default:
      return unreachable(action);
  }
}

/** Whom an entry strikes, as its plan says it. */
export function wordsOfWhom(whom: FaultWhom): string {
  if (whom === "all") return "all";
  return "clients" in whom
    ? `${Math.round(whom.clients * 1000) / 10} % of the clients`
    : `${whom.replicas} replica${whom.replicas === 1 ? "" : "s"}`;
}
