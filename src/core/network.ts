import type { CaseUser } from "./case.ts";
import type { Json } from "./op.ts";
import type { Credential, Failure, HttpAnswer, HttpRequest } from "./session.ts";

/** `k256` is the default of the AT Protocol. */
export type KeyCurve = "k256" | "p256";

/**
 * How the directory answers for one DID from now on; what is left out is as it is in truth, so `{}` heals. The same
 * holds for a did:web document, whose host is ours too.
 */
export interface DirectoryAnswer {
  /** Milliseconds before anything is answered. */
  readonly delayMs?: number;
  /** `cut`: the connection ends without an answer · `silent`: none ever comes · a status such as 404, 410 or 500. */
  readonly fault?: "cut" | "silent" | number;
  /** The document as it stands when this is set: later operations do not show. */
  readonly isStale?: boolean;
  /**
   * `legacy`: verification methods typed by curve, with relative ids and uncompressed keys, as the PLC server writes
   * them (default for did:plc) · `multikey`: typed `Multikey`, with absolute ids (default for did:web).
   */
  readonly shape?: "legacy" | "multikey";
  /** The document without its signing key. */
  readonly isKeyless?: boolean;
  /** This document instead, as it is. */
  readonly document?: Json;
}

/** What differs from a right service token. */
export interface TokenChanges {
  /** Members over those of a right header (`typ`, `alg`); undefined leaves one out. */
  readonly header?: Readonly<Record<string, Json | undefined>>;
  /**
   * Members over those of right claims: `iss`, `aud` and `lxm` as the target wants them, `iat` now, `exp` in 60 s, a
   * fresh `jti`; undefined leaves one out. Times are in seconds.
   */
  readonly claims?: Readonly<Record<string, Json | undefined>>;
  /** Whose key signs: the user's (default), the one it had before its last rotation, or nobody's. */
  readonly key?: "own" | "retired" | "stranger";
  /**
   * `low-s` (default) and `high-s`: 64 bytes `r‖s` · `der`: the ASN.1 form · `hmac`: HMAC-SHA256 with the public key's
   * text as the secret · `none`: empty.
   */
  readonly signature?: "low-s" | "high-s" | "der" | "hmac" | "none";
}

/**
 * The DID directory of an embedded target, in the hands of a case; there with the capability `directory`. Each
 * instance of a target has a directory of its own behind its own address: what a case sets for `*` reaches the cases
 * of its instance only, so `*` is for exclusive cases. All that a case sets is healed when it ends.
 */
export interface DirectoryControl {
  /** As the target's instance sees it. */
  readonly url: string;
  /**
   * A user of this case alone, whose key the case may change; its id is its DID. did:web documents lie on a port of
   * their own: `did:web:localhost%3A<port>`. Default: did:plc with a k256 key.
   */
  user(options?: { readonly method?: "plc" | "web"; readonly curve?: KeyCurve }): Promise<CaseUser>;
  /** How the directory answers for a DID (`*`: for all that have no answer of their own). Replaces what was set before. */
  answer(did: string, answer: DirectoryAnswer): Promise<void>;
  /** Gives a user of `user` a new key, of the same curve unless said otherwise. From then on it signs with that. */
  rotate(did: string, options?: { readonly curve?: KeyCurve }): Promise<void>;
  /** Ends a did:plc of `user` for good: the PLC server says 404 from then on; the public directory's 410 is an `answer`. */
  tombstone(did: string): Promise<void>;
  /** How many times this instance was asked for the document of a DID. */
  lookups(did: string): Promise<number>;
  /** TCP connections that this instance has accepted so far. */
  connections(): Promise<number>;
  /** A service token of any user of the case, right but for the changes. */
  token(did: string, changes?: TokenChanges): Promise<string>;
}

/** The PDS beside an embedded target's directory, in the hands of a case; there with the capability `pds`. */
export interface PdsControl {
  readonly url: string;
  /** A user with an account of its own at the PDS; its credential is a service token from there. Its id is its DID. */
  user(): Promise<CaseUser>;
  /** A service token by `getServiceAuth`. Default: audience and method as the target wants them, life 60 s. */
  token(did: string, options?: { readonly audience?: string; readonly method?: string | null; readonly lifeS?: number }): Promise<string>;
  /** The token of the account's session at the PDS. */
  session(did: string): Promise<string>;
  /**
   * A request to the PDS in the account's session. With `service` (`<did>#<id>`) the PDS passes it on to that service
   * with a token of its own making, by the header `atproto-proxy`.
   */
  http(
    did: string,
    request: HttpRequest,
    options?: { readonly service?: string; readonly withinMs?: number },
  ): Promise<HttpAnswer | Failure>;
  /** Deactivates the account: its document stays, and the PDS vouches for it no more. */
  deactivate(did: string): Promise<void>;
}

/** A user that a port has made, with how it signs in. */
export interface NetworkUser {
  readonly id: string;
  readonly credential: () => Promise<Credential>;
}

/** What the runner is handed: the controls, whose users are not yet a case's. */
export type DirectoryPort = Omit<DirectoryControl, "user"> & {
  user(...options: Parameters<DirectoryControl["user"]>): Promise<NetworkUser>;
};

/** As `DirectoryPort`. */
export type PdsPort = Omit<PdsControl, "user"> & { user(): Promise<NetworkUser> };
