import type { FaultEntry, FaultPlan, FaultTime } from "../core/fault.ts";

const NOTHING: FaultTime = { ms: 0 };
const share = (value: number): FaultTime => ({ share: value });
const seconds = (value: number): FaultTime => ({ ms: value * 1000 });

/** Each two seconds a tenth of the connections ends, for whoever they belong to. */
export const cutTenPercent: FaultPlan = {
  name: "cut-10-percent",
  summary: "each 2 s a tenth of the clients loses its connection",
  faults: [{ action: { kind: "cut" }, whom: { clients: 0.1 }, at: seconds(2), during: NOTHING, every: seconds(2) }],
};

/** The server is asked to end in the middle and started again; of several replicas each in its turn. */
export const rollingRestart: FaultPlan = {
  name: "rolling-restart",
  summary: "the server is stopped in order and started again; of several replicas each in its turn",
  faults: [{ action: { kind: "restart" }, whom: "all", at: share(0.4), during: NOTHING, every: undefined }],
};

/** The server is killed in the middle and started again. */
export const killAndRestart: FaultPlan = {
  name: "kill-and-restart",
  summary: "the server is killed without farewell in mid-load and started again",
  faults: [{ action: { kind: "kill" }, whom: { replicas: 1 }, at: share(0.4), during: NOTHING, every: undefined }],
};

const flaky: readonly FaultEntry[] = [
  {
    action: { kind: "latency", latencyMs: 80, jitterMs: 60 },
    whom: { clients: 0.5 },
    at: share(0.05),
    during: share(0.7),
    every: undefined,
  },
  { action: { kind: "bandwidth", bytesPerSecond: 64_000 }, whom: { clients: 0.2 }, at: share(0.1), during: share(0.25), every: undefined },
  { action: { kind: "half-open" }, whom: { clients: 0.1 }, at: share(0.2), during: seconds(1.5), every: share(0.25) },
  { action: { kind: "cut" }, whom: { clients: 0.1 }, at: share(0.3), during: NOTHING, every: share(0.2) },
  { action: { kind: "reset" }, whom: { clients: 0.05 }, at: share(0.4), during: NOTHING, every: share(0.25) },
  { action: { kind: "slow-close", delayMs: 700 }, whom: { clients: 0.2 }, at: share(0.25), during: share(0.4), every: undefined },
];

/** Everything that a bad wireless network does, to a part of the clients each. */
export const flakyWifi: FaultPlan = {
  name: "flaky-wifi",
  summary: "latency, jitter, little bandwidth, silences, cuts, resets and slow closes, each for a part of the clients",
  faults: flaky,
};

/** The store behind the server stands still for a while. */
export const redisAway: FaultPlan = {
  name: "redis-away",
  summary: "Redis stands still for a fifth of the run",
  faults: [{ action: { kind: "away", of: "redis" }, whom: "all", at: share(0.3), during: share(0.2), every: undefined }],
};

/** One replica is cut off from its clients, and comes back. */
export const oneReplicaPartition: FaultPlan = {
  name: "one-replica-partition",
  summary: "one replica can not be reached by its clients for a fifth of the run",
  faults: [{ action: { kind: "partition" }, whom: { replicas: 1 }, at: share(0.3), during: share(0.2), every: undefined }],
};

/** The plans that have a name. */
export const namedPlans: readonly FaultPlan[] = [flakyWifi, rollingRestart, killAndRestart, redisAway, oneReplicaPartition, cutTenPercent];
