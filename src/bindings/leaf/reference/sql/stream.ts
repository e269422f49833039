import type { SQLInputValue } from "node:sqlite";
import type { SqlValue } from "../../messages.ts";
import type { SqlFaults } from "../faults.ts";
import { removeMain, type Script, scriptOf, StreamDatabase } from "./database.ts";
import type { StoredModule, StoredQuery } from "./module.ts";
import { type Columns, columnsOf, type SqliteValue } from "./rows.ts";
import { readWindow, type WindowRequest } from "./window.ts";

const EVENT_CLEAR = "delete from temp.event";
const EVENT_SET = "insert into temp.event (idx, user, payload) values (?, ?, ?)";
const APPEND = "insert into events.events (idx, user, payload, signature) values (?, ?, ?, null)";

interface Compiled {
  readonly module: StoredModule;
  readonly authorizer: Script;
  readonly authorizerProblem: string | undefined;
  readonly materializer: Script;
  readonly stateMaterializer: Script;
  readonly queries: ReadonlyMap<string, { readonly query: StoredQuery; readonly script: Script; columns: Columns | undefined }>;
}

/** Rows of a query with what they are called. */
export interface Answer {
  readonly columns: Columns;
  readonly rows: readonly (readonly SqliteValue[])[];
}

/**
 * One stream: its log, its module, its views. Everything here is synchronous, and all of a batch happens in one
 * transaction: nobody sees half of it.
 */
export class Stream {
  readonly did: string;
  readonly #folder: string;
  readonly #faults: SqlFaults;
  #database: StreamDatabase;
  #compiled: Compiled;
  #generation: number;
  #head: number;

  /** @throws Error when the module's own SQL fails. */
  constructor(did: string, folder: string, loadModule: (cid: string) => StoredModule, moduleCid: string | undefined, faults: SqlFaults) {
    this.did = did;
    this.#folder = folder;
    this.#faults = faults;
    this.#generation = 0;
    this.#database = new StreamDatabase(folder, 0, faults.letsModulesWriteLog);
    const state = this.#database.get("select module_cid from events.stream_state where id = 1");
    this.#generation = Number(this.#database.get("pragma events.user_version")?.["user_version"] ?? 0);
    if (this.#generation > 0) {
      this.#database.close();
      removeMain(folder, 0);
      this.#database = new StreamDatabase(folder, this.#generation, faults.letsModulesWriteLog);
    }
    const cid = typeof state?.["module_cid"] === "string" ? state["module_cid"] : moduleCid;
    if (cid === undefined) throw new Error("the stream has no module");
    this.#compiled = this.#compile(loadModule(cid));
    if (faults.forgotten > 0)
      this.#database.run("delete from events.events where idx > (select max(idx) from events.events) - ?", BigInt(faults.forgotten));
    this.#head = this.#lastPosition();
    if (state === undefined) this.#found(cid);
    else if (this.#viewsAt() !== this.#head) this.#rebuild(this.#compiled.module);
    else this.#checkAuthorizer();
  }

  get head(): number {
    return this.#head;
  }

  get moduleCid(): string {
    return this.#compiled.module.cid;
  }

  #lastPosition(): number {
    return Number(this.#database.get("select coalesce(max(idx), 0) as head from events.events")?.["head"] ?? 0);
  }

  /** Up to which position the views on disk are made; it stands in their file, so that it can not be apart from them. */
  #viewsAt(): number {
    return Number(this.#database.get("pragma main.user_version")?.["user_version"] ?? 0);
  }

  #compile(module: StoredModule): Compiled {
    const authorizer = scriptOf("authorizer", module.authorizer);
    return {
      module,
      authorizer,
      authorizerProblem: undefined,
      materializer: scriptOf("materializer", module.materializer),
      stateMaterializer: scriptOf("stateMaterializer", module.stateMaterializer),
      queries: new Map(module.queries.map((query) => [query.name, { query, script: scriptOf("query", query.sql), columns: undefined }])),
    };
  }

  #found(cid: string): void {
    const { module } = this.#compiled;
    this.#database.transaction(() => {
      this.#database.performOnce(scriptOf("init", module.initSql));
      this.#database.performOnce(scriptOf("stateInit", module.stateInitSql));
      this.#database.run(
        "insert into events.stream_state (id, stream_did, module_cid, module_event_cursor) values (1, ?, ?, 0)",
        this.did,
        cid,
      );
    });
    this.#checkAuthorizer();
  }

  #checkAuthorizer(): void {
    const problem = this.#database.compilesWithoutPosition(this.#compiled.authorizer);
    this.#compiled = { ...this.#compiled, authorizerProblem: problem };
  }

  /**
   * Appends a batch: each event is judged on what those before it did, stored, and materialised.
   * @throws Error of the first event that is refused; then nothing of the batch is there.
   */
  append(user: string, payloads: readonly Uint8Array[]): void {
    const { authorizer, authorizerProblem, materializer } = this.#compiled;
    if (authorizerProblem !== undefined) throw new Error(authorizerProblem);
    const before = this.#head;
    const database = this.#database;
    const one = (payload: Uint8Array, index: number): void => {
      if (this.#faults.judges(index, payloads.length, this.#head)) {
        database.run(EVENT_CLEAR);
        database.run(EVENT_SET, null, user, payload);
        database.perform(authorizer);
      }
      const idx = this.#faults.nextPosition(this.#head);
      database.run(APPEND, BigInt(idx), user, this.#faults.stored(payload, idx));
      this.#head = idx;
      if (!this.#faults.materialises(idx, payload)) return;
      database.run(EVENT_CLEAR);
      database.run(EVENT_SET, BigInt(idx), user, payload);
      database.perform(materializer);
    };
    try {
      if (this.#faults.isAtomic(payloads.length)) {
        database.transaction(() => {
          for (const [index, payload] of payloads.entries()) one(payload, index);
          this.#noteViews();
        });
      } else {
        for (const [index, payload] of payloads.entries()) database.transaction(() => one(payload, index));
        this.#noteViews();
      }
    } catch (error) {
      this.#head = this.#faults.isAtomic(payloads.length) ? this.#faults.headAfterRefusal(before, this.#head) : this.#lastPosition();
      throw error;
    }
  }

  #noteViews(): void {
    this.#database.run(`pragma main.user_version = ${this.#head}`);
  }

  /** State events have no position and are not kept; the authorizer does not see them. */
  appendState(user: string, payloads: readonly Uint8Array[]): void {
    const { stateMaterializer } = this.#compiled;
    const database = this.#database;
    const one = (payload: Uint8Array): void => {
      if (this.#faults.logsStateEvent(payload)) {
        this.#head += 1;
        database.run(APPEND, BigInt(this.#head), user, payload);
        this.#noteViews();
      }
      database.run(EVENT_CLEAR);
      database.run(EVENT_SET, null, user, payload);
      database.perform(stateMaterializer);
    };
    if (this.#faults.isStateAtomic)
      database.transaction(() => {
        for (const payload of payloads) one(payload);
      });
    else for (const payload of payloads) one(payload);
  }

  /** Drops what is in `state`, and makes it anew. */
  clearState(): void {
    const database = this.#database;
    database.transaction(() => {
      const things = database.all(
        "select type, name from state.sqlite_master where name not like 'sqlite_%' and type in ('view', 'table')",
      );
      for (const { type, name } of things) database.run(`drop ${String(type)} if exists state."${String(name).replaceAll('"', '""')}"`);
      database.performOnce(scriptOf("stateInit", this.#compiled.module.stateInitSql));
    });
    this.#compiled = { ...this.#compile(this.#compiled.module), authorizerProblem: this.#compiled.authorizerProblem };
  }

  /** A fresh `main`, made from the whole log by another module. @throws Error when its SQL fails: then all is as before. */
  update(module: StoredModule): void {
    this.#rebuild(module);
  }

  #rebuild(module: StoredModule): void {
    const old = { compiled: this.#compiled, generation: this.#generation };
    this.#database.close();
    this.#generation += 1;
    removeMain(this.#folder, this.#generation);
    this.#database = new StreamDatabase(this.#folder, this.#generation, this.#faults.letsModulesWriteLog);
    this.#compiled = this.#compile(module);
    try {
      this.#replay(module);
      removeMain(this.#folder, old.generation);
      this.#checkAuthorizer();
    } catch (error) {
      this.#database.close();
      removeMain(this.#folder, this.#generation);
      this.#generation = old.generation;
      this.#database = new StreamDatabase(this.#folder, old.generation, this.#faults.letsModulesWriteLog);
      this.#compiled = { ...this.#compile(old.compiled.module), authorizerProblem: old.compiled.authorizerProblem };
      throw error;
    }
  }

  #replay(module: StoredModule): void {
    const database = this.#database;
    database.transaction(() => {
      database.performOnce(scriptOf("init", module.initSql));
      database.performOnce(scriptOf("stateInit", module.stateInitSql));
      const { materializer } = this.#compiled;
      for (let from = 1; from <= this.#head; from += 1000) {
        const events = database.all(
          "select idx, user, payload from events.events where idx >= ? and idx < ? order by idx",
          BigInt(from),
          BigInt(from + 1000),
        );
        for (const { idx, user, payload } of this.#faults.replayed(events)) {
          database.run(EVENT_CLEAR);
          database.run(EVENT_SET, idx ?? null, user ?? null, payload ?? null);
          database.perform(materializer);
        }
      }
      this.#noteViews();
      database.run("update events.stream_state set module_cid = ?, module_event_cursor = ? where id = 1", module.cid, BigInt(this.#head));
      database.run(`pragma events.user_version = ${this.#generation}`);
    });
  }

  /** Runs a query over a window of positions. @throws Error when it is not there, its parameters do not fit, or its SQL fails. */
  query(request: WindowRequest, user: string | undefined): Answer {
    const found = this.#compiled.queries.get(request.name);
    if (found === undefined) throw new Error(`Query with name \`${request.name}\` not in module.`);
    const window = readWindow(request, this.#faults);
    const bound: Record<string, SQLInputValue> = {
      ...this.#bind(found.query, request.params),
      $start: window.start,
      $limit: window.limit,
      $requesting_user: this.#faults.requestingUser(user ?? null, request.name),
    };
    const rows = this.#database.as("query", () => {
      const statements = this.#database.compiled(found.script);
      let last: unknown = [];
      for (const [index, statement] of statements.entries()) {
        if (index < statements.length - 1 && !this.#faults.guards(user)) continue;
        last = statement.all(bound);
      }
      found.columns ??= columnsOf((statements.at(-1)?.columns() ?? []).map((column) => column.name));
      return last as readonly (readonly SqliteValue[])[];
    });
    return { columns: found.columns ?? columnsOf([]), rows };
  }

  #bind({ params }: StoredQuery, given: Readonly<Record<string, SqlValue>>): Record<string, SQLInputValue> {
    const bound: Record<string, SQLInputValue> = {};
    for (const name of Object.keys(given))
      if (!params.some((each) => each.name === name)) throw new Error(`The query has no parameter \`${name}\``);
    for (const { name, kind, optional } of params) {
      const value = given[name];
      if (value === undefined || value.kind === "null") {
        if (!optional && this.#faults.demandsParameters) throw new Error(`The parameter \`${name}\` is missing`);
        bound[`$${name}`] = null;
      } else {
        if (kind !== "any" && kind !== value.kind && this.#faults.demandsParameters)
          throw new Error(`The parameter \`${name}\` is no ${kind}`);
        bound[`$${name}`] = this.#faults.parameter(value.kind === "integer" ? BigInt(value.value) : value.value);
      }
    }
    return bound;
  }

  /** Throws where the query is not there or its parameters do not fit: what a subscription cannot go on with. */
  checkQuery(request: WindowRequest): void {
    const found = this.#compiled.queries.get(request.name);
    if (found === undefined) throw new Error(`Query with name \`${request.name}\` not in module.`);
    this.#bind(found.query, request.params);
  }

  close(): void {
    this.#database.close();
  }
}
