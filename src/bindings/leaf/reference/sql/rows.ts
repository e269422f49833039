import { encodeUtf8 } from "../../../../core/utf8.ts";

/** A value as SQLite gives it when integers are read as bigints: then a number is a float. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

const TYPE_HEADS = {
  integer: typeHead("integer"),
  real: typeHead("real"),
  text: typeHead("text"),
  blob: typeHead("blob"),
} as const;
/** `{ $type: "muni.town.sqliteValue.null" }`, whole. */
const NULL_VALUE = Buffer.concat([Buffer.from([0xa1]), textBytes("$type"), textBytes("muni.town.sqliteValue.null")]);

/** A map of two, its `$type`, and the key `value`. */
function typeHead(kind: string): Buffer {
  return Buffer.concat([Buffer.from([0xa2]), textBytes("$type"), textBytes(`muni.town.sqliteValue.${kind}`), textBytes("value")]);
}

function textBytes(text: string): Buffer {
  const bytes = encodeUtf8(text);
  return Buffer.concat([headBytes(3, bytes.length), bytes]);
}

function headBytes(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value]);
  const bytes = Buffer.alloc(5);
  bytes[0] = (major << 5) | 26;
  bytes.writeUInt32BE(value, 1);
  return value < 0x10000 ? Buffer.from([(major << 5) | 25, value >> 8, value & 255]) : bytes;
}

/** Columns in the order of DAG-CBOR keys; of a name used twice the last one stays. */
export interface Columns {
  readonly places: readonly number[];
  readonly keys: readonly Buffer[];
}

export function columnsOf(names: readonly string[]): Columns {
  const last = new Map<string, number>();
  for (const [place, name] of names.entries()) last.set(name, place);
  const sorted = [...last].map(([name, place]) => ({ place, key: textBytes(name), bytes: Buffer.from(encodeUtf8(name)) }));
  sorted.sort((left, right) => left.bytes.length - right.bytes.length || Buffer.compare(left.bytes, right.bytes));
  return { places: sorted.map((each) => each.place), keys: sorted.map((each) => each.key) };
}

/** One buffer for all encodings of this process; what is done is copied out. */
let buffer = Buffer.allocUnsafe(256 * 1024);
let end = 0;

function room(count: number): void {
  if (end + count <= buffer.length) return;
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, end + count));
  buffer.copy(larger, 0, 0, end);
  buffer = larger;
}

function put(bytes: Uint8Array): void {
  room(bytes.length);
  buffer.set(bytes, end);
  end += bytes.length;
}

function head(major: number, value: number): void {
  room(9);
  if (value < 24) buffer[end++] = (major << 5) | value;
  else if (value < 0x100) {
    buffer[end++] = (major << 5) | 24;
    buffer[end++] = value;
  } else if (value < 0x10000) {
    buffer[end++] = (major << 5) | 25;
    end = buffer.writeUInt16BE(value, end);
  } else {
    buffer[end++] = (major << 5) | 26;
    end = buffer.writeUInt32BE(value, end);
  }
}

function integer(value: bigint): void {
  const isNegative = value < 0n;
  const magnitude = isNegative ? -1n - value : value;
  if (magnitude <= 0xffff_ffffn) return head(isNegative ? 1 : 0, Number(magnitude));
  room(9);
  buffer[end++] = ((isNegative ? 1 : 0) << 5) | 27;
  end = buffer.writeBigUInt64BE(magnitude, end);
}

/** Values are written at once in their wire form: a window has thousands of them. */
function value(item: SqliteValue): void {
  if (item === null) put(NULL_VALUE);
  else if (typeof item === "bigint") {
    put(TYPE_HEADS.integer);
    integer(item);
  } else if (typeof item === "number") {
    put(TYPE_HEADS.real);
    room(9);
    buffer[end++] = 0xfb;
    end = buffer.writeDoubleBE(item, end);
  } else if (typeof item === "string") {
    put(TYPE_HEADS.text);
    const length = Buffer.byteLength(item);
    head(3, length);
    room(length);
    end += buffer.write(item, end, "utf8");
  } else {
    put(TYPE_HEADS.blob);
    head(2, item.length);
    put(item);
  }
}

function rows(columns: Columns, items: readonly (readonly SqliteValue[])[]): void {
  head(4, items.length);
  for (const item of items) {
    head(5, columns.places.length);
    for (const [index, place] of columns.places.entries()) {
      put(columns.keys[index] ?? NULL_VALUE);
      value(item[place] ?? null);
    }
  }
}

const OK = Buffer.concat([Buffer.from([0xa1]), textBytes("Ok")]);
const ERR = Buffer.concat([Buffer.from([0xa1]), textBytes("Err")]);
const RESPONSE = Buffer.concat([Buffer.from([0xa2]), textBytes("response")]);
const ROWS = Buffer.concat([Buffer.from([0xa2]), textBytes("rows")]);
const HAS_MORE = textBytes("has_more");
const SUBSCRIPTION_ID = textBytes("subscriptionId");

/** `{ Ok: SqlRow[] }` in DAG-CBOR. */
export function encodeRows(columns: Columns, items: readonly (readonly SqliteValue[])[]): Uint8Array {
  end = 0;
  put(OK);
  rows(columns, items);
  return Uint8Array.prototype.slice.call(buffer, 0, end);
}

export interface Window {
  readonly columns: Columns;
  readonly rows: readonly (readonly SqliteValue[])[];
  readonly hasMore: boolean;
}

/** A notification of a subscription in DAG-CBOR. */
export function encodeNotification(subscriptionId: string, outcome: Window | { readonly error: string }): Uint8Array {
  end = 0;
  put(RESPONSE);
  if ("error" in outcome) {
    put(ERR);
    put(textBytes(outcome.error));
  } else {
    put(OK);
    put(ROWS);
    rows(outcome.columns, outcome.rows);
    put(HAS_MORE);
    put(Buffer.from([outcome.hasMore ? 0xf5 : 0xf4]));
  }
  put(SUBSCRIPTION_ID);
  put(textBytes(subscriptionId));
  return Uint8Array.prototype.slice.call(buffer, 0, end);
}
