import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { type CborValue, cidBytes, cidText, decodeCbor, isCid, isMap, isReal, realValue } from "../../dag-cbor.ts";

type Argument = null | number | bigint | string | Uint8Array;

/** Payloads are decoded once for all functions that a statement calls on them; as many as one window holds. */
const DECODED_MAX = 64;
const PATHS_MAX = 1_000;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The functions that a module may call beside SQLite's own (protocol §2.3). */
export function defineFunctions(database: DatabaseSync): void {
  const define = (name: string, act: (...given: Argument[]) => SQLInputValue): void =>
    database.function(
      name,
      { deterministic: true, varargs: true, useBigIntArguments: true },
      act as (...given: SQLInputValue[]) => SQLInputValue,
    );
  const stop =
    (head: string) =>
    (...given: Argument[]): SQLInputValue => {
      throw new Error(`${head}: ${given.map(argumentText).join(" ")}`);
    };
  define("unauthorized", stop("Unauthorized"));
  define("throw", stop("Exception thrown"));
  define("drisl_extract", (payload, path) => {
    const found = lookUp("drisl_extract", payload, path);
    return found === undefined ? null : toSql(found);
  });
  define("drisl_exists", (payload, path) => (lookUp("drisl_exists", payload, path) === undefined ? 0n : 1n));
}

function argumentText(value: Argument): string {
  if (value === null) return "NULL";
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex").toUpperCase() : String(value);
}

const decoded = new Map<string, CborValue>();

function decode(name: string, payload: Uint8Array): CborValue {
  const key = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("latin1");
  const known = decoded.get(key);
  if (known !== undefined) return known;
  const read = decodeCbor(payload);
  if (!read.ok) throw new Error(`${name}: the payload is no DRISL: ${read.problem}`);
  if (decoded.size >= DECODED_MAX) decoded.clear();
  decoded.set(key, read.value);
  return read.value;
}

function lookUp(name: string, payload: Argument | undefined, path: Argument | undefined): CborValue | undefined {
  if (payload === null) return undefined;
  if (!(payload instanceof Uint8Array)) throw new Error(`${name}: the first argument must be a blob`);
  if (typeof path !== "string") throw new Error(`${name}: the second argument must be a path`);
  let value: CborValue | undefined = decode(name, payload);
  for (const segment of segmentsOf(path)) {
    if (value === undefined) return undefined;
    value = step(value, segment);
  }
  return value;
}

type Segment = { readonly field: string } | { readonly index: number } | "discriminant";

const paths = new Map<string, readonly Segment[]>();

function segmentsOf(path: string): readonly Segment[] {
  const known = paths.get(path);
  if (known !== undefined) return known;
  const parsed = parsePath(path);
  if (paths.size >= PATHS_MAX) paths.clear();
  paths.set(path, parsed);
  return parsed;
}

const SEGMENT = /^\.(?:([$A-Za-z][A-Za-z0-9]*)|(\d+)|(\?discriminant)|"((?:[^"\\]|\\["\\])*)")/;

/** @throws Error when the path has another form. */
export function parsePath(path: string): readonly Segment[] {
  const segments: Segment[] = [];
  let rest = path;
  while (rest !== "" || segments.length === 0) {
    const [whole, field, index, discriminant, quoted] = SEGMENT.exec(rest) ?? [];
    if (whole === undefined) throw new Error(`the path "${path}" is none`);
    if (field !== undefined) segments.push({ field });
    else if (index !== undefined) segments.push({ index: Number(index) });
    else if (discriminant !== undefined) segments.push("discriminant");
    else segments.push({ field: (quoted ?? "").replace(/\\(["\\])/g, "$1") });
    rest = rest.slice(whole.length);
  }
  return segments;
}

function step(value: CborValue, segment: Segment): CborValue | undefined {
  if (segment === "discriminant") {
    if (typeof value === "string") return value;
    const keys = isMap(value) ? Object.keys(value) : [];
    return keys.length === 1 ? keys[0] : undefined;
  }
  if ("index" in segment) return Array.isArray(value) ? (value as readonly CborValue[])[segment.index] : undefined;
  return isMap(value) && Object.hasOwn(value, segment.field) ? value[segment.field] : undefined;
}

function toSql(value: CborValue): SQLInputValue {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return BigInt(value);
  if (typeof value === "bigint") return value > INT64_MAX || value < INT64_MIN ? value.toString() : value;
  if (value instanceof Uint8Array) return value;
  if (isReal(value)) return realValue(value);
  if (isCid(value)) return cidBytes(value);
  return toJson(value);
}

/** DAG-JSON: bytes and links in their own forms, everything else as JSON. */
function toJson(value: CborValue): string {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return `{"/":{"bytes":"${Buffer.from(value).toString("base64").replace(/=+$/, "")}"}}`;
  if (isReal(value)) return Number.isInteger(realValue(value)) ? `${realValue(value)}.0` : String(realValue(value));
  if (isCid(value)) return `{"/":"${cidText(value)}"}`;
  if (Array.isArray(value)) return `[${(value as readonly CborValue[]).map(toJson).join(",")}]`;
  if (isMap(value))
    return `{${Object.entries(value)
      .map(([key, each]) => `${JSON.stringify(key)}:${toJson(each)}`)
      .join(",")}}`;
  return JSON.stringify(value);
}
