import type { Binding } from "../../src/core/binding.ts";
import type { ClientDriver, Launched, Restart } from "../../src/core/case.ts";
import type { Checker, Property } from "../../src/core/checker.ts";
import type { Detail } from "../../src/core/observation.ts";
import type { DirectoryPort, PdsPort } from "../../src/core/network.ts";
import type { Op } from "../../src/core/op.ts";
import type { Prng } from "../../src/core/prng.ts";
import type { Credential, Failure, Frame, HttpAnswer, HttpRequest, Session } from "../../src/core/session.ts";
import type { ResolvedTarget } from "../../src/core/target.ts";

/** A connected session, as an engine gives it. */
export interface OpenedClient {
  readonly isOpen: boolean;
  start(): void;
  invoke(op: Op): void;
  send(frame: Frame): void;
  close(code: number, reason: string): void;
  cut(): void;
  /** Ends it for good: no reconnect, socket cut. */
  stop(): void;
}

export interface OpenOptions {
  readonly session: Session;
  readonly url: string;
  readonly credential: () => Promise<Credential>;
  readonly observe: (detail: Detail, atMs: number) => void;
  readonly frameSeen: (from: "client" | "server", frame: Frame, atMs: number) => void;
}

/** What came of an upgrade whose request line was written by hand. */
export interface RawUpgrade {
  readonly status: number;
  readonly frames: readonly Frame[];
  readonly closed: { readonly code: number } | undefined;
}

/** A user on loan from the pool. */
export interface LentUser {
  readonly id: string;
  readonly credential: () => Promise<Credential>;
  readonly giveBack: () => void;
}

/** Process control of the target. */
export interface ProcessPort {
  restart(how?: Restart): Promise<void>;
  logs(): string;
}

/** All I/O, time and chance of a case: what the runner needs from the rooms it does not know. */
export interface RunnerPorts {
  readonly binding: Binding;
  readonly target: ResolvedTarget;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly prng: Prng;
  /** Name of the run; markers of another are foreign. */
  readonly run: string;
  readonly nowMs: () => number;
  /** Number of the next client, unique over the run. */
  readonly nextClient: () => number;
  readonly borrowUser: () => Promise<LentUser>;
  readonly open: (options: OpenOptions) => OpenedClient;
  /** Adds the target's headers and the credential; redirects are not followed. */
  readonly http: (url: string, request: HttpRequest, credential: Credential | undefined, withinMs: number) => Promise<HttpAnswer | Failure>;
  readonly rawUpgrade: (path: string, credential: Credential | undefined) => Promise<RawUpgrade>;
  /** Fresh checkers of these properties. */
  readonly checkers: (properties: readonly Property[]) => readonly Checker[];
  readonly process: ProcessPort | undefined;
  /** Undefined, as `pds`, where the target is not an embedded one. */
  readonly directory?: DirectoryPort;
  readonly pds?: PdsPort;
  /** Starts a further process of the target's program; undefined where it is none of ours. */
  readonly launch?: (env: Readonly<Record<string, string | undefined>>) => Promise<Launched>;
  /** Starts the client under test; undefined where there is none. `stop` ends it and removes its folder. */
  readonly driveClient?: () => Promise<ClientDriver & { stop(): void }>;
}
