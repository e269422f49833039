import type { Reason } from "./reason.ts";
import type { RequirementId } from "./ids.ts";

/** How users prove who they are to a target. */
export interface CredentialSpec {
  /** `serviceJwt`: tokens that the pool's keys sign · `pds`: such tokens from accounts of a local PDS, a few a second. */
  readonly recipe: "account" | "serviceJwt" | "pds" | "none";
  /** serviceJwt, pds: `aud`, where `{port}` stands for the target's port; and the `lxm` claim when the server wants one. */
  readonly audience: string;
  readonly method: string | null;
  /** Where it is shown: `query:<name>`, `cookie:<name>` or `bearer`. */
  readonly show: string;
  /** account: paths; `register` undefined when accounts exist already. */
  readonly register: string | undefined;
  readonly login: string;
  /** account: `cookie:<name>` or `json:<field path>`. */
  readonly token: string;
  /** account: `json:<field path>`. */
  readonly userId: string;
  /** none: the query parameter that carries the name. */
  readonly nameQuery: string;
}

/** A failure that is known and not yet mended. */
export interface KnownFailure {
  readonly id: RequirementId;
  readonly reason: Reason;
  readonly rate: "always" | "sometimes";
  readonly because: string;
  /** `YYYY-MM-DD`; past it the entry is an error. */
  readonly until: string;
}

/** The server under test, resolved: what every room of the house needs to know of it. Plain data. */
export interface ResolvedTarget {
  readonly name: string;
  readonly binding: string;
  readonly dialect: string;
  /** http(s) base URLs without a path: first process and, when there is one, the second. ws(s) is derived. */
  readonly urls: readonly [string, ...string[]];
  readonly basePath: string;
  /** Whole ws(s) addresses of further connections that a protocol has beside its first, by name. */
  readonly legs: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** PEM text of an own certificate authority. */
  readonly ca: string | undefined;
  readonly credential: CredentialSpec;
  /** Capabilities that the target declares; the rest as the binding's defaults. */
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly clientsMax: number | undefined;
  readonly hooks: { readonly health: string; readonly metrics: { readonly path: string; readonly prefix: string } | undefined };
  readonly known: readonly KnownFailure[];
  /** Timers of our own reference server run this many times faster; 1 for every other target. */
  readonly timeScale: number;
  /** Base URL of the DID directory that the target resolves against, when it is ours. */
  readonly directoryUrl: string | undefined;
  /** Base URL of a PLC directory beside the target that it resolves against: identities must be registered there. */
  readonly plcUrl?: string;
  /** Identities 0…n-1 are registered there already. */
  readonly plcKnows?: number;
  /** Base URL of a PDS beside the target, for the recipe `pds`. */
  readonly pdsUrl?: string;
  /** Names of the servers behind `urls`, in their order, where they have names. */
  readonly replicas?: readonly string[];
}
