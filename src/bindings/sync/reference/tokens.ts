import { randomBytes } from "node:crypto";
import type { Faults } from "./faults.ts";

/** Crockford base32 in upper case. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TOKEN_BYTES = 32;

/** 32 random bytes as 52 characters. */
export function createToken(is: Faults): string {
  const bytes = randomBytes(TOKEN_BYTES);
  // Half of the bits of every token are the same.
  if (is("tokens-share-bits")) bytes.fill(0x5a, 0, 20);
  return base32(bytes);
}

/** Bytes in groups of five bits, the last one filled with zeros. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += ALPHABET.charAt((value >>> (bits - 5)) & 31);
      bits -= 5;
    }
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET.charAt((value << (5 - bits)) & 31);
}

/** For the fault that takes a part of a token for the whole: tokens that were given out lately. */
const lately: string[] = [];

export function noteToken(token: string): void {
  lately.push(token);
  if (lately.length > 1_000) lately.shift();
}

/** The token that a long enough part begins. */
export function completed(token: string): string {
  return lately.find((each) => each.length > token.length && token.length > 40 && each.startsWith(token)) ?? token;
}
