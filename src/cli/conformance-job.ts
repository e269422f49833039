import type { ResolvedTarget } from "../core/target.ts";
import type { StartOptions } from "../targets/index.ts";
import type { TransportName } from "../engines/node/transports.ts";
import type { CaseRow } from "../../conformance/runner/index.ts";

/** What the worker that runs the cases is told; plain data, given by vitest's `provide`. */
export interface ConformanceJob {
  readonly binding: string;
  /** Names of the cases to run. */
  readonly cases: readonly string[];
  readonly target: ResolvedTarget;
  /** Where exclusive cases run: an instance of their own, where there can be one. */
  readonly exclusiveTarget: ResolvedTarget;
  /** Exclusive cases begin when this many quiet ones are left. */
  readonly exclusiveBeside: number;
  /** The exclusive target is another server than the target. */
  readonly isExclusiveApart: boolean;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly seed: string;
  readonly run: string;
  readonly poolSeed: string;
  /** How the target was started, where it is a reference server: cases may start more of it. */
  readonly launch: Omit<StartOptions, "registry"> | undefined;
  readonly transport: TransportName;
  /** The control door of the directory that an embedded target resolves against. */
  readonly directoryControlUrl: string | undefined;
  /** Base URL of the PDS beside it, where a case or the credentials need one. */
  readonly pdsUrl: string | undefined;
  /** Command of the client under test; undefined when a server is. */
  readonly client: string | undefined;
  /** Process control of the exclusive target; undefined when there is none. */
  readonly controlUrl: string | undefined;
}

/** What the worker says of itself. */
export interface WorkerFigures {
  /** Clients that came into a room, by the URL they used. */
  readonly clientsByUrl: Readonly<Record<string, number>>;
}

declare module "vitest" {
  interface ProvidedContext {
    readonly rollcall: ConformanceJob;
  }
  interface TaskMeta {
    rollcallRow?: CaseRow;
    rollcallFigures?: WorkerFigures;
  }
}
