/** A place in a run's time: milliseconds, or a share of its duration. Both count from the end of the ramp. */
export type FaultTime = { readonly ms: number } | { readonly share: number };

/**
 * Whom a fault strikes. Of `clients` a share, drawn from the seed anew each time the fault begins; of `replicas` a
 * number, the first to be struck drawn from the seed. `all` are all clients, or all replicas.
 */
export type FaultWhom = { readonly clients: number } | { readonly replicas: number } | "all";

/**
 * What goes wrong. Faults of the network lie on the way between clients and server, faults of a server on its process
 * or container, `away` on what the server needs.
 *
 * | kind | what happens while it lasts |
 * |---|---|
 * | `latency` | every byte takes this much longer each way, give or take the jitter; order is kept |
 * | `bandwidth` | each connection carries so many bytes a second each way |
 * | `cut` | connections end (FIN) when it begins; new ones are ended at once |
 * | `reset` | the same with a reset (RST) |
 * | `half-open` | nothing passes either way, and no connection ends |
 * | `slow-close` | when one side ends a connection, the other hears of it so much later |
 * | `pause` | the server stands still: SIGSTOP and SIGCONT, or the container is paused |
 * | `kill` | the server is ended without farewell, and is started again when it is over |
 * | `restart` | the server is asked to end, and is started again when it is over; several replicas one after the other |
 * | `partition` | the server can not be reached by clients: off its network where it is a container, otherwise half-open |
 * | `squeeze` | the container has so much less of processor and memory |
 * | `away` | a dependency of the server stands still, or the directory does not answer |
 */
export type FaultAction =
  | { readonly kind: "latency"; readonly latencyMs: number; readonly jitterMs: number }
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  | { readonly kind: "cut" | "reset" | "half-open" }
  | { readonly kind: "slow-close"; readonly delayMs: number }
  | { readonly kind: "pause" | "kill" | "restart" | "partition" }
  | { readonly kind: "squeeze"; readonly cpus: number | undefined; readonly memoryBytes: number | undefined }
  | { /** A service of the target's stack, or `plc`. */ readonly kind: "away"; readonly of: string };

/** All kinds, for schemas. */
export const FAULT_KINDS = [
  "latency",
  "bandwidth",
  "cut",
  "reset",
  "half-open",
  "slow-close",
  "pause",
  "kill",
  "restart",
  "partition",
  "squeeze",
  "away",
] as const;

export type FaultKind = FaultAction["kind"];

/** One line of a plan. */
export interface FaultEntry {
  readonly action: FaultAction;
  readonly whom: FaultWhom;
  readonly at: FaultTime;
  /** How long it lasts; 0 for what happens in one moment. */
  readonly during: FaultTime;
  /** It comes again and again, so long after it began; undefined: once. */
  readonly every: FaultTime | undefined;
}

/** What goes wrong in a run, as data. */
export interface FaultPlan {
  readonly name: string;
  readonly summary: string;
  readonly faults: readonly FaultEntry[];
}

/** What the players of a run are told of faults, as they come and go. */
export type FaultSignal =
  | { /** It is about to begin. */ readonly kind: "begin"; readonly fault: number }
  | { /** All is as before it. */ readonly kind: "end"; readonly fault: number }
  | { /** Nothing is wrong any more, and nothing will be. */ readonly kind: "healed" };

/** What a shard saw of one fault, on its own clock; times in milliseconds from the start of the load. */
export interface FaultSeen {
  readonly fault: number;
  readonly beginMs: number;
  readonly endMs: number;
  readonly noticedBy: number;
  readonly detectMs?: number;
  readonly recoverMs?: number;
}

/** One fault as it stood in the run; times in milliseconds from the start of the load, ramp included. */
export interface FaultResult {
  readonly kind: FaultKind;
  /** A few words, such as `latency 200 ms ± 100 ms`. */
  readonly what: string;
  /** Whom it struck, such as `5 of 50 clients`. */
  readonly whom: string;
  readonly beginMs: number;
  /** When it was over: a server that is started again is ready by then. */
  readonly endMs: number;
  /** Clients that lost their connection while it lasted, or found the server silent. */
  readonly noticedBy: number;
  /** From its begin to the first client that noticed; absent when none did. */
  readonly detectMs?: number;
  /**
   * From its end until all who had been in their rooms were back and held everything that was written before its end;
   * absent when that was not so before the run was judged.
   */
  readonly recoverMs?: number;
  /** Why it could not be carried out. */
  readonly failure?: string;
}
