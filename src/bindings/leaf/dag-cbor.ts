import { decodeUtf8, encodeUtf8 } from "../../core/utf8.ts";

/**
 * DAG-CBOR in its strict form (DRISL): shortest heads, no indefinite lengths, floats of 64 bits, map keys by length and
 * then by bytes, CIDs as tag 42. Written here and not taken from a library, since the kinds must survive: with
 * JavaScript numbers alone the float 1.0 and the integer 1 are one value, and the protocol tells them apart. The tests
 * hold it against `@atcute/cbor`.
 */
export type CborValue =
  | null
  | boolean
  | number
  | bigint
  | Real
  | string
  | Uint8Array
  | Cid
  | readonly CborValue[]
  | { readonly [key: string]: CborValue };

export interface CborMap {
  readonly [key: string]: CborValue;
}

const REAL: unique symbol = Symbol("real");
const CID: unique symbol = Symbol("cid");

/** A float, also a whole one. */
export interface Real {
  readonly [REAL]: number;
}

/** A content id: its bytes without the multibase prefix. */
export interface Cid {
  readonly [CID]: Uint8Array;
}

export function real(value: number): Real {
  return { [REAL]: value };
}

export function cid(bytes: Uint8Array): Cid {
  return { [CID]: bytes };
}

export function isReal(value: unknown): value is Real {
  return typeof value === "object" && value !== null && REAL in value;
}

export function isCid(value: unknown): value is Cid {
  return typeof value === "object" && value !== null && CID in value;
}

export function realValue(value: Real): number {
  return value[REAL];
}

export function cidBytes(value: Cid): Uint8Array {
  return value[CID];
}

export function isMap(value: CborValue | undefined): value is CborMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !isReal(value) &&
    !isCid(value)
  );
}

/** Values nest no deeper: a decoder that recurses must not be driven out of its stack. */
const DEPTH_MAX = 64;

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Multibase base32 of a CID, `bafy…` for DAG-CBOR with SHA-256. */
export function cidText(value: Cid): string {
  let text = "b";
  let bits = 0;
  let count = 0;
  for (const byte of value[CID]) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += BASE32[(bits >> count) & 31] ?? "";
    }
    bits &= 0xff;
  }
  return count === 0 ? text : text + (BASE32[(bits << (5 - count)) & 31] ?? "");
}

/** The CID of a base32 text; undefined when it is none. */
export function cidFromText(text: string): Cid | undefined {
  if (!/^b[a-z2-7]+$/.test(text)) return undefined;
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const letter of text.slice(1)) {
    bits = (bits << 5) | BASE32.indexOf(letter);
    count += 5;
    if (count >= 8) {
      count -= 8;
      bytes.push((bits >> count) & 0xff);
    }
    bits &= 0xff;
  }
  return cid(Uint8Array.from(bytes));
}

/** A writer that grows; one for each encoding. */
class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  #room(count: number): void {
    if (this.#end + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#end + count));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  head(major: number, value: number | bigint): void {
    this.#room(9);
    const kind = major << 5;
    const at = this.#end;
    if (typeof value === "bigint" || value > 0xffff_ffff) {
      this.#bytes[at] = kind | 27;
      this.#view.setBigUint64(at + 1, BigInt(value));
      this.#end += 9;
    } else if (value < 24) {
      this.#bytes[at] = kind | value;
      this.#end += 1;
    } else if (value < 0x100) {
      this.#bytes[at] = kind | 24;
      this.#bytes[at + 1] = value;
      this.#end += 2;
    } else if (value < 0x10000) {
      this.#bytes[at] = kind | 25;
      this.#view.setUint16(at + 1, value);
      this.#end += 3;
    } else {
      this.#bytes[at] = kind | 26;
      this.#view.setUint32(at + 1, value);
      this.#end += 5;
    }
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#end] = value;
    this.#end += 1;
  }

  float(value: number): void {
    this.#room(9);
    this.#bytes[this.#end] = 0xfb;
    this.#view.setFloat64(this.#end + 1, value);
    this.#end += 9;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#end);
    this.#end += value.length;
  }

  text(value: string): void {
    const bytes = encodeUtf8(value);
    this.head(3, bytes.length);
    this.bytes(bytes);
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#end);
  }
}

/**
 * The deterministic encoding of a value.
 * @throws RangeError for NaN, infinities, integers beyond 64 bits and values nested too deep.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new Writer();
  write(writer, value, 0);
  return writer.done();
}

function write(writer: Writer, value: CborValue, depth: number): void {
  if (depth > DEPTH_MAX) throw new RangeError("a value is nested too deep");
  if (value === null) writer.byte(0xf6);
  else if (typeof value === "boolean") writer.byte(value ? 0xf5 : 0xf4);
  else if (typeof value === "string") writer.text(value);
  else if (typeof value === "number") writeNumber(writer, value);
  else if (typeof value === "bigint") writeBigint(writer, value);
  else if (value instanceof Uint8Array) {
    writer.head(2, value.length);
    writer.bytes(value);
  } else if (isReal(value)) {
    if (!Number.isFinite(value[REAL])) throw new RangeError(`${value[REAL]} has no form in DAG-CBOR`);
    writer.float(value[REAL]);
  } else if (isCid(value)) {
    writer.head(6, 42);
    writer.head(2, value[CID].length + 1);
    writer.byte(0);
    writer.bytes(value[CID]);
  } else if (isList(value)) {
    writer.head(4, value.length);
    for (const item of value) write(writer, item, depth + 1);
  } else {
    const keys = Object.keys(value).sort(compareKeys);
    writer.head(5, keys.length);
    for (const key of keys) {
      writer.text(key);
      write(writer, value[key] ?? null, depth + 1);
    }
  }
}

function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function writeNumber(writer: Writer, value: number): void {
  if (Number.isSafeInteger(value)) writer.head(value < 0 ? 1 : 0, value < 0 ? -1 - value : value);
  else if (Number.isFinite(value)) writer.float(value);
  else throw new RangeError(`${value} has no form in DAG-CBOR`);
}

function writeBigint(writer: Writer, value: bigint): void {
  const magnitude = value < 0n ? -1n - value : value;
  if (magnitude > 0xffff_ffff_ffff_ffffn) throw new RangeError("an integer has more than 64 bits");
  writer.head(value < 0n ? 1 : 0, magnitude <= 0xffff_ffffn ? Number(magnitude) : magnitude);
}

/** By length of the UTF-8 bytes, then by bytes. */
function compareKeys(left: string, right: string): number {
  const [one, two] = [encodeUtf8(left), encodeUtf8(right)];
  return compareBytes(one, 0, one.length, two, 0, two.length);
}

function compareBytes(left: Uint8Array, leftFrom: number, leftEnd: number, right: Uint8Array, rightFrom: number, rightEnd: number): number {
  const length = leftEnd - leftFrom;
  if (length !== rightEnd - rightFrom) return length - (rightEnd - rightFrom);
  for (let index = 0; index < length; index += 1) {
    const difference = (left[leftFrom + index] ?? 0) - (right[rightFrom + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** What a decoding gives: the value, or why the bytes are none. */
export type Decoded = { readonly ok: true; readonly value: CborValue } | { readonly ok: false; readonly problem: string };

class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Decodes one value that fills the bytes. `anyKeyOrder` takes map keys as they come (arguments of calls); keys twice never. */
export function decodeCbor(bytes: Uint8Array, options: { readonly anyKeyOrder?: boolean } = {}): Decoded {
  const reader = new Reader(bytes, options.anyKeyOrder ?? false);
  try {
    const value = reader.value(0);
    return reader.at === bytes.length ? { ok: true, value } : { ok: false, problem: "bytes behind the value" };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, problem: error.message };
    throw error;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #anyKeyOrder: boolean;
  at = 0;

  constructor(bytes: Uint8Array, anyKeyOrder: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#anyKeyOrder = anyKeyOrder;
  }

  value(depth: number): CborValue {
    if (depth > DEPTH_MAX) throw new Malformed("nested too deep");
    if (this.at >= this.#bytes.length) throw new Malformed("the end came too soon");
    const first = this.#bytes[this.at] ?? 0;
    const major = first >> 5;
    if (major === 7) return this.#simple(first);
    if (major === 3) return this.#text();
    const argument = this.#argument();
    switch (major) {
      case 0:
        return argument;
      case 1:
        if (typeof argument === "number" && argument < Number.MAX_SAFE_INTEGER) return -1 - argument;
        return -1n - BigInt(argument);
      case 2:
        return this.#take(argument);
      case 4:
        return this.#list(this.#count(argument), depth);
      case 5:
        return this.#map(this.#count(argument), depth);
      default:
        return this.#link(argument);
    }
  }

  #simple(first: number): null | boolean | Real {
    this.at += 1;
    if (first === 0xf6) return null;
    if (first === 0xf5) return true;
    if (first === 0xf4) return false;
    if (first !== 0xfb) throw new Malformed(`simple value ${first.toString(16)}`);
    if (this.at + 8 > this.#bytes.length) throw new Malformed("the end came too soon");
    const value = this.#view.getFloat64(this.at);
    if (!Number.isFinite(value)) throw new Malformed("a float that is no number");
    this.at += 8;
    return { [REAL]: value };
  }

  /** The argument of a head; a longer form than needed is none. */
  #argument(): number | bigint {
    const bytes = this.#bytes;
    const low = (bytes[this.at] ?? 0) & 31;
    this.at += 1;
    if (low < 24) return low;
    const size = low === 24 ? 1 : low === 25 ? 2 : low === 26 ? 4 : low === 27 ? 8 : 0;
    if (size === 0) throw new Malformed("an indefinite or reserved length");
    const at = this.at;
    if (at + size > bytes.length) throw new Malformed("the end came too soon");
    this.at += size;
    if (size === 8) {
      const wide = this.#view.getBigUint64(at);
      if (wide <= 0xffff_ffffn) throw new Malformed("a head longer than needed");
      return wide <= 0x1f_ffff_ffff_ffffn ? Number(wide) : wide;
    }
    const value = size === 1 ? (bytes[at] ?? 0) : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    if (value < (size === 1 ? 24 : size === 2 ? 0x100 : 0x10000)) throw new Malformed("a head longer than needed");
    return value;
  }

  #take(length: number | bigint): Uint8Array {
    const start = this.at;
    if (typeof length === "bigint" || start + length > this.#bytes.length) throw new Malformed("the end came too soon");
    this.at = start + length;
    return this.#bytes.slice(start, this.at);
  }

  /** Every item has at least one byte: a count beyond the rest is a lie, and nothing is made for it. */
  #count(count: number | bigint): number {
    if (typeof count === "bigint" || count > this.#bytes.length - this.at) throw new Malformed("more items than bytes");
    return count;
  }

  #text(): string {
    const length = this.#argument();
    const start = this.at;
    if (typeof length === "bigint" || start + length > this.#bytes.length) throw new Malformed("the end came too soon");
    this.at = start + length;
    const text = decodeUtf8(this.#bytes, start, this.at);
    if (text === undefined) throw new Malformed("a text that is no UTF-8");
    return text;
  }

  #list(count: number, depth: number): readonly CborValue[] {
    const items: CborValue[] = [];
    for (let index = 0; index < count; index += 1) items.push(this.value(depth + 1));
    return items;
  }

  #map(count: number, depth: number): CborMap {
    const map: Record<string, CborValue> = {};
    let [before, beforeEnd] = [0, -1];
    for (let index = 0; index < count; index += 1) {
      if ((this.#bytes[this.at] ?? 0) >> 5 !== 3) throw new Malformed("a key that is no text");
      const headAt = this.at;
      const key = this.#text();
      const [start, end] = [this.at - (this.at - headAt - headLength(this.#bytes[headAt] ?? 0)), this.at];
      if (!this.#anyKeyOrder && beforeEnd >= 0 && compareBytes(this.#bytes, before, beforeEnd, this.#bytes, start, end) >= 0)
        throw new Malformed("keys out of order");
      if (this.#anyKeyOrder && Object.hasOwn(map, key)) throw new Malformed("a key twice");
      [before, beforeEnd] = [start, end];
      const value = this.value(depth + 1);
      // Assigning to it would set the prototype.
      if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
      else map[key] = value;
    }
    return map;
  }

  #link(tag: number | bigint): Cid {
    if (tag !== 42) throw new Malformed(`tag ${tag}`);
    const bytes = this.at < this.#bytes.length && (this.#bytes[this.at] ?? 0) >> 5 === 2 ? this.#take(this.#argument()) : undefined;
    if (bytes === undefined || bytes.length < 2 || bytes[0] !== 0) throw new Malformed("a link without a CID");
    return { [CID]: bytes.subarray(1) };
  }
}

/** Bytes of a head by its first byte. */
function headLength(first: number): number {
  const low = first & 31;
  return low < 24 ? 1 : low === 24 ? 2 : low === 25 ? 3 : low === 26 ? 5 : 9;
}
