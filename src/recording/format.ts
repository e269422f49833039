/** The layout of a recording, as docs/recording.md describes it. Both sides use these and nothing else. */

export const MAGIC = "RCLREC1\n";

/** Ahead of every chunk: kind, codec, two zero bytes, stored length, plain length, CRC-32 of what is stored. Little endian. */
export const CHUNK_HEADER_BYTES = 16;
export const CODEC_ZSTD = 1;

export const CHUNK = { header: 1, events: 2, shardEnd: 3, runEnd: 4 } as const;

/** Plain bytes of a chunk of events as a rule. Small enough for a run of two clients, large enough to compress well. */
export const CHUNK_BYTES: number = 256 * 1024;

/** Plain bytes of any chunk at most: one event may need a chunk of its own. A reader takes nothing larger. */
export const CHUNK_BYTES_MAX: number = 8 * 1024 * 1024;

/** First byte of an event. */
export const EVENT = {
  room: 1,
  joined: 2,
  left: 3,
  write: 4,
  accepted: 5,
  rejected: 6,
  same: 7,
  sameAt: 8,
  delivered: 9,
  alike: 10,
  snapshot: 11,
  finalState: 12,
  observed: 13,
  invoked: 14,
  presence: 15,
  second: 16,
  judged: 17,
  fault: 18,
  restarted: 19,
} as const;

/** What a `delivered` or `alike` event holds or says beside its content. */
export const HAS = { author: 1, position: 2, bytes: 4, sameFrame: 8, numbered: 16, marker: 32, intact: 64 } as const;

/** What a marker says beside author and counter; `wide` ones are no whole numbers from 0 to 2^53, and stand as doubles. */
export const MARKER = { present: 1, intact: 2, foreign: 4, wide: 8 } as const;

/**
 * Frames of a room that an event may refer to, counted from the newest. What is older is written in full again, so
 * that a reader needs this many frames a room and no more.
 */
export const FRAMES_BACK_MAX = 64;

/** What a `fault` event says of the fault. */
export const FAULT_SIGNALS = ["begin", "end", "healed"] as const;
export const ACTS = ["write", "read", "keepalive", "presence", "leave"] as const;
export const PRESENCES = ["joined", "left", "moved"] as const;

/** Clients of a recording at most; what the command line allows. */
export const CLIENTS_MAX = 1_000_000;

/** Times are whole microseconds since the recording's origin: exact on both sides, so that both judge alike. */
export function microseconds(atMs: number, originMs: number): number {
  return Math.round((atMs - originMs) * 1000);
}

export function milliseconds(us: number, originMs: number): number {
  return originMs + us / 1000;
}
