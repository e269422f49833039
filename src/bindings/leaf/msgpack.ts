import { decodeUtf8, encodeUtf8 } from "../../core/utf8.ts";

/**
 * MessagePack as socket.io's parser writes and reads it: only packets travel in it, their payloads are bytes. Portable,
 * which the published libraries are not (they want TextEncoder when they load); the tests hold it against
 * `@msgpack/msgpack` and against the parser of socket.io.
 */
export type PackValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PackValue[]
  | { readonly [key: string]: PackValue };

const DEPTH_MAX = 32;

/** The encoding of a value; keys in the order they stand in. `undefined` goes as the extension 0, as socket.io's parser has it. */
export function encodePack(value: PackValue): Uint8Array {
  const parts: Uint8Array[] = [];
  let small: number[] = [];
  const flush = (): void => {
    if (small.length > 0) parts.push(Uint8Array.from(small));
    small = [];
  };
  const put = (...bytes: number[]): void => void small.push(...bytes);
  const wide = (kind: number, value: number, size: 2 | 4): void =>
    size === 2
      ? put(kind, (value >> 8) & 255, value & 255)
      : put(kind, (value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  const eight = (kind: number, fill: (view: DataView) => void): void => {
    const bytes = new Uint8Array(8);
    fill(new DataView(bytes.buffer));
    put(kind, ...bytes);
  };
  const number = (value: number): void => {
    if (!Number.isSafeInteger(value)) eight(0xcb, (view) => view.setFloat64(0, value));
    else if (value >= 0) {
      if (value < 0x80) put(value);
      else if (value < 0x100) put(0xcc, value);
      else if (value < 0x10000) wide(0xcd, value, 2);
      else if (value <= 0xffff_ffff) wide(0xce, value, 4);
      else eight(0xcf, (view) => view.setBigUint64(0, BigInt(value)));
    } else if (value >= -32) put(value & 255);
    else if (value >= -0x80) put(0xd0, value & 255);
    else if (value >= -0x8000) wide(0xd1, value, 2);
    else if (value >= -0x8000_0000) wide(0xd2, value, 4);
    else eight(0xd3, (view) => view.setBigInt64(0, BigInt(value)));
  };
  const sized = (length: number, fix: number, fixMax: number, kinds: readonly [number, number, number]): void => {
    if (length <= fixMax) put(fix | length);
    else if (length < 0x100 && kinds[0] !== 0) put(kinds[0], length);
    else if (length < 0x10000) wide(kinds[1], length, 2);
    else wide(kinds[2], length, 4);
  };
  const write = (item: PackValue): void => {
    if (item === null) put(0xc0);
    else if (item === undefined) put(0xd4, 0, 0);
    else if (typeof item === "boolean") put(item ? 0xc3 : 0xc2);
    else if (typeof item === "number") number(item);
    else if (typeof item === "bigint")
      eight(item < 0n ? 0xd3 : 0xcf, (view) => (item < 0n ? view.setBigInt64(0, item) : view.setBigUint64(0, item)));
    else if (typeof item === "string") {
      const bytes = encodeUtf8(item);
      sized(bytes.length, 0xa0, 31, [0xd9, 0xda, 0xdb]);
      flush();
      parts.push(bytes);
    } else if (item instanceof Uint8Array) {
      sized(item.length, 0, -1, [0xc4, 0xc5, 0xc6]);
      flush();
      parts.push(item);
    } else if (isList(item)) {
      sized(item.length, 0x90, 15, [0, 0xdc, 0xdd]);
      for (const each of item) write(each);
    } else {
      const entries = Object.entries(item);
      sized(entries.length, 0x80, 15, [0, 0xde, 0xdf]);
      for (const [key, each] of entries) {
        write(key);
        write(each);
      }
    }
  };
  write(value);
  flush();
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

function isList(value: PackValue): value is readonly PackValue[] {
  return Array.isArray(value);
}

class Malformed extends Error {
  override readonly name = "Malformed";
}

/** Decodes one value that fills the bytes; byte strings are views into them. Why the bytes are none, otherwise. */
export function decodePack(
  bytes: Uint8Array,
): { readonly ok: true; readonly value: PackValue } | { readonly ok: false; readonly problem: string } {
  const reader = new Reader(bytes);
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
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): PackValue {
    if (depth > DEPTH_MAX) throw new Malformed("nested too deep");
    const kind = this.#unsigned(1);
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#map(kind & 15, depth);
    if (kind < 0xa0) return this.#list(kind & 15, depth);
    if (kind < 0xc0) return this.#text(kind & 31);
    if (kind >= 0xe0) return kind - 0x100;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(1 << (kind - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned(1 << (kind - 0xc7)));
      case 0xca:
        return this.#view.getFloat32(this.#pass(4));
      case 0xcb:
        return this.#view.getFloat64(this.#pass(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (kind - 0xcc));
      case 0xcf:
        return narrow(this.#view.getBigUint64(this.#pass(8)));
      case 0xd0:
        return this.#view.getInt8(this.#pass(1));
      case 0xd1:
        return this.#view.getInt16(this.#pass(2));
      case 0xd2:
        return this.#view.getInt32(this.#pass(4));
      case 0xd3:
        return narrow(this.#view.getBigInt64(this.#pass(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (kind - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (kind - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#list(this.#unsigned(kind === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(kind === 0xde ? 2 : 4), depth);
      default:
        throw new Malformed(`kind ${kind.toString(16)}`);
    }
  }

  #pass(count: number): number {
    const start = this.at;
    if (start + count > this.#bytes.length) throw new Malformed("the end came too soon");
    this.at = start + count;
    return start;
  }

  #unsigned(size: number): number {
    const at = this.#pass(size);
    return size === 1 ? (this.#bytes[at] ?? 0) : size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(length: number): Uint8Array {
    const start = this.#pass(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The type and its data; socket.io's parser writes undefined so, and nothing else. */
  #extension(length: number): undefined {
    this.#pass(1 + length);
    return undefined;
  }

  #text(length: number): string {
    const start = this.#pass(length);
    const text = decodeUtf8(this.#bytes, start, start + length);
    if (text === undefined) throw new Malformed("a text that is no UTF-8");
    return text;
  }

  #list(count: number, depth: number): readonly PackValue[] {
    if (count > this.#bytes.length - this.at) throw new Malformed("more items than bytes");
    const items: PackValue[] = [];
    for (let index = 0; index < count; index += 1) items.push(this.value(depth + 1));
    return items;
  }

  #map(count: number, depth: number): { readonly [key: string]: PackValue } {
    if (count > this.#bytes.length - this.at) throw new Malformed("more items than bytes");
    const map: Record<string, PackValue> = {};
    for (let index = 0; index < count; index += 1) {
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new Malformed("a key that is no text");
      const value = this.value(depth + 1);
      if (key === "__proto__") continue;
      map[key] = value;
    }
    return map;
  }
}

function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
