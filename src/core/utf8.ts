/** The UTF-8 bytes of a text; lone surrogates become U+FFFD. Portable: k6 has no TextEncoder. */
export function encodeUtf8(text: string): Uint8Array {
  const { length } = text;
  const ascii = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return encodeWide(text);
    ascii[index] = unit;
  }
  return ascii;
}

function encodeWide(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let end = 0;
  for (let index = 0; index < text.length; index += 1) {
    let point = text.codePointAt(index) ?? 0;
    if (point > 0xffff) index += 1;
    else if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd;
    if (point < 0x80) bytes[end++] = point;
    else if (point < 0x800) {
      bytes[end++] = 0xc0 | (point >> 6);
      bytes[end++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[end++] = 0xe0 | (point >> 12);
      bytes[end++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[end++] = 0x80 | (point & 0x3f);
    } else {
      bytes[end++] = 0xf0 | (point >> 18);
      bytes[end++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[end++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[end++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.slice(0, end);
}

/** Longer ASCII texts are put together in pieces of this: a call takes only so many arguments. */
const PIECE = 4096;
/** Up to this, adding characters one by one is quicker than a call with many arguments. */
const SHORT = 24;

/** The text of the UTF-8 bytes from `start` up to `end`; undefined when they are none (RFC 3629, no overlong form, no surrogate). */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let isAscii = true;
  for (let index = start; index < end; index += 1) {
    if ((bytes[index] ?? 0) > 0x7f) {
      isAscii = false;
      break;
    }
  }
  if (!isAscii) return decodeWide(bytes, start, end);
  let text = "";
  if (end - start <= SHORT) {
    for (let index = start; index < end; index += 1) text += String.fromCharCode(bytes[index] ?? 0);
    return text;
  }
  for (let from = start; from < end; from += PIECE) {
    text += String.fromCharCode.apply(null, bytes.subarray(from, Math.min(end, from + PIECE)) as unknown as number[]);
  }
  return text;
}

function decodeWide(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  const more = (): number => {
    const byte = at < end ? (bytes[at] ?? 0) : 0;
    at += 1;
    return (byte & 0xc0) === 0x80 ? byte & 0x3f : -1;
  };
  while (at < end) {
    const first = bytes[at] ?? 0;
    at += 1;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const count = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
    if (count === 0) return undefined;
    let point = first & (0x3f >> count);
    for (let index = 0; index < count; index += 1) {
      const next = more();
      if (next < 0) return undefined;
      point = point * 64 + next;
    }
    const least = count === 1 ? 0x80 : count === 2 ? 0x800 : 0x10000;
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}
