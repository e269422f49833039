/** A seeded source of chance. Portable, so that the same seed gives the same workload on every engine. Not for keys. */
export interface Prng {
  /** A float in [0, 1). */
  next(): number;
  /** An integer in [0, bound). `bound` is at least 1. */
  below(bound: number): number;
  /** One of the items. The list is not empty. */
  pick<T>(items: readonly T[]): T;
  /** An independent stream; the same label always gives the same stream, whatever was drawn before. */
  fork(label: string): Prng;
}

/** 32-bit FNV-1a over the UTF-16 code units of a text, then finished by murmur3's mixer. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * sfc32 (Chris Doty-Humphrey, PractRand), seeded from a text. No library: the portable rooms run unbundled in k6,
 * which resolves no package names.
 */
export function createPrng(seed: string): Prng {
  let a = hash32(`a:${seed}`) | 0;
  let b = hash32(`b:${seed}`) | 0;
  let c = hash32(`c:${seed}`) | 0;
  let counter = 1;
  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let round = 0; round < 12; round += 1) uint32();
  const next = (): number => uint32() / 0x1_0000_0000;
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    below,
    pick: <T>(items: readonly T[]): T => items[below(items.length)] as T,
    fork: (label) => createPrng(`${seed}/${label}`),
  };
}
