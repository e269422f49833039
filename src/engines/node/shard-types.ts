import type { Operations, Rooms, UrlsMeaning } from "../../core/binding.ts";
import type { CheckerOutcome, Panel } from "../../core/checker.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Measured, MeasuredSecond } from "../../core/measured.ts";
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
  readonly onSecond: (second: MeasuredSecond) => void;
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

export interface ShardResult extends Measured {
  readonly outcomes: readonly CheckerOutcome[];
  readonly firstFailure: string | undefined;
}
