import type { Editing } from "../editing.ts";
import type { Frame } from "../../../core/session.ts";

/** A socket of a case's own, past every session: it can be silent, stop reading, or vanish. */
export interface RawSocket {
  send(frame: Frame): void;
  close(code: number): void;
  /** Ends the TCP connection by a reset. */
  reset(): void;
  /** Stops reading: nothing is answered from now on, not even a ping. */
  pause(): void;
  resume(): void;
  /** Milliseconds of one WebSocket ping and its answer; undefined when none came within a second. */
  ping(): Promise<number | undefined>;
  readonly isOpen: boolean;
  readonly closeCode: number | undefined;
}

/** What the cases of this protocol need of a runtime. */
export interface Kit {
  /** Opens a socket; undefined when it is refused or takes longer than 5 s. `heard` gets every data frame. */
  open(url: string, heard: (frame: Frame) => void): Promise<RawSocket | undefined>;
  /** The document model of a dialect's schema. */
  editing(dialect: string): Editing;
  /** A step as the schema writes it; undefined when it cannot be read. */
  sameStep(dialect: string, step: unknown): string | undefined;
  epochMs(): number;
}
