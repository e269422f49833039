import type { Operations, Rooms, UrlsMeaning } from "../../core/binding.ts";
import type { CheckerOutcome, Panel } from "../../core/checker.ts";
import type { FaultSeen } from "../../core/fault.ts";
import type { GcPauses } from "../../core/result.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Scenario, ScenarioParameters } from "../../core/scenario.ts";
import type { Credential, Failure, HttpAnswer, HttpRequest, Session, SessionOptions } from "../../core/session.ts";
import type { ResolvedTarget } from "../../core/target.ts";
import type { Elsewhere } from "../../core/witness.ts";
import type { Part, Share } from "../../load/shares.ts";
import type { ShardFaultPlan } from "./shard-faults.ts";
import type { Stop, Surroundings, Via } from "./surroundings.ts";

export interface ShardOptions {
  readonly session: (options: SessionOptions) => Session;
  readonly rooms: Rooms;
  readonly operations: Operations;
  readonly keepaliveMs: number | undefined;
  /** Whether a session takes writes while it is away. */
  readonly writesOffline: boolean;
  /** What several URLs of the target are to each other. */
  readonly urls: UrlsMeaning | undefined;
  readonly scenario: Scenario;
  readonly parameters: ScenarioParameters;
  readonly target: ResolvedTarget;
  readonly seed: string;
  readonly run: string;
  /** The part of the process's rooms that is played here; within a process no room is divided. */
  readonly shard: Part;
  /** The room of each client (`roomsOfScripts`), where it is known already: others' scripts need not be made then. */
  readonly scriptRooms?: readonly number[];
  /** The process's own part of a run over several; absent when it plays all. */
  readonly share?: Share;
  /** With a share: what the process has in common with the others. */
  readonly together?: Together;
  readonly credential: (client: number) => Promise<Credential>;
  /** `via`: dialled in place of the target's address. */
  readonly http: (request: HttpRequest, credential: Credential, via?: Via) => Promise<HttpAnswer | Failure>;
  /** What goes wrong meanwhile; absent when nothing does. */
  readonly faults?: ShardFaultPlan | undefined;
  readonly surroundings: Surroundings;
  /**
   * Made once the number of slots is known. `onDelivery` is to be called with each delivery's latency in ms, undefined
   * where it is not known. `elsewhere` is given where members of a room are played by other processes, too.
   */
  readonly ledger: (slots: number, onDelivery: (latencyMs: number | undefined) => void, elsewhere: Elsewhere | undefined) => Ledger;
  /** Told every observation but deliveries, which the ledger accounts for. */
  readonly panel: Panel;
  readonly onSecond: (second: ShardSecond) => void;
  readonly signal: Stop;
}

/** What the shard of one process has in common with those of others. */
export interface Together {
  /** When the run begins, on the surroundings' clock. */
  readonly startMs: number;
  /** Resolves once every one has come to this point, or is not waited for any more. */
  meet(point: MeetingPoint): Promise<void>;
  /** Tells the others the id of a room that was made here. */
  made(room: number, id: string): void;
  /**
   * The id of a room that another one makes.
   * @throws HarnessError `unreachable` when it was not made in time.
   */
  find(room: number): Promise<string>;
}

/** `quiet`: nothing is under way any more. `read`: the final states have been read. */
export type MeetingPoint = "quiet" | "read";

/** What one second of the run held. */
export interface ShardSecond {
  readonly t: number;
  readonly clients: number;
  readonly sent: number;
  readonly delivered: number;
  /** Encoded HDR histogram of the second's delivery latencies. */
  readonly deliveryMs: string;
  readonly loopLagMs: number;
}

export interface ShardResult {
  readonly clients: number;
  readonly rooms: number;
  readonly outcomes: readonly CheckerOutcome[];
  readonly sent: number;
  readonly planned: number;
  readonly late: number;
  /** Acts whose client was not in its room at the planned time. */
  readonly dropped: number;
  readonly refusedJoins: number;
  readonly firstFailure: string | undefined;
  /** Clients that came into their room, by the index of the URL they used. Absent in older recordings. */
  readonly clientsByUrl?: readonly number[];
  readonly joinMs: string;
  /** From the planned time of a write to its confirmation, where the protocol has one; encoded like `joinMs`. */
  readonly confirmMs?: string;
  /** From the planned time of a question to its answer. */
  readonly readMs?: string;
  /** From the planned time of a signal (typing, word of a write) to each other member, where there were any. */
  readonly signalMs?: string;
  readonly actMs: number;
  readonly loopLagMsP99: number;
  readonly cpu: number;
  readonly residentBytes: number;
  readonly interrupted: boolean;
  /** Absent in recordings that do not hold it. */
  readonly pace?: ShardPace;
  /** Of a run with faults: what was seen of each. */
  readonly faults?: readonly FaultSeen[];
  /** Of a run with faults: acts whose client was away because of one. */
  readonly upset?: number;
  /** Of a run with faults: clients that had been in their rooms and never came back. */
  readonly missing?: number;
}

/** How well a worker kept its plan. */
export interface ShardPace {
  /** Acts whose planned time had passed, but not their turn, when the time was up. */
  readonly unsent: number;
  /** Planned time of an act to its send; encoded HDR. */
  readonly sendLagMs: string;
  readonly loopLagMsMax: number;
  readonly gc: GcPauses;
}
