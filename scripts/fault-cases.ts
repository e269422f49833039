import type { FaultAction, FaultPlan, FaultWhom } from "../src/core/fault.ts";
import { loadBinding } from "../src/cli/registry.ts";
import { flakyWifi, killAndRestart, rollingRestart } from "../src/faults/named.ts";
import { redisMissing } from "../src/targets/index.ts";

/** One thing that goes wrong, where, and what is to come of it. */
export interface FaultCase {
  readonly name: string;
  readonly target: string;
  readonly scenario: string;
  readonly plan: FaultPlan;
  /** Also with `--quick`. */
  readonly isQuick?: true;
  readonly mutant?: string;
  /** The requirement that the mutant is to break, for the reason. */
  readonly breaks?: readonly [id: string, reason: string];
  /** The objective that the mutant is to miss. */
  readonly misses?: string;
  readonly replicas?: number;
}

/** What each binding's clients do meanwhile. */
const SCENARIOS = { playback: "watch-party", sync: "co-edit", steps: "co-edit", leaf: "chat-space", jazz: "space-chat" } as const;
type Binding = keyof typeof SCENARIOS;
const BINDINGS = Object.keys(SCENARIOS) as Binding[];

function caseOf(target: Binding, plan: FaultPlan, more: Partial<FaultCase> = {}): FaultCase {
  return { name: `${target}, ${plan.name}`, target, scenario: SCENARIOS[target], plan, ...more };
}

function single(name: string, action: FaultAction, whom: FaultWhom, share: number): FaultPlan {
  const fault = { action, whom, at: { share: 0.25 }, during: { share }, every: undefined };
  return { name, summary: "", faults: [fault] };
}

const QUICK = { isQuick: true } as const;
const TWO = { replicas: 2, isQuick: true } as const;

/** Every kind of fault that needs no container, by one case. */
const KINDS: readonly FaultCase[] = [
  caseOf("playback", single("latency and jitter", { kind: "latency", latencyMs: 150, jitterMs: 100 }, "all", 0.4), QUICK),
  caseOf("playback", single("bandwidth", { kind: "bandwidth", bytesPerSecond: 20_000 }, { clients: 0.5 }, 0.4), QUICK),
  caseOf("steps", single("cut", { kind: "cut" }, { clients: 0.5 }, 0), QUICK),
  caseOf("leaf", single("reset", { kind: "reset" }, { clients: 0.5 }, 0.05), QUICK),
  caseOf("sync", single("half-open", { kind: "half-open" }, { clients: 0.3 }, 0.2), QUICK),
  caseOf("playback", single("slow close", { kind: "slow-close", delayMs: 500 }, "all", 0.4), QUICK),
  caseOf("steps", single("SIGSTOP, SIGCONT", { kind: "pause" }, "all", 0.15), QUICK),
  caseOf("leaf", single("SIGKILL, restart", { kind: "kill" }, "all", 0), QUICK),
  caseOf("sync", single("polite stop", { kind: "restart" }, "all", 0), QUICK),
  caseOf("playback", single("partition", { kind: "partition" }, "all", 0.2), QUICK),
  caseOf("leaf", single("PLC away", { kind: "away", of: "plc" }, "all", 0.3), QUICK),
  caseOf("playback", single("Redis away", { kind: "away", of: "redis" }, "all", 0.2), { name: "playback × 2, Redis away", ...TWO }),
  caseOf("playback", single("one replica killed", { kind: "kill" }, { replicas: 1 }, 0), { name: "playback × 2, one killed", ...TWO }),
];

/** What `npm run faults` tries. */
export const FAULT_CASES: readonly FaultCase[] = [
  ...KINDS,
  ...BINDINGS.map((target) => caseOf(target, killAndRestart)),
  ...BINDINGS.map((target) => caseOf(target, flakyWifi)),
  caseOf("leaf", killAndRestart, {
    name: "leaf that forgets, kill",
    mutant: "forgets-the-last-events",
    breaks: ["LEAF-ORD-05", "lost"],
    isQuick: true,
  }),
  caseOf("playback", killAndRestart, {
    name: "playback that is silent, kill",
    mutant: "is-silent-after-restart",
    misses: "clients back after faults",
  }),
  // Devices do not tell it again what it had confirmed: nobody new can come into a space.
  caseOf("jazz", killAndRestart, { name: "jazz that forgets, kill", mutant: "relay-forgets-at-restart", breaks: ["JAZZ-RES-10", "lost"] }),
];

const STACK = "targets/playback-compose.yaml";

/** What can be done to containers, on a stack of two replicas with their rooms in Redis. */
export const CONTAINER_FAULT_CASES: readonly FaultCase[] = [
  rollingRestart,
  single("container paused", { kind: "pause" }, { replicas: 1 }, 0.15),
  single("container killed", { kind: "kill" }, { replicas: 1 }, 0),
  single("network disconnected", { kind: "partition" }, { replicas: 1 }, 0.2),
  single("processor squeezed", { kind: "squeeze", cpus: 0.2, memoryBytes: undefined }, "all", 0.3),
  single("memory squeezed", { kind: "squeeze", cpus: undefined, memoryBytes: 192 * 2 ** 20 }, "all", 0.3),
  single("Redis away", { kind: "away", of: "redis" }, "all", 0.2),
  single("PLC away", { kind: "away", of: "plc" }, "all", 0.3),
].map((plan) => ({ name: plan.name, target: STACK, scenario: SCENARIOS.playback, plan }));

/** Why a case can not be tried here. */
export async function missing({ target, replicas }: FaultCase): Promise<string | undefined> {
  const why = replicas === undefined ? undefined : redisMissing();
  return why ?? (isBinding(target) ? (await loadBinding(target)).absent : undefined);
}

function isBinding(target: string): target is Binding {
  return Object.hasOwn(SCENARIOS, target);
}
