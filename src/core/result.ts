import type { CapacityResult } from "./capacity.ts";
import type { WitnessStep } from "./checker.ts";
import type { FaultResult } from "./fault.ts";
import type { LatencyFigures } from "./histogram.ts";
import type { Reason } from "./reason.ts";
import type { Category, Level, Profile } from "./requirement.ts";
import type { Verdict } from "./verdict.ts";

/** One breach as a report shows it. */
export interface ResultWitness {
  readonly reason: Reason;
  readonly expected: string;
  readonly seen: string;
  readonly steps: readonly WitnessStep[];
}

export interface RequirementResult {
  readonly id: string;
  readonly level: Level;
  readonly category: Category;
  readonly statement: string;
  readonly source: string;
  readonly verdict: Verdict;
  /** One line on what was observed; for skipped and inconclusive the reason. */
  readonly observed: string;
  /** Names of the cases or checkers that judged it. */
  readonly cases: readonly string[];
  readonly witness?: ResultWitness;
  /** All reasons it broke for. */
  readonly reasons: readonly Reason[];
  /** Set when the failure is a known one. */
  readonly known?: { readonly because: string; readonly until: string; readonly state: "excused" | "stale" | "flaky-pass" };
}

/** One conformance case as it ran. */
export interface CaseResult {
  readonly name: string;
  /** `ran` to its end, or why not: see the runner's `CaseEnd`. */
  readonly end: "ran" | "precondition" | "overran" | "faulted";
  readonly durationMs: number;
  /** How often it was run, when more than once: what the harness was late for is judged again. */
  readonly attempts?: number;
}

/** One mutant as it was tried. */
export interface MutantResult {
  readonly id: string;
  readonly summary: string;
  /** `PLAY-CONV-04 lost`: what it declares to break. */
  readonly breaks: readonly string[];
  readonly killed: boolean;
  /** Why it was not tried on this machine. */
  readonly skipped?: string;
  /** What did not fit its declaration, one line each; empty when killed. */
  readonly problems: readonly string[];
  /** What the first declared requirement's check saw. */
  readonly observed: string;
  readonly durationMs: number;
}

/** One second of a load run. */
export interface SeriesPoint {
  /** Seconds from the start of the load. */
  readonly t: number;
  readonly clients: number;
  readonly sent: number;
  readonly delivered: number;
  readonly deliveryMsP50: number;
  readonly deliveryMsP99: number;
  readonly loopLagMs: number;
}

/** What went wrong in a load run on purpose, and how the server came out of it. */
export interface FaultsResult {
  readonly plan: string;
  /** In the order of their begin. */
  readonly faults: readonly FaultResult[];
  /** Planned acts that were left out because a fault kept their client away. */
  readonly upset: number;
  /** Clients that had been in their rooms and never came back. */
  readonly missing: number;
  /** How often it was looked, by somebody new when all was over, whether something was there. */
  readonly looked: number;
  /** What was confirmed, or shown to members, and was not there any more. */
  readonly lost: number;
  /** What was there twice. */
  readonly doubled: number;
  /** The requirement that says that nothing of it may be lost; absent where the protocol promises nothing. */
  readonly requirement?: string;
}

/** What a run over several shards had beyond what each saw. */
export interface ShardsResult {
  readonly count: number;
  /** Writes that more than one shard saw and that were held against each other. */
  readonly compared: number;
  /** Deliveries that had to happen and that no shard alone could miss; part of the run's `expected`. */
  readonly lost: number;
  /** From a write's plan on one shard to its first arrival at another, of one write in 32. Absent without measured clocks. */
  readonly acrossMs?: LatencyFigures;
  /** The most that the clocks of two shards may differ by. */
  readonly clockBoundMs?: number;
}

export interface LoadResult {
  readonly scenario: string;
  readonly clients: number;
  readonly rooms: number;
  readonly durationMs: number;
  /** Deliveries that had to happen, and those that did. */
  readonly expected: number;
  readonly delivered: number;
  /** delivered ÷ expected; 1 when nothing was lost. */
  readonly reach: number;
  readonly deliveryMs: LatencyFigures;
  readonly convergenceMs: LatencyFigures;
  /** First to last receiver of one write. */
  readonly spreadMs: LatencyFigures;
  readonly joinMs: LatencyFigures;
  /** Writes of the past that clients were shown before they were in, each held against its place, summed over all clients; absent where there were none. */
  readonly past?: number;
  /** Planned time of a write to its confirmation; absent where nothing was confirmed. */
  readonly confirmMs?: LatencyFigures;
  /** Planned time of a question to its answer; absent where nothing was asked. */
  readonly readMs?: LatencyFigures;
  /** Questions that were answered. */
  readonly readsPerSecond?: number;
  /** What goes beside the writes (typing, word of a write), from its planned time to each other member; absent where nothing did. */
  readonly signals?: { readonly perSecond: number; readonly deliveryMs: LatencyFigures };
  readonly sent: number;
  /** Sends later than their plan by over 50 ms. */
  readonly late: number;
  /** Planned acts that the harness did not come to before the time was up. */
  readonly unsent: number;
  /** Planned acts that were left out because their client was not in its room. */
  readonly dropped: number;
  /** Planned time of an act to its send: the harness's own share of every latency. */
  readonly sendLagMs: LatencyFigures;
  readonly plannedPerSecond: number;
  readonly achievedPerSecond: number;
  readonly series: readonly SeriesPoint[];
  /** Of a run over several shards. */
  readonly shards?: ShardsResult;
  /** Of a run in which something was made to go wrong. */
  readonly faults?: FaultsResult;
  readonly objectives: readonly { readonly name: string; readonly wanted: string; readonly got: string; readonly verdict: Verdict }[];
}

/** One of several servers of a target, as clients came to it. */
export interface ReplicaResult {
  /** Its service, where it is one of a stack. */
  readonly name?: string;
  readonly url: string;
  /** Clients that came into a room there. */
  readonly clients: number;
}

/** The last that a container has written, taken before it was removed. */
export interface ContainerLog {
  readonly name: string;
  readonly text: string;
}

/** Pauses of the garbage collector. */
export interface GcPauses {
  readonly count: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

export interface HarnessResult {
  readonly loopLagMsP99: number;
  /** Load runs only. */
  readonly loopLagMsMax?: number;
  /** Load runs only: of all workers together; `maxMs` is the longest of any. */
  readonly gc?: GcPauses;
  /** Own processor time ÷ wall time of the busiest process, 1 = one core. */
  readonly cpu: number;
  readonly residentBytes: number;
  readonly workers: number;
  /** Why the run itself cannot be trusted; empty when it can. */
  readonly inconclusiveBecause: readonly string[];
}

/** The one document that every command writes; every report is a pure function of it. */
export interface Result {
  readonly schema: "rollcall/result@1";
  readonly command: "check" | "load" | "capacity" | "mutants";
  readonly version: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly verdict: Verdict;
  readonly exitCode: number;
  readonly seed: string;
  readonly profile: Profile;
  readonly target: { readonly name: string; readonly url: string; readonly timeScale: number; readonly mutant?: string };
  /** Of a target with several URLs: each of them, the instance for exclusive cases included. */
  readonly replicas?: readonly ReplicaResult[];
  readonly binding: string;
  readonly dialect: string;
  /** How to run this again. */
  readonly rerun: string;
  readonly requirements: readonly RequirementResult[];
  /** Of a check: each case that has ended, in the order of their ends. */
  readonly cases?: readonly CaseResult[];
  /** Of a capacity search that of the level which answers it, or of the last one. */
  readonly load?: LoadResult;
  readonly capacity?: CapacityResult;
  /** Of `mutants`: the table. */
  readonly mutants?: readonly MutantResult[];
  readonly harness: HarnessResult;
  /** Errors of set-up and configuration, stale known failures, what could not be done; one line each. */
  readonly notes: readonly string[];
  readonly interrupted: boolean;
  /** What the containers of a target have written last, where something did not pass. */
  readonly logs?: readonly ContainerLog[];
}
