import type { Restart } from "../core/case.ts";
import type { Binding } from "../core/binding.ts";
import type { ContainerEngine, TargetContainer } from "../core/containers.ts";
import type { CredentialSpec, ResolvedTarget } from "../core/target.ts";

/** Where bindings are found; the command line's registry has this shape. */
export interface BindingSource {
  bindingNames(): readonly string[];
  /** Folder that holds `binding.ts` and `reference/`. Throws a usage error for unknown names. */
  bindingFolder(name: string): string;
  loadBinding(name: string): Promise<Binding>;
}

export interface StartOptions {
  /** A reference server's name, or the path of a target file. */
  readonly target: string;
  readonly registry: BindingSource;
  /** `load` asks for consent before a host that is not ours; `check` does not. */
  readonly purpose: "check" | "load";
  /** Hosts (`host` or `host:port`) that the user allows to be loaded. */
  readonly mayLoad?: readonly string[];
  /** Base URL of our DID directory, for a reference server. */
  readonly directoryUrl?: string;
  /** Reference server only: capabilities that what is around it gives, where the binding knows them. */
  readonly given?: Readonly<Record<string, boolean>>;
  /** Reference server only: its timers run this many times faster. Default 1. */
  readonly timeScale?: number;
  /** Reference server only. */
  readonly mutant?: { readonly id: string; readonly env?: Readonly<Record<string, string>>; readonly replicas?: number };
  /** Reference server only; default `serviceJwt`. */
  readonly recipe?: CredentialSpec["recipe"];
  /** Reference server only; default any free port. */
  readonly port?: number;
  /** Reference server only: so many processes on the same rooms, with the store they need; default 1. */
  readonly replicas?: number;
  /** In place of the target file's dialect, or the binding's first. */
  readonly dialect?: string;
  /** Images and compose files: they stay after the run, under a name of their own; `rollcall down` removes them. */
  readonly keep?: boolean;
  /** Told what is going on while a start takes its time. */
  readonly onStage?: (text: string) => void;
  /** For `${NAME}` in target files. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `YYYY-MM-DD`, for the dates of known failures. Default: today. */
  readonly today?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What can be done with a server that we started. */
export interface TargetProcess {
  readonly pid: number;
  /** Ends it (politely, when nothing is said), starts it again on the same port, and waits until it is ready. */
  restart(how?: Restart): Promise<void>;
  /** Ends it, and resolves once it has ended; that is no end by itself. */
  end(how: Restart): Promise<void>;
  /** Starts one that has ended again on the same port, and waits until it is ready. */
  begin(): Promise<void>;
  /** All its processes stand still, until they are thawed. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, without farewell. */
  kill(): void;
  /** The last 64 KiB of what it wrote to stdout and stderr. */
  logs(): string;
}

/** One of several processes of a target. */
export interface NamedProcess {
  /** `replica-1`, `redis`. */
  readonly name: string;
  readonly role: "replica" | "dependency";
  readonly process: TargetProcess;
}

export interface RunningTarget {
  readonly resolved: ResolvedTarget;
  readonly binding: Binding;
  /** Whether cases that flood may run: loopback, a server that we started, or a host the user named. */
  readonly mayFlood: boolean;
  /** Whether it is a reference server, of which further instances can be started. */
  readonly isReference: boolean;
  /** Undefined for a URL. */
  readonly process?: TargetProcess;
  /** Of a reference server in several processes: each of them in the order of `resolved.urls`, then what they need. */
  readonly processes?: readonly NamedProcess[];
  /** Of an image or a compose file: its containers, replicas first in the order of `resolved.urls`. */
  readonly containers?: readonly TargetContainer[];
  /** Of an image or a compose file: what can be done to its containers. */
  readonly engine?: ContainerEngine;
  /** How the server ended by itself; undefined while it runs, and for a URL. */
  exited(): Exit | undefined;
  stop(): Promise<void>;
}
