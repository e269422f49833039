import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { constants, DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { defineFunctions } from "./functions.ts";
import { mayDo, type Part } from "./rights.ts";
import type { SqliteValue } from "./rows.ts";
import { splitStatements } from "./statements.ts";

const LOG_SCHEMA = `create table if not exists events.events (idx integer primary key, user text not null, payload blob not null, signature blob);
create table if not exists events.stream_state (id integer primary key check (id = 1), stream_did text not null, module_cid text, module_event_cursor integer);`;

/** The incoming event; its columns are the materializer's, and for the authorizer `idx` is NULL. */
const EVENT_SCHEMA = "create temp table event (idx integer, user text not null, payload blob not null)";

/** A process that was killed lets go of its files within milliseconds. */
const LOCK_MS_MAX = 5_000;

/** SQL of a module, compiled when it is first run. */
export interface Script {
  readonly part: Part;
  readonly texts: readonly string[];
  compiled: readonly StatementSync[] | undefined;
}

export function scriptOf(part: Part, sql: string): Script {
  return { part, texts: splitStatements(sql), compiled: undefined };
}

/**
 * The three databases of one stream on one connection: `main` with the module's views, `events` with the log, `state`.
 * A process that is killed loses no committed write (WAL; the kernel has it); against a loss of power it would need
 * `synchronous=FULL`.
 */
export class StreamDatabase {
  readonly #database: DatabaseSync;
  readonly #own: Map<string, StatementSync> = new Map();
  #part: Part = "own";

  constructor(folder: string, generation: number, letsModulesWriteLog: boolean) {
    mkdirSync(folder, { recursive: true });
    this.#database = new DatabaseSync(mainFile(folder, generation), { allowExtension: false, timeout: LOCK_MS_MAX });
    const path = (name: string): string => join(folder, name).replaceAll("'", "''");
    this.#database.exec(
      `pragma main.locking_mode = exclusive; attach '${path("events.db")}' as events; attach '${path("state.db")}' as state;`,
    );
    for (const name of ["main", "events", "state"]) {
      this.#database.exec(
        `pragma ${name}.locking_mode = exclusive; pragma ${name}.journal_mode = wal; pragma ${name}.synchronous = normal; pragma ${name}.cache_size = -512;`,
      );
    }
    this.#database.exec(LOG_SCHEMA);
    this.#database.exec(EVENT_SCHEMA);
    defineFunctions(this.#database);
    this.#database.setAuthorizer((action, first, second, database) =>
      mayDo(this.#part, action, first, second, database) || (letsModulesWriteLog && database === "events")
        ? constants.SQLITE_OK
        : constants.SQLITE_DENY,
    );
  }

  /** Runs the server's own SQL, compiled once. */
  run(sql: string, ...given: SQLInputValue[]): void {
    this.#statement(sql).run(...given);
  }

  get(sql: string, ...given: SQLInputValue[]): Record<string, SqliteValue> | undefined {
    return this.#statement(sql).get(...given);
  }

  all(sql: string, ...given: SQLInputValue[]): readonly Record<string, SqliteValue>[] {
    return this.#statement(sql).all(...given);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#own.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      this.#own.set(sql, statement);
    }
    return statement;
  }

  /** Runs a module's script. @throws Error with what SQLite or the module says. */
  perform(script: Script): void {
    this.as(script.part, () => {
      for (const statement of this.compiled(script)) statement.all();
    });
  }

  /** Runs statements that make what later ones of them use: each is compiled when its turn comes. */
  performOnce(script: Script): void {
    this.as(script.part, () => {
      for (const sql of script.texts) this.#database.prepare(sql).all();
    });
  }

  compiled(script: Script): readonly StatementSync[] {
    script.compiled ??= script.texts.map((sql) => {
      const statement = this.#database.prepare(sql);
      statement.setReadBigInts(true);
      statement.setAllowUnknownNamedParameters(true);
      statement.setReturnArrays(true);
      return statement;
    });
    return script.compiled;
  }

  /** SQLite asks for rights when a statement is compiled, which it may do again at any run. */
  as<T>(part: Part, act: () => T): T {
    const before = this.#part;
    this.#part = part;
    try {
      return act();
    } finally {
      this.#part = before;
    }
  }

  /** All of what `act` does, or nothing. */
  transaction<T>(act: () => T): T {
    this.run("begin");
    try {
      const value = act();
      this.run("commit");
      return value;
    } catch (error) {
      if (this.#database.isTransaction) this.run("rollback");
      throw error;
    }
  }

  /** Whether a module's authorizer asks for a column that the incoming event has only once it is stored. */
  compilesWithoutPosition(script: Script): string | undefined {
    this.#database.exec(
      "alter table temp.event rename to event_stored; create temp table event (user text not null, payload blob not null)",
    );
    try {
      this.as(script.part, () => {
        for (const sql of script.texts) this.#database.prepare(sql);
      });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#database.exec("drop table temp.event; alter table temp.event_stored rename to event");
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function mainFile(folder: string, generation: number): string {
  return join(folder, `main-${generation}.db`);
}

export function removeMain(folder: string, generation: number): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(mainFile(folder, generation) + suffix, { force: true });
}
