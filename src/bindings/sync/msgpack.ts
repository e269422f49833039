/** What msgpack can hold, as far as this protocol has to read it. Extensions are not read. */
export type Packed = null | boolean | number | string | Uint8Array | readonly Packed[] | ReadonlyMap<string, Packed>;

/** Deeper than this no message of the protocol goes; a bomb of nested arrays does. */
const DEPTH_MAX = 16;
/** Items of one map or list: a message has three. */
const ITEMS_MAX = 4_096;

/** Thrown inside this file only. */
class Unreadable extends Error {}

interface Cursor {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
}

/** Reads one value that fills the bytes to their end; gives what is wrong otherwise. Never throws. */
export function unpack(bytes: Uint8Array): { readonly value: Packed } | { readonly problem: string } {
  const cursor: Cursor = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  try {
    const value = read(cursor, 0);
    return cursor.at === bytes.length ? { value } : { problem: `${bytes.length - cursor.at} bytes behind the value` };
  } catch (error) {
    return { problem: error instanceof Unreadable ? error.message : "too few bytes" };
  }
}

function read(cursor: Cursor, depth: number): Packed {
  if (depth > DEPTH_MAX) throw new Unreadable("nested too deep");
  const tag = number(cursor, 1);
  if (tag < 0x80) return tag;
  if (tag < 0x90) return map(cursor, tag & 0x0f, depth);
  if (tag < 0xa0) return list(cursor, tag & 0x0f, depth);
  if (tag < 0xc0) return text(cursor, tag & 0x1f);
  if (tag >= 0xe0) return tag - 0x100;
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return slice(cursor, number(cursor, 1 << (tag - 0xc4)));
    case 0xca:
      return float(cursor, 4);
    case 0xcb:
      return float(cursor, 8);
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      return number(cursor, 1 << (tag - 0xcc));
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
      return signed(cursor, 1 << (tag - 0xd0));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return text(cursor, number(cursor, 1 << (tag - 0xd9)));
    case 0xdc:
    case 0xdd:
      return list(cursor, number(cursor, 2 << (tag - 0xdc)), depth);
    case 0xde:
    case 0xdf:
      return map(cursor, number(cursor, 2 << (tag - 0xde)), depth);
    default:
      throw new Unreadable(`unknown tag 0x${tag.toString(16)}`);
  }
}

function slice(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new Unreadable("too few bytes");
  const part = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}

function number(cursor: Cursor, width: number): number {
  const from = cursor.at;
  slice(cursor, width);
  if (width === 1) return cursor.view.getUint8(from);
  if (width === 2) return cursor.view.getUint16(from);
  if (width === 4) return cursor.view.getUint32(from);
  return cursor.view.getUint32(from) * 0x1_0000_0000 + cursor.view.getUint32(from + 4);
}

function signed(cursor: Cursor, width: number): number {
  const from = cursor.at;
  slice(cursor, width);
  if (width === 1) return cursor.view.getInt8(from);
  if (width === 2) return cursor.view.getInt16(from);
  if (width === 4) return cursor.view.getInt32(from);
  return cursor.view.getInt32(from) * 0x1_0000_0000 + cursor.view.getUint32(from + 4);
}

function float(cursor: Cursor, width: 4 | 8): number {
  const from = cursor.at;
  slice(cursor, width);
  return width === 4 ? cursor.view.getFloat32(from) : cursor.view.getFloat64(from);
}

function list(cursor: Cursor, length: number, depth: number): readonly Packed[] {
  if (length > ITEMS_MAX) throw new Unreadable(`a list of ${length} items`);
  return Array.from({ length }, () => read(cursor, depth + 1));
}

function map(cursor: Cursor, length: number, depth: number): ReadonlyMap<string, Packed> {
  if (length > ITEMS_MAX) throw new Unreadable(`a map of ${length} fields`);
  const fields = new Map<string, Packed>();
  for (let index = 0; index < length; index += 1) {
    const key = read(cursor, depth + 1);
    if (typeof key !== "string") throw new Unreadable("a key that is no text");
    fields.set(key, read(cursor, depth + 1));
  }
  return fields;
}

/** UTF-8. Every name of the protocol is ASCII; what is no UTF-8 becomes U+FFFD. */
function text(cursor: Cursor, length: number): string {
  const bytes = slice(cursor, length);
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const more =
      first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : -1;
    let code = more === 0 ? first : more > 0 ? first & (0x3f >> more) : 0xfffd;
    let isWhole = more >= 0;
    for (let step = 1; step <= more; step += 1) {
      const next = bytes[at + step] ?? 0;
      isWhole &&= (next & 0xc0) === 0x80;
      code = (code << 6) | (next & 0x3f);
    }
    out += isWhole && code <= 0x10ffff ? String.fromCodePoint(code) : "\uFFFD";
    at += isWhole ? 1 + Math.max(0, more) : 1;
  }
  return out;
}

/** Bytes of a map whose values are ASCII texts and byte strings, in the order of its fields. */
export function packMap(fields: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const entries = Object.entries(fields);
  const length =
    1 +
    entries.reduce((sum, [key, value]) => sum + headLength(key, "text") + key.length + headLength(value, kindOf(value)) + value.length, 0);
  const out = new Uint8Array(length);
  out[0] = 0x80 | entries.length;
  let at = 1;
  for (const [key, value] of entries) {
    at = put(out, at, key);
    at = put(out, at, value);
  }
  return out;
}

function kindOf(value: string | Uint8Array): "text" | "bytes" {
  return typeof value === "string" ? "text" : "bytes";
}

function headLength(value: string | Uint8Array, kind: "text" | "bytes"): number {
  const { length } = value;
  if (kind === "text" && length < 32) return 1;
  return length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
}

function put(out: Uint8Array, from: number, value: string | Uint8Array): number {
  const kind = kindOf(value);
  const head = headLength(value, kind);
  const base = kind === "text" ? 0xd9 : 0xc4;
  const { length } = value;
  if (head === 1) out[from] = 0xa0 | length;
  else {
    out[from] = base + (head === 2 ? 0 : head === 3 ? 1 : 2);
    for (let byte = 1; byte < head; byte += 1) out[from + byte] = (length / 2 ** (8 * (head - 1 - byte))) & 0xff;
  }
  const start = from + head;
  if (typeof value === "string") for (let index = 0; index < length; index += 1) out[start + index] = value.charCodeAt(index) & 0x7f;
  else out.set(value, start);
  return start + length;
}
