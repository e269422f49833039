import type { Histogram } from "../../core/histogram.ts";
import type { Ledger } from "../../core/ledger.ts";
import type { Detail } from "../../core/observation.ts";
import type { Op } from "../../core/op.ts";
import type { GcPauses } from "../../core/result.ts";
import type { Credential, Failure, HttpAnswer, HttpRequest, Session } from "../../core/session.ts";

/** Wakes at a time; setting it again replaces the earlier time, Infinity means never. */
export interface Alarm {
  set(atMs: number): void;
}

/** Many alarms on one timer. */
export interface Alarms {
  create(ring: (nowMs: number) => void): Alarm;
  stop(): void;
}

/** Whether a run was interrupted; an `AbortSignal` is one. */
export interface Stop {
  readonly aborted: boolean;
}

export type ResettableHistogram = Histogram & { reset(): void };

/** The harness's own part in what it measures. */
export interface OwnPart {
  readonly loopLagMsP99: number;
  readonly loopLagMsMax: number;
  readonly gc: GcPauses;
  /** Processor time since the last reset; 0 where the engine cannot tell. */
  readonly cpuMs: number;
  /** 0 where the engine cannot tell. */
  readonly residentBytes: number;
}

/** Watches how well the harness keeps up; runs from its making on. */
export interface PaceMeter {
  reset(): void;
  own(): OwnPart;
  /** The longest lag since this was last asked. */
  takeLagMsMax(): number;
  stop(): void;
}

/** A TCP address on the way to a server. */
export interface Via {
  readonly host: string;
  readonly port: number;
}

/** A session with its socket and its alarm. */
export interface EngineClient {
  start(): void;
  invoke(op: Op): void;
  /** Ends it for good; its socket is cut when still open. */
  stop(): void;
  /** Breaks the connection without a farewell, as far as the engine can; the session may come back. */
  cut(): void;
}

export interface EngineClientOptions {
  readonly session: Session;
  /** Base URL, http(s); the socket's is derived. */
  readonly url: string;
  /** Whole addresses of further connections, by name. */
  readonly legs?: Readonly<Record<string, string>>;
  /** Headers of the target file, on every request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly alarms: Alarms;
  /** Minted anew each time it is asked for. */
  readonly credential: () => Promise<Credential>;
  readonly http: (request: HttpRequest) => Promise<HttpAnswer | Failure>;
  readonly observe: (detail: Detail, atMs: number) => void;
  /** Dialled in place of the URL's host and port, where the engine can. */
  readonly via?: Via | undefined;
  /** A connection that had been open has ended. */
  readonly lost?: (atMs: number) => void;
  /** A connection is open. */
  readonly regained?: () => void;
  readonly slot: number;
  readonly ledger?: Ledger;
}

/**
 * What an engine gives a shard: clock, timers, sockets, histograms, and a look at its own pace. The shard itself is
 * portable and plays the same in every engine.
 */
export interface Surroundings {
  /** Milliseconds of one clock; fractions where the engine has them. */
  nowMs(): number;
  /** Calls `act` at this interval, until what it gives is called. */
  every(intervalMs: number, act: () => void): () => void;
  alarms(): Alarms;
  histogram(): ResettableHistogram;
  meter(): PaceMeter;
  client(options: EngineClientOptions): EngineClient;
}
