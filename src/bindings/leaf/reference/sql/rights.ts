import { constants } from "node:sqlite";

/** Whose SQL is running. `own`: the server's. */
export type Part = "own" | "init" | "authorizer" | "materializer" | "stateInit" | "stateMaterializer" | "query";

/** Which databases a part may write (L-13); all of them may be read by all. */
const WRITABLE: Readonly<Record<Exclude<Part, "own">, ReadonlySet<string>>> = {
  init: new Set(["main", "temp"]),
  authorizer: new Set(["temp"]),
  materializer: new Set(["main", "temp", "state"]),
  stateInit: new Set(["state", "temp"]),
  stateMaterializer: new Set(["state", "temp"]),
  query: new Set(["temp"]),
};

const READING: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE,
]);

/** Those whose database stands in the first argument instead of the third. */
const DATABASE_FIRST: ReadonlySet<number> = new Set([constants.SQLITE_ALTER_TABLE]);

const WRITING: ReadonlySet<number> = new Set([
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_TEMP_TABLE,
  constants.SQLITE_DROP_TEMP_INDEX,
  constants.SQLITE_DROP_TEMP_VIEW,
  constants.SQLITE_DROP_TEMP_TRIGGER,
  constants.SQLITE_CREATE_VTABLE,
  constants.SQLITE_DROP_VTABLE,
  constants.SQLITE_ALTER_TABLE,
  constants.SQLITE_REINDEX,
  constants.SQLITE_ANALYZE,
]);

const FORBIDDEN_FUNCTIONS: ReadonlySet<string> = new Set(["load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"]);

/** What SQLite asks before it compiles a statement: attaching, pragmas, transactions and everything unknown are refused. */
export function mayDo(part: Part, action: number, first: string | null, second: string | null, database: string | null): boolean {
  if (part === "own") return true;
  if (action === constants.SQLITE_FUNCTION) return !FORBIDDEN_FUNCTIONS.has((second ?? "").toLowerCase());
  if (READING.has(action)) return true;
  if (!WRITING.has(action)) return false;
  return WRITABLE[part].has((DATABASE_FIRST.has(action) ? first : database) ?? "main");
}
