import type { Rooms } from "../../core/binding.ts";
import { createPrng } from "../../core/prng.ts";

/** Crockford base32 without i, l, o and u. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS = 51;

/** A document's id out of a label; the same label always gives the same id. */
export function entityId(label: string): string {
  const prng = createPrng(`entity/${label}`);
  const text = Array.from({ length: CHARACTERS }, () => ALPHABET.charAt(prng.below(32))).join("");
  return `leaf:${text}${prng.pick(["0", "g"])}`;
}

/** A document comes to be by its first update; the harness chooses its id. */
export const rooms: Rooms = { kind: "named", name: entityId };
