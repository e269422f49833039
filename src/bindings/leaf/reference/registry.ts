import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readModule } from "./sql/module.ts";

/** What the server itself knows of a stream. */
export interface StreamRecord {
  readonly did: string;
  readonly owner: string;
  readonly moduleCid: string;
  /** Private key of the stream: 32 bytes, k256. */
  readonly key: Uint8Array;
}

/** Modules and streams on disk. */
export interface Registry {
  /** Keeps a module under its CID, which it gives. @throws Error when it is none. */
  upload(bytes: Uint8Array): string;
  hasModule(cid: string): boolean;
  stream(did: string): StreamRecord | undefined;
  add(record: StreamRecord): void;
  setModule(did: string, moduleCid: string): void;
  dids(): readonly string[];
  close(): void;
}

const CID = /^b[a-z2-7]{50,70}$/;

export function openRegistry(dataDir: string): Registry {
  const modulesDir = join(dataDir, "modules");
  mkdirSync(modulesDir, { recursive: true });
  const database = new DatabaseSync(join(dataDir, "registry.db"), { timeout: 5_000 });
  database.exec(
    "pragma journal_mode = wal; pragma synchronous = normal; create table if not exists streams (did text primary key, owner text not null, module_cid text not null, key blob not null)",
  );
  const known = new Map<string, StreamRecord>();
  for (const row of database.prepare("select did, owner, module_cid, key from streams").all()) {
    const did = String(row["did"]);
    const key = row["key"];
    if (key instanceof Uint8Array) known.set(did, { did, owner: String(row["owner"]), moduleCid: String(row["module_cid"]), key });
  }
  const insert = database.prepare("insert into streams (did, owner, module_cid, key) values (?, ?, ?, ?)");
  const update = database.prepare("update streams set module_cid = ? where did = ?");
  const fileOf = (cid: string): string => join(modulesDir, `${cid}.cbor`);
  return {
    upload: (bytes) => {
      const { cid } = readModule(bytes);
      if (!existsSync(fileOf(cid))) {
        // Whoever reads it sees all of it or nothing.
        writeFileSync(`${fileOf(cid)}.new`, bytes);
        renameSync(`${fileOf(cid)}.new`, fileOf(cid));
      }
      return cid;
    },
    hasModule: (cid) => CID.test(cid) && existsSync(fileOf(cid)),
    stream: (did) => known.get(did),
    add: (record) => {
      insert.run(record.did, record.owner, record.moduleCid, record.key);
      known.set(record.did, record);
    },
    setModule: (did, moduleCid) => {
      update.run(moduleCid, did);
      const record = known.get(did);
      if (record !== undefined) known.set(did, { ...record, moduleCid });
    },
    dids: () => [...known.keys()],
    close: () => database.close(),
  };
}
