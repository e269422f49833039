import { type CborMap, type CborValue, type Cid, decodeCbor, isCid, isMap, isReal, real, realValue } from "./dag-cbor.ts";

/** A value of a row or a parameter, with its kind: an integer and a whole float are not the same. */
export type SqlValue =
  | { readonly kind: "null" }
  | { readonly kind: "integer"; readonly value: number | bigint }
  | { readonly kind: "real"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "blob"; readonly value: Uint8Array };

export type Row = Readonly<Record<string, SqlValue>>;

/** The answer to a call. */
export type Result = { readonly ok: true; readonly value: CborValue } | { readonly ok: false; readonly error: string };

/** News of a subscription: rows, or why there are none. */
export interface Notification {
  readonly subscriptionId: string;
  readonly response:
    | { readonly ok: true; readonly rows: readonly Row[]; readonly hasMore: boolean }
    | { readonly ok: false; readonly error: string };
}

/** A named query of a stream's module. */
export interface LeafQuery {
  readonly name: string;
  readonly params: Readonly<Record<string, SqlValue>>;
  readonly start?: number | bigint;
  readonly limit?: number | bigint;
}

export interface ModuleParameter {
  readonly name: string;
  readonly kind: "integer" | "real" | "text" | "blob" | "any";
  readonly optional: boolean;
}

/** What governs a stream: SQL for who may write, for the views, and for the questions. */
export interface BasicModule {
  readonly initSql: string;
  readonly authorizer: string;
  readonly materializer: string;
  readonly stateInitSql?: string;
  readonly stateMaterializer?: string;
  readonly queries: readonly { readonly name: string; readonly sql: string; readonly params: readonly ModuleParameter[] }[];
}

/** Greatest number of positions that one answer spans (L-7). */
export const WINDOW_MAX = 1000;

const PREFIX = "muni.town.sqliteValue.";
export const MODULE_TYPE = "muni.town.leaf.module.basic.v0" as const;

export const NULL: SqlValue = { kind: "null" };

export function text(value: string): SqlValue {
  return { kind: "text", value };
}

export function integer(value: number | bigint): SqlValue {
  return { kind: "integer", value };
}

/** The wire's form of a value. */
export function sqlToCbor(value: SqlValue): CborMap {
  if (value.kind === "null") return { $type: `${PREFIX}null` };
  return { $type: PREFIX + value.kind, value: value.kind === "real" ? real(value.value) : value.value };
}

/** A value by its wire form; undefined when kind and value do not fit. */
export function sqlFromCbor(form: CborValue | undefined): SqlValue | undefined {
  if (!isMap(form)) return undefined;
  const type = form["$type"];
  const value = form["value"];
  switch (type) {
    case "muni.town.sqliteValue.integer":
      return typeof value === "number" || typeof value === "bigint" ? { kind: "integer", value } : undefined;
    case "muni.town.sqliteValue.text":
      return typeof value === "string" ? { kind: "text", value } : undefined;
    case "muni.town.sqliteValue.blob":
      return value instanceof Uint8Array ? { kind: "blob", value } : undefined;
    case "muni.town.sqliteValue.real":
      return isReal(value) ? { kind: "real", value: realValue(value) } : undefined;
    case "muni.town.sqliteValue.null":
      return NULL;
    default:
      return undefined;
  }
}

/** The wire's form of a query. */
export function queryToCbor(query: LeafQuery): CborMap {
  return {
    name: query.name,
    params: Object.fromEntries(Object.entries(query.params).map(([name, value]) => [name, sqlToCbor(value)])),
    ...(query.start === undefined ? {} : { start: query.start }),
    ...(query.limit === undefined ? {} : { limit: query.limit }),
  };
}

/** The wire's form of a module. */
export function moduleToCbor(module: BasicModule): CborMap {
  const { initSql, authorizer, materializer, stateInitSql, stateMaterializer } = module;
  return {
    $type: MODULE_TYPE,
    initSql,
    authorizer,
    materializer,
    ...(stateInitSql === undefined ? {} : { stateInitSql }),
    ...(stateMaterializer === undefined ? {} : { stateMaterializer }),
    queries: module.queries.map(({ name, sql, params }) => ({
      name,
      sql,
      params: params.map((each) => ({ name: each.name, kind: each.kind, optional: each.optional })),
    })),
  };
}

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** An ACK's `Result`. */
export function readResult(payload: unknown): Read<Result> {
  if (!(payload instanceof Uint8Array)) return { ok: false, problem: "an answer that is no bytes" };
  const decoded = decodeCbor(payload, { anyKeyOrder: true });
  if (!decoded.ok) return { ok: false, problem: `an answer that is no DAG-CBOR: ${decoded.problem}` };
  const result = resultOf(decoded.value);
  return result === undefined ? { ok: false, problem: "an answer that is neither Ok nor Err" } : { ok: true, value: result };
}

function resultOf(value: CborValue | undefined): Result | undefined {
  if (!isMap(value)) return undefined;
  const { Ok: given, Err: error } = value;
  if (given !== undefined && error === undefined) return { ok: true, value: given };
  return typeof error === "string" && given === undefined ? { ok: false, error } : undefined;
}

/** The rows of a query's answer; undefined when they are none. */
export function rowsOf(value: CborValue): readonly Row[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const rows: Row[] = [];
  for (const form of value as readonly CborValue[]) {
    const row = rowOf(form);
    if (row === undefined) return undefined;
    rows.push(row);
  }
  return rows;
}

function rowOf(form: CborValue): Row | undefined {
  if (!isMap(form)) return undefined;
  const row: Record<string, SqlValue> = {};
  for (const name of Object.keys(form)) {
    const value = sqlFromCbor(form[name]);
    if (value === undefined) return undefined;
    row[name] = value;
  }
  return row;
}

/** The bytes of a `stream/subscription_response`. */
export function readNotification(payload: unknown): Read<Notification> {
  const malformed = (problem: string): Read<Notification> => ({ ok: false, problem: `a notification ${problem}` });
  if (!(payload instanceof Uint8Array)) return malformed("that is no bytes");
  const decoded = decodeCbor(payload, { anyKeyOrder: true });
  if (!decoded.ok) return malformed(`that is no DAG-CBOR: ${decoded.problem}`);
  if (!isMap(decoded.value)) return malformed("that is no map");
  const { subscriptionId, response } = decoded.value;
  const result = resultOf(response);
  if (typeof subscriptionId !== "string" || result === undefined) return malformed("without a subscription or a result");
  if (!result.ok) return { ok: true, value: { subscriptionId, response: result } };
  const rows = isMap(result.value) ? rowsOf(result.value["rows"] ?? null) : undefined;
  const hasMore = isMap(result.value) ? result.value["has_more"] : undefined;
  if (rows === undefined || typeof hasMore !== "boolean") return malformed("with rows of another form");
  return { ok: true, value: { subscriptionId, response: { ok: true, rows, hasMore } } };
}

/** The CID in an answer, such as `moduleCid`; undefined when it is none. */
export function cidField(value: CborValue, name: string): Cid | undefined {
  const field = isMap(value) ? value[name] : undefined;
  return isCid(field) ? field : undefined;
}

export function textField(value: CborValue, name: string): string | undefined {
  const field = isMap(value) ? value[name] : undefined;
  return typeof field === "string" ? field : undefined;
}

/** A value as text that is equal if and only if kind and value are. */
export function sqlText(value: SqlValue | undefined): string {
  if (value === undefined) return "absent";
  if (value.kind === "null") return "null";
  if (value.kind === "blob") return `blob ${Array.from(value.value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return `${value.kind} ${Object.is(value.value, -0) ? "-0" : value.value}`;
}

/** A row as canonical text: names sorted. */
export function rowText(row: Row): string {
  return Object.keys(row)
    .sort()
    .map((name) => `${name}: ${sqlText(row[name])}`)
    .join(", ");
}
