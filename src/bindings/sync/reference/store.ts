import { createHash, randomBytes } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

/** An update as it is kept; `seq` rises over all documents and instances. */
export interface KeptUpdate {
  readonly seq: number;
  readonly entity: string;
  readonly bytes: Uint8Array;
}

/** A revocation: of one token, or of all that a DID had been given by then. */
export interface Revocation {
  readonly seq: number;
  readonly did: string;
  readonly hash: string | undefined;
  readonly atMs: number;
}

/** What became of a token at the handshake. */
export interface TokenRow {
  readonly hash: string;
  readonly did: string;
  readonly issuedMs: number;
  readonly expiresMs: number;
}

/**
 * Updates and tokens in one SQLite file, which several instances may share: what one writes the others see by
 * `newer`. A committed update outlives the end of the process, however it ends; nothing waits for the disk, so that a
 * machine busy with others' files does not stall the relay, and a loss of power may damage the file.
 */
export interface Store {
  append(entity: string, bytes: Uint8Array): void;
  updatesOf(entity: string): readonly Uint8Array[];
  /** Updates and revocations of other instances since the last call. */
  newer(): { readonly updates: readonly KeptUpdate[]; readonly revocations: readonly Revocation[] };
  issue(token: string, did: string, nowMs: number, lifeMs: number): void;
  /** The token when it is alive; used tokens are not when `singleUse`. */
  token(hash: string, nowMs: number): TokenRow | undefined;
  /** Uses a token up; false when somebody else has. */
  use(hash: string): boolean;
  revoke(did: string, hash: string | undefined, nowMs: number): void;
  sweep(nowMs: number): void;
  readonly tokensLive: number;
  close(): void;
}

/** Tokens are kept by their hash: a copy of the store opens no socket. */
export function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** Who finds the file locked waits for so long, from the first statement on: several instances may start at once. */
const LOCK_MS_MAX = 2_000;
/** SQLITE_BUSY, whatever its extended code. */
const BUSY = 5;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS updates (seq INTEGER PRIMARY KEY AUTOINCREMENT, entity TEXT NOT NULL, origin TEXT NOT NULL, bytes BLOB NOT NULL);
  CREATE INDEX IF NOT EXISTS updates_by_entity ON updates (entity, seq);
  CREATE TABLE IF NOT EXISTS tokens (hash TEXT PRIMARY KEY, did TEXT NOT NULL, origin TEXT NOT NULL, issued REAL NOT NULL, expires REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS tokens_by_did ON tokens (did);
  CREATE TABLE IF NOT EXISTS revocations (seq INTEGER PRIMARY KEY AUTOINCREMENT, did TEXT NOT NULL, hash TEXT, origin TEXT NOT NULL, at REAL NOT NULL);
`;

export interface StoreOptions {
  readonly path: string;
  readonly singleUse: boolean;
  /** A fault: tokens of other instances are not found. */
  readonly ownTokensOnly: boolean;
}

/** Where two would wait for each other SQLite refuses at once, without waiting: asked again until somebody has got on. */
function opened(path: string): DatabaseSync {
  const untilMs = performance.now() + LOCK_MS_MAX;
  for (;;) {
    const db = new DatabaseSync(path, { timeout: LOCK_MS_MAX });
    try {
      db.exec(SCHEMA);
      return db;
    } catch (error) {
      db.close();
      if (performance.now() >= untilMs || !isBusy(error)) throw error;
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && (Number(Reflect.get(error, "errcode")) & 0xff) === BUSY;
}

export function openStore({ path, singleUse, ownTokensOnly }: StoreOptions): Store {
  const origin = randomBytes(8).toString("hex");
  const db = opened(path);
  const append = db.prepare("INSERT INTO updates (entity, origin, bytes) VALUES (?, ?, ?)");
  const ofEntity = db.prepare("SELECT bytes FROM updates WHERE entity = ? ORDER BY seq");
  const since = db.prepare("SELECT seq, entity, bytes FROM updates WHERE seq > ? AND origin <> ? ORDER BY seq");
  const last = db.prepare("SELECT COALESCE(MAX(seq), 0) AS seq FROM updates");
  const revokedSince = db.prepare("SELECT seq, did, hash, at FROM revocations WHERE seq > ? AND origin <> ? ORDER BY seq");
  const lastRevoked = db.prepare("SELECT COALESCE(MAX(seq), 0) AS seq FROM revocations");
  const issue = db.prepare("INSERT INTO tokens (hash, did, origin, issued, expires) VALUES (?, ?, ?, ?, ?)");
  const find = db.prepare("SELECT hash, did, origin, issued, expires, used FROM tokens WHERE hash = ?");
  const use = db.prepare("UPDATE tokens SET used = 1 WHERE hash = ? AND used = 0");
  const removeOne = db.prepare("DELETE FROM tokens WHERE hash = ? AND did = ?");
  const removeAll = db.prepare("DELETE FROM tokens WHERE did = ?");
  const noteRevoked = db.prepare("INSERT INTO revocations (did, hash, origin, at) VALUES (?, ?, ?, ?)");
  const sweep = db.prepare("DELETE FROM tokens WHERE expires <= ?");
  const live = db.prepare("SELECT COUNT(*) AS count FROM tokens");
  const version = db.prepare("PRAGMA data_version");
  const numberOf = (row: Record<string, unknown> | undefined, name: string): number => Number(row?.[name] ?? 0);

  let seen = numberOf(last.get(), "seq");
  let seenRevoked = numberOf(lastRevoked.get(), "seq");
  let seenVersion = numberOf(version.get(), "data_version");
  return {
    append: (entity, bytes) => void append.run(entity, origin, bytes),
    updatesOf: (entity) => ofEntity.all(entity).map((row) => row["bytes"] as Uint8Array),
    newer: () => {
      const now = numberOf(version.get(), "data_version");
      if (now === seenVersion) return { updates: [], revocations: [] };
      seenVersion = now;
      const updates = since.all(seen, origin).map((row) => ({
        seq: Number(row["seq"]),
        entity: String(row["entity"]),
        bytes: row["bytes"] as Uint8Array,
      }));
      seen = updates.at(-1)?.seq ?? seen;
      const revocations = revokedSince.all(seenRevoked, origin).map((row) => ({
        seq: Number(row["seq"]),
        did: String(row["did"]),
        hash: row["hash"] === null ? undefined : String(row["hash"]),
        atMs: Number(row["at"]),
      }));
      seenRevoked = revocations.at(-1)?.seq ?? seenRevoked;
      return { updates, revocations };
    },
    issue: (token, did, nowMs, lifeMs) => void issue.run(hashOf(token), did, origin, nowMs, nowMs + lifeMs),
    token: (hash, nowMs) => {
      const row = find.get(hash);
      if (row === undefined || Number(row["expires"]) <= nowMs || (singleUse && Number(row["used"]) === 1)) return undefined;
      if (ownTokensOnly && row["origin"] !== origin) return undefined;
      return { hash, did: String(row["did"]), issuedMs: Number(row["issued"]), expiresMs: Number(row["expires"]) };
    },
    use: (hash) => Number(use.run(hash).changes) === 1 || !singleUse,
    revoke: (did, hash, nowMs) => {
      if (hash === undefined) removeAll.run(did);
      else removeOne.run(hash, did);
      noteRevoked.run(did, hash ?? null, origin, nowMs);
    },
    sweep: (nowMs) => void sweep.run(nowMs),
    get tokensLive() {
      return numberOf(live.get(), "count");
    },
    close: () => db.close(),
  };
}
