import type { OrderModel } from "../core/binding.ts";
import type { HistogramMaker } from "../core/histogram.ts";
import type { Figures } from "../core/measured.ts";
import type { Frame } from "../core/session.ts";

export interface LedgerOptions<F extends Frame = Uint8Array> {
  readonly orderModel: OrderModel;
  /** Whether an author gets its own writes back. */
  readonly echo: boolean;
  readonly run: string;
  /** Greatest number of slots, 0…slots-1. */
  readonly slots: number;
  readonly histogram: HistogramMaker;
  /** Text of a frame for a witness. */
  readonly textOf: (bytes: F) => string;
  /** Called with each delivery's latency, for a chart by the second; undefined for a write of another process. */
  readonly onDelivery?: (latencyMs: number | undefined) => void;
  /** Set where rooms have members in other processes, too. */
  readonly across?: LedgerAcross;
}

/** A write as the ledger has put it into a room's log. */
export interface SeenWrite {
  readonly author: number;
  readonly n: number;
  /** Undefined for writes of other processes. */
  readonly plannedMs: number | undefined;
  readonly invokedMs: number | undefined;
  readonly firstMs: number;
  readonly content: string | undefined;
  /** It came first to a member that had just entered: others may have had something before it that is not here yet. */
  readonly isLoose: boolean;
  /** Some member was there that must have had everything since the write before. */
  readonly isUnbroken: boolean;
}

/** What a ledger asks and tells where rooms have members in other processes. Times are of the ledger's clock. */
export interface LedgerAcross {
  /** Whether a client of another process is a member of this room. */
  isMember(author: number, room: string): boolean;
  joined(room: string, client: number, nowMs: number): void;
  left(room: string, client: number): void;
  invoked(room: string, author: number, n: number): void;
  appended(room: string, write: SeenWrite): void;
  /** The run has been judged: what comes now does not count. */
  finished(): void;
}

export interface LedgerFigures extends Figures {
  readonly invoked: number;
}
