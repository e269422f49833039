import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HarnessError } from "../../../core/errors.ts";
import type { Json } from "../../../core/op.ts";
import type { CoId, SessionId, SyncMessage } from "../messages.ts";

/** The parts of the Jazz core that are used here. Its own types come with an optional install, so they stand here again. */
export interface Group {
  readonly id: CoId;
  addMember(who: unknown, role: Role): void;
  roleOf(account: CoId): Role | undefined;
  myRole(): Role | undefined;
  createMap(init: Readonly<Record<string, Json>>, meta?: null, privacy?: Privacy): RawMap;
  createList(init: readonly Json[], meta?: null, privacy?: Privacy): RawList;
  createStream(init?: readonly Json[], privacy?: Privacy): RawFeed;
}

export type Role = "admin" | "manager" | "writer" | "reader" | "writeOnly" | "revoked";
export type Privacy = "private" | "trusting";

export interface RawMap {
  readonly id: CoId;
  readonly core: Core;
  get(key: string): Json | undefined;
  set(key: string, value: Json, privacy?: Privacy): void;
  keys(): readonly string[];
  toJSON(): Readonly<Record<string, Json>>;
}

export interface RawList {
  readonly id: CoId;
  readonly core: Core;
  append(item: Json, after?: number, privacy?: Privacy): void;
  asArray(): readonly Json[];
}

export interface FeedItem {
  readonly value: Json;
  readonly tx: { readonly sessionID: SessionId; readonly txIndex: number };
  readonly madeAt: number;
}

export interface RawFeed {
  readonly id: CoId;
  readonly core: Core;
  /** Counted up when its items are made anew, as after a change of roles. */
  readonly version: number;
  readonly totalValidTransactions: number;
  readonly items: Readonly<Record<SessionId, readonly FeedItem[]>>;
  push(item: Json, privacy?: Privacy): void;
}

export interface Core {
  readonly id: CoId;
  isAvailable(): boolean;
  isCompletelyDownloaded(): boolean;
  makeTransaction(changes: readonly Json[], privacy: Privacy): boolean;
  getCurrentContent(): unknown;
  subscribe(listener: (core: Core) => void, immediate?: boolean): () => void;
  knownState(): { readonly header: boolean; readonly sessions: Readonly<Record<SessionId, number>> };
  newContentSince(known?: unknown): readonly SyncMessage[] | undefined;
}

export interface Channel {
  push(message: unknown): void;
  close(): void;
  onMessage(listener: (message: unknown) => void): void;
  onClose(listener: () => void): void;
}

export interface Peer {
  readonly id: string;
  readonly role: "server" | "client";
  readonly incoming: Channel;
  readonly outgoing: { push(message: unknown): void; close(): void; onClose(listener: () => void): void };
  readonly persistent?: boolean;
}

export interface Node {
  readonly currentSessionID: SessionId;
  readonly syncManager: { addPeer(peer: Peer): void; removePeer?(id: string): void };
  getCoValue(id: CoId): Core;
  load(id: CoId, skipRetry?: boolean): Promise<unknown>;
  createGroup(): Group;
  gracefulShutdown(): unknown;
}

export interface Crypto {
  newRandomAgentSecret(): string;
  getAgentID(secret: string): string;
  getAgentSignerSecret(secret: string): string;
  getAgentSignerID(agent: string): string;
  newRandomSessionID(owner: string): SessionId;
  sign(signer: string, message: Json): string;
  verify(signature: string, message: Json, signer: string): boolean;
}

export interface Account {
  readonly accountID: CoId;
  readonly accountSecret: string;
}

interface NodeClass {
  new (agentSecret: string, session: SessionId, crypto: Crypto): Node;
  withNewlyCreatedAccount(options: {
    creationProps: { name: string };
    crypto: Crypto;
    peers: readonly Peer[];
  }): Promise<{ node: Node; accountID: CoId; accountSecret: string; sessionID: SessionId }>;
  withLoadedAccount(options: Account & { sessionID: SessionId; crypto: Crypto; peers: readonly Peer[] }): Promise<Node>;
}

/** The Jazz core, loaded. One crypto for all nodes of a process. */
export interface Library {
  readonly LocalNode: NodeClass;
  readonly Channel: new () => Channel;
  readonly crypto: Crypto;
}

/** How the optional piece is had. */
export const INSTALL = "npm run install:jazz";

/** Folders that may hold the optional piece: named by the user, a clone's, a user's own project. */
function folders(): readonly string[] {
  const named = process.env["ROLLCALL_JAZZ"];
  const found: string[] = named === undefined || named === "" ? [] : [resolve(named)];
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    found.push(join(folder, "optional", "jazz"));
    if (dirname(folder) === folder) break;
  }
  return [...found, process.cwd()];
}

/** The folder whose `node_modules` holds a package; undefined when none does. */
export function folderWith(name: string): string | undefined {
  return folders().find((folder) => existsSync(join(folder, "node_modules", name, "package.json")));
}

/** Why sessions of this protocol cannot run here; undefined when they can. */
export function missing(): string | undefined {
  if (folderWith("cojson") !== undefined) return undefined;
  return `the Jazz libraries are not installed: \`${INSTALL}\` in a clone, or \`npm install cojson@0.20.19\` and \`ROLLCALL_JAZZ=<its folder>\``;
}

let loading: Promise<Library> | undefined;

/**
 * Loads the Jazz core once a process: in native code where that is here, else in WebAssembly.
 * @throws HarnessError `usage` when it is not installed.
 */
export function loadLibrary(): Promise<Library> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Library> {
  const folder = folderWith("cojson");
  if (folder === undefined) throw new HarnessError("usage", missing() ?? "", { hint: INSTALL });
  const require = createRequire(join(folder, "package.json"));
  const load = async (name: string): Promise<Readonly<Record<string, unknown>>> =>
    (await import(pathToFileURL(require.resolve(name)).href)) as Readonly<Record<string, unknown>>;
  const core = await load("cojson");
  (core["logger"] as { setLevel(level: number): void }).setLevel(LOG_NOTHING);
  const internals = core["cojsonInternals"] as { ConnectedPeerChannel: new () => Channel };
  return { LocalNode: core["LocalNode"] as NodeClass, Channel: internals.ConnectedPeerChannel, crypto: await cryptoOf(load) };
}

/** The library's own log goes to the console, beside reports; what matters shows in observations. */
const LOG_NOTHING = 5;

async function cryptoOf(load: (name: string) => Promise<Readonly<Record<string, unknown>>>): Promise<Crypto> {
  type Maker = { create(): Promise<Crypto> };
  try {
    return await ((await load("cojson/crypto/NapiCrypto"))["NapiCrypto"] as Maker).create();
  } catch {
    return ((await load("cojson/crypto/WasmCrypto"))["WasmCrypto"] as Maker).create();
  }
}
