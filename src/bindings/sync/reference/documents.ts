import { createHash } from "node:crypto";
import { decodeImportBlobMeta, LoroDoc, VersionVector } from "loro-crdt";
import type { Faults } from "./faults.ts";
import type { Store } from "./store.ts";

/** Updates of one document that wait for their causes (Y-3a). */
const WAITING_BYTES_MAX = 64 * 1024 * 1024;
/** Documents in memory that nobody is subscribed to: a document of 10,000 updates takes 3 MB. */
const IDLE_MAX = 500;
/** Where the fault of large documents cuts. */
const CELL_BYTES = 64 * 1024;

interface Loaded {
  readonly doc: LoroDoc;
  /** Updates whose causes are not there yet, by the hash of their bytes. */
  readonly waiting: Map<string, { readonly bytes: Uint8Array; readonly end: VersionVector }>;
  waitingBytes: number;
}

/** What came of an update: `new` is stored and to be passed on. */
export type Taken = "new" | "nothing-new" | "unreadable" | "full";

/** Documents by Loro over a store. */
export interface Documents {
  /** All that the vector lacks, then what waits; empty for a document that does not exist, undefined for no vector. */
  missing(entity: string, versionVector: Uint8Array): readonly Uint8Array[] | undefined;
  take(entity: string, bytes: Uint8Array): Taken;
  /** An update that another instance has stored already. */
  takeStored(entity: string, bytes: Uint8Array): Taken;
  /** While it is held a document stays in memory. */
  hold(entity: string): void;
  release(entity: string): void;
}

export function createDocuments(store: Store, is: Faults): Documents {
  const loaded = new Map<string, Loaded>();
  const held = new Map<string, number>();

  const load = (entity: string): Loaded => {
    const known = loaded.get(entity);
    if (known !== undefined) {
      loaded.delete(entity);
      loaded.set(entity, known);
      return known;
    }
    const fresh: Loaded = { doc: new LoroDoc(), waiting: new Map(), waitingBytes: 0 };
    // Detached: only the history is kept. Working out the state at each import would cost fourteen times as much, and
    // this server never looks at it.
    fresh.doc.detach();
    for (const bytes of store.updatesOf(entity)) importInto(fresh, bytes);
    loaded.set(entity, fresh);
    if (loaded.size - held.size > IDLE_MAX) {
      for (const [name, each] of loaded) {
        if (held.has(name) || name === entity) continue;
        each.doc.free();
        loaded.delete(name);
        break;
      }
    }
    return fresh;
  };
  /** A document whose engine failed in the middle is read again from the store. */
  const takeInto = (entity: string, bytes: Uint8Array): Taken => {
    try {
      return importInto(load(entity), bytes);
    } catch {
      loaded.delete(entity);
      return "unreadable";
    }
  };

  return {
    missing: (entity, versionVector) => {
      let from: VersionVector;
      try {
        from = VersionVector.decode(versionVector);
      } catch {
        return undefined;
      }
      const { doc, waiting } = load(entity);
      if (doc.opCount() === 0 && waiting.size === 0) {
        from.free();
        return [];
      }
      const whole = doc.export({ mode: "update", from });
      from.free();
      const cut = is("large-document-is-cut") && whole.length > CELL_BYTES ? new LoroDoc().export({ mode: "update" }) : whole;
      return [cut, ...Array.from(waiting.values(), (each) => each.bytes)];
    },
    take: (entity, bytes) => {
      const taken = takeInto(entity, bytes);
      if (is("waiting-updates-are-dropped") && (loaded.get(entity)?.waiting.size ?? 0) > 0) {
        loaded.delete(entity);
        return taken;
      }
      if (taken === "new") store.append(entity, bytes);
      return taken;
    },
    takeStored: (entity, bytes) => (loaded.has(entity) ? takeInto(entity, bytes) : "nothing-new"),
    hold: (entity) => void held.set(entity, (held.get(entity) ?? 0) + 1),
    release: (entity) => {
      const count = (held.get(entity) ?? 1) - 1;
      if (count <= 0) held.delete(entity);
      else held.set(entity, count);
    },
  };
}

/** @throws what the document's engine throws when it fails otherwise than by refusing. */
function importInto(into: Loaded, bytes: Uint8Array): Taken {
  let status: ReturnType<LoroDoc["import"]>;
  try {
    status = into.doc.import(bytes);
  } catch (error) {
    if (/decode|invalid|checksum/i.test(String(error))) return "unreadable";
    throw error;
  }
  let isNew = false;
  for (const { start, end } of status.success.values()) isNew ||= end > start;
  if (isNew) settle(into);
  if (status.pending !== null && status.pending !== undefined && status.pending.size > 0) {
    const hash = createHash("sha256").update(bytes).digest("base64url");
    if (!into.waiting.has(hash)) {
      if (into.waitingBytes + bytes.length > WAITING_BYTES_MAX) return "full";
      into.waiting.set(hash, { bytes, end: decodeImportBlobMeta(bytes, false).partialEndVersionVector });
      into.waitingBytes += bytes.length;
      isNew = true;
    }
  }
  return isNew ? "new" : "nothing-new";
}

/** Forgets what no longer waits. */
function settle(into: Loaded): void {
  if (into.waiting.size === 0) return;
  const version = into.doc.oplogVersion();
  for (const [hash, { bytes, end }] of into.waiting) {
    const order = end.compare(version);
    if (order === undefined || order > 0) continue;
    into.waiting.delete(hash);
    into.waitingBytes -= bytes.length;
  }
  version.free();
}
