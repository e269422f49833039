import type { OrderModel } from "../core/binding.ts";
import type { FaultKind } from "../core/fault.ts";
import type { Measured } from "../core/measured.ts";
import type { Profile } from "../core/requirement.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import type { KnownFailure } from "../core/target.ts";

/** What was asked for and of whom, as far as the verdict needs it: no credential, no header, no environment. */
export interface RecordingAbout {
  /** ISO 8601. */
  readonly startedAt: string;
  /** As given on the command line: a name or a path. */
  readonly target: string;
  /** Where it was, without user or password. */
  readonly url: string;
  readonly name: string;
  readonly dialect: string;
  /** The dialect where one was asked for in place of the target's own. */
  readonly askedDialect?: string;
  readonly timeScale: number;
  readonly known: readonly KnownFailure[];
  readonly profile: Profile;
  readonly mutant?: string;
  readonly failOnWarning: boolean;
  readonly allowInconclusive: boolean;
  readonly workers: number;
}

/** First document of a recording. */
export interface RecordingHeader {
  readonly format: "rollcall/recording@1";
  readonly version: string;
  readonly run: string;
  readonly seed: string;
  readonly binding: string;
  readonly orderModel: OrderModel;
  readonly echo: boolean;
  readonly scenario: string;
  readonly parameters: ScenarioParameters;
  readonly shard: { readonly index: number; readonly count: number };
  /** Whether members are told of each other by this target. */
  readonly presence: boolean;
  /** Zero of the recording's times, on the clock of its process. */
  readonly originMs: number;
  /** Of a run with faults: the plan, and what was to happen. */
  readonly faults?: RecordedFaults;
  readonly about: RecordingAbout;
}

/** What was planned to go wrong, in words. */
export interface RecordedFaults {
  readonly plan: string;
  /** What the user asked for beside the scenario's own: a name or a file. */
  readonly asked?: string;
  readonly planned: readonly { readonly id: number; readonly kind: FaultKind; readonly what: string; readonly whom: string }[];
}

/** What one worker measured of itself, and counted: not to be had from events. */
export interface ShardEnd extends Measured {
  /** Why events are missing; absent when none are. */
  readonly incomplete?: string;
  readonly events: number;
  readonly firstFailure?: string;
  /** What the live run counted, to be compared. */
  readonly live: LiveCounts;
}

export interface LiveCounts {
  readonly delivered: number;
  readonly expected: number;
  /** By `property/reason`. */
  readonly broken: Readonly<Record<string, number>>;
}

/** How the run ended, by the process that started the workers. */
export interface RunEnd {
  readonly endedAt: string;
  readonly interrupted: boolean;
  /** Set when the server ended by itself. */
  readonly exited?: { readonly code: number | null; readonly signal: string | null };
  /** Faults that could not be carried out or undone, by id. */
  readonly failures?: Readonly<Record<string, string>>;
}
