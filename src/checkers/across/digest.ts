import type { OrderModel } from "../../core/binding.ts";
import type { ChunkWitness } from "../../core/witness.ts";
import { hash32 } from "../../core/prng.ts";

/** One write in so many ends a chunk, on average. */
const CHUNK_WRITES = 32;

/** Where each author's writes are a stream of their own, every so many of them end a chunk. */
const CHUNK_WRITES_OF_AUTHOR = 16;

/** Name of a write inside one run. */
export function writeName(author: number, n: number): string {
  return `${author}.${n}`;
}

/** 32 well-mixed bits of a write's name (the finisher of murmur3 over both numbers). */
export function writeHash(author: number, n: number): number {
  let hash = Math.imul(author ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(n ^ 0x7f4a7c15, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Whether a write ends a chunk: decided by its name alone, so that all parts cut at the same places. */
export function isAnchor(author: number, n: number, orderModel: OrderModel): boolean {
  return orderModel === "perAuthor" ? n % CHUNK_WRITES_OF_AUTHOR === 0 : writeHash(author, n) % CHUNK_WRITES === 0;
}

/** Sum over the content of a write; 8 hexadecimal digits. */
export function contentSum(content: string): string {
  return hex(hash32(content));
}

/** The digests of a chunk in the making. */
export interface ChunkDigest {
  readonly add: (author: number, n: number, content: string | undefined) => void;
  readonly count: number;
  /** Gives the digests and begins anew. */
  readonly take: () => Pick<ChunkWitness, "count" | "order" | "set" | "content">;
}

export function createChunkDigest(): ChunkDigest {
  let count = 0;
  let left = 0;
  let right = 0;
  let set = 0;
  let contents: number | undefined = 0;
  return {
    add: (author, n, content) => {
      const hash = writeHash(author, n);
      count += 1;
      // Two lanes of 32 bits: the same writes in another order meet by chance once in 2^64.
      left = (Math.imul(left, 31) + hash) | 0;
      right = Math.imul(right ^ hash, 0x01000193) ^ (right >>> 15);
      set = (set + hash) | 0;
      if (content === undefined) contents = undefined;
      else if (contents !== undefined) contents = (Math.imul(contents, 31) + hash32(content)) | 0;
    },
    get count() {
      return count;
    },
    take: () => {
      const taken = {
        count,
        order: hex(left) + hex(right),
        set: hex(set),
        ...(contents === undefined ? {} : { content: hex(contents) }),
      };
      count = 0;
      left = 0;
      right = 0;
      set = 0;
      contents = 0;
      return taken;
    },
  };
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
