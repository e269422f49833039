import { type CborMap, type CborValue, cidText, decodeCbor, isCid, isMap } from "../dag-cbor.ts";
import { type SqlValue, sqlFromCbor } from "../messages.ts";
import type { WindowRequest } from "./sql/window.ts";

/** What a caller got wrong; its text goes back as the call's Err. */
export class BadArgument extends Error {
  override readonly name = "BadArgument";
}

/** The argument of a call: DAG-CBOR of a map, keys in any order. @throws BadArgument */
export function readArgument(payload: unknown): CborMap {
  if (!(payload instanceof Uint8Array)) throw new BadArgument("The argument must be bytes");
  const decoded = decodeCbor(payload, { anyKeyOrder: true });
  if (!decoded.ok) throw new BadArgument(`The argument is no DAG-CBOR: ${decoded.problem}`);
  if (!isMap(decoded.value)) throw new BadArgument("The argument must be a map");
  return decoded.value;
}

function missing(name: string, kind: string): BadArgument {
  return new BadArgument(`\`${name}\` must be ${kind}`);
}

export function textOf(map: CborMap, name: string): string {
  const value = map[name];
  if (typeof value !== "string") throw missing(name, "a text");
  return value;
}

export function textOrNull(map: CborMap, name: string): string | null {
  const value = map[name];
  if (value !== null && typeof value !== "string") throw missing(name, "a text or null");
  return value;
}

export function optionalText(map: CborMap, name: string): string | undefined {
  return map[name] === undefined || map[name] === null ? undefined : textOf(map, name);
}

export function cidOf(map: CborMap, name: string): string {
  const value = map[name];
  if (!isCid(value)) throw missing(name, "a CID");
  return cidText(value);
}

export function valueOf(map: CborMap, name: string): CborValue {
  const value = map[name];
  if (value === undefined) throw missing(name, "there");
  return value;
}

export function payloadsOf(map: CborMap, name: string): readonly Uint8Array[] {
  const value = map[name];
  if (!Array.isArray(value)) throw missing(name, "a list of bytes");
  return (value as readonly CborValue[]).map((item) => {
    if (!(item instanceof Uint8Array)) throw missing(name, "a list of bytes");
    return item;
  });
}

export function queryOf(map: CborMap): WindowRequest {
  const query = map["query"];
  if (!isMap(query)) throw missing("query", "a map");
  const params = query["params"];
  if (!isMap(params)) throw missing("params", "a map");
  const read: Record<string, SqlValue> = {};
  for (const name of Object.keys(params)) {
    const value = sqlFromCbor(params[name]);
    if (value === undefined) throw missing(name, "a value with its $type");
    read[name] = value;
  }
  return { name: textOf(query, "name"), params: read, start: integerOf(query, "start"), limit: integerOf(query, "limit") };
}

function integerOf(map: CborMap, name: string): bigint | undefined {
  const value = map[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" && typeof value !== "bigint") throw missing(name, "an integer");
  return BigInt(value);
}
