import type { CheckerOutcome } from "./checker.ts";
import type { EncodedFigures, Measured, MeasuredSecond } from "./measured.ts";
import type { Reason } from "./reason.ts";
import type { ScenarioParameters } from "./scenario.ts";
import type { RefereeWish, StreamWitness, WindowWitness } from "./witness.ts";

/**
 * What shards and a referee say to each other: JSON over HTTP, each a POST to `/v1/<name>` with the run's token as
 * bearer. docs/scale-out.md tells the order of a run.
 */

/** What all shards of a run must have in common. */
export interface RunPlan {
  readonly binding: string;
  readonly scenario: string;
  readonly parameters: ScenarioParameters;
  /** Absent: the referee gives one. */
  readonly seed?: string;
  readonly by: "members" | "rooms";
}

/** What a shard runs against, for the report. */
export interface TargetAbout {
  /** As the user named it. */
  readonly asked: string;
  readonly name: string;
  readonly urls: readonly string[];
  readonly dialect: string;
  readonly timeScale: number;
  readonly known: readonly {
    readonly id: string;
    readonly reason: Reason;
    readonly rate: "always" | "sometimes";
    readonly because: string;
    readonly until: string;
  }[];
}

/** `register`: a shard is there, and what it is about to play. */
export interface RegisterMessage {
  /** From 0. */
  readonly shard: number;
  readonly shards: number;
  readonly engine: "node" | "k6";
  readonly version: string;
  readonly plan: RunPlan;
  readonly target: TargetAbout;
}

/** `session` stands in all further messages of this shard. */
export interface RegisterAnswer {
  readonly session: string;
  /** Name of the run, in every marker. */
  readonly run: string;
  readonly seed: string;
}

/** `clock`: the referee's clock, for an exchange as in NTP. */
export interface ClockMessage {
  readonly session: string;
}

export interface ClockAnswer {
  readonly nowMs: number;
}

/** `start`: ready; asked again while the answer is `wait`, which comes after some seconds at most. */
export interface StartMessage {
  readonly session: string;
  /** How far the shard's idea of the referee's clock may be off; absent when it was not measured. */
  readonly boundMs?: number;
}

export type StartAnswer =
  | { readonly state: "wait"; readonly missing: readonly number[] }
  | { /** On the referee's clock. */ readonly state: "go"; readonly startAtMs: number }
  | { /** There will be no run. */ readonly state: "stop"; readonly because: string };

/** `rooms`: ids of rooms that were made, and rooms whose ids are wanted; answered as soon as one of them is known. */
export interface RoomsMessage {
  readonly session: string;
  readonly made: readonly RoomMade[];
  readonly find: readonly number[];
}

export interface RoomMade {
  /** Its index in the scenario. */
  readonly room: number;
  /** Its id on the server. */
  readonly id: string;
}

export interface RoomsAnswer {
  readonly rooms: readonly RoomMade[];
}

/** `checkpoint`: once a second, and as long as windows are wanted after the last one. */
export interface CheckpointMessage {
  readonly session: string;
  /** Seconds of the run that have passed since the last checkpoint, of all workers of the shard. */
  readonly seconds: readonly SecondMessage[];
  readonly streams: readonly StreamWitness[];
  readonly windows: readonly WindowWitness[];
  /** Its last word on the streams: nothing more will come, but for windows that are asked for. */
  readonly isLast: boolean;
  /** Measured anew: how far the shard's clock may be off by now. */
  readonly boundMs?: number;
}

/** `isOver`: after the last word, no more windows will be asked for. */
export interface CheckpointAnswer extends RefereeWish {
  readonly isOver: boolean;
  /** The run has been called off: the shard stops playing. */
  readonly isStopped: boolean;
}

/** One second of one worker. */
export interface SecondMessage extends MeasuredSecond {
  /** Which of the shard's workers, from 0. */
  readonly worker: number;
}

/** `meet`: come to this point; asked again while the answer is `wait`. */
export interface MeetMessage {
  readonly session: string;
  readonly point: "quiet" | "read";
}

export interface MeetAnswer {
  readonly state: "wait" | "go";
}

/** `result`: what the shard's workers have measured and judged. */
export interface ResultMessage {
  readonly session: string;
  readonly done: readonly WorkerDone[];
}

/** One worker's last word. Histograms are texts of the HDR library (V2, compressed, base64) or `buckets1` ones. */
export interface WorkerDone extends EncodedFigures {
  readonly kind: "done";
  readonly result: MeasuredByWorker;
}

/** Shards play no faults, and a referee does not ask by which URL clients came. */
export interface MeasuredByWorker extends Omit<Measured, "clientsByUrl" | "faults" | "upset" | "missing"> {
  readonly outcomes: readonly CheckerOutcome[];
  readonly firstFailure?: string | undefined;
}

/** `verdict`: what came of the run; asked again while the answer is `wait`. */
export interface VerdictMessage {
  readonly session: string;
}

export type VerdictAnswer = { readonly state: "wait" } | { readonly state: "done"; readonly verdict: string; readonly exitCode: number };

/** Every refusal has this form, with a status of 4xx. */
export interface RefereeRefusal {
  readonly error: string;
}
