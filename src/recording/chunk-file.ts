import { closeSync, openSync, writeSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, crc32, zstdCompress, zstdCompressSync } from "node:zlib";
import { HarnessError } from "../core/errors.ts";
import type { Sink } from "./event-buffer.ts";
import { CHUNK, CHUNK_BYTES, CHUNK_HEADER_BYTES, CODEC_ZSTD, MAGIC } from "./format.ts";

const compress = promisify(zstdCompress);

/** The fastest level: a recording must not take the run's processor time. */
const ZSTD: { readonly params: Readonly<Record<number, number>> } = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Plain bytes that may wait for compression and disk: seconds of a large run. Beyond it the recording is incomplete. */
const BACKLOG_BYTES_MAX = 16 * 1024 * 1024;

/** Empty buffers kept for use again. */
const SPARE_MAX = 4;

function chunkOf(kind: number, stored: Uint8Array, plainLength: number): Buffer {
  const head = Buffer.alloc(CHUNK_HEADER_BYTES);
  head[0] = kind;
  head[1] = CODEC_ZSTD;
  head.writeUInt32LE(stored.length, 4);
  head.writeUInt32LE(plainLength, 8);
  head.writeUInt32LE(crc32(stored), 12);
  return Buffer.concat([head, stored]);
}

/** One recording being written: chunks in order, compressed and written in the background, never waited for. */
export class ChunkFile implements Sink {
  readonly #file: FileHandle;
  readonly #spare: Buffer[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #fault: string | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Why not everything is on disk; undefined while all is well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  exchange(filled: Buffer, length: number, least: number): Buffer | undefined {
    if (this.#fault !== undefined || this.#waiting + length > BACKLOG_BYTES_MAX) return undefined;
    this.#waiting += length;
    this.#enqueue(CHUNK.events, filled.subarray(0, length), () => {
      this.#waiting -= length;
      if (filled.length === CHUNK_BYTES && this.#spare.length < SPARE_MAX) this.#spare.push(filled);
    });
    return (least <= CHUNK_BYTES ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, least));
  }

  /** A chunk that holds one JSON document. */
  document(kind: number, value: unknown): void {
    this.#enqueue(kind, Buffer.from(JSON.stringify(value)), () => undefined);
  }

  /** Resolves once everything handed in so far is written. */
  async drained(): Promise<void> {
    await this.#last;
  }

  /** Waits for everything that was handed in, then closes the file. */
  async close(): Promise<void> {
    await this.#last;
    await this.#file.close();
  }

  #enqueue(kind: number, plain: Buffer, done: () => void): void {
    const stored = compress(plain, ZSTD);
    const before = this.#last;
    this.#last = (async () => {
      try {
        const chunk = chunkOf(kind, await stored, plain.length);
        await before;
        if (this.#fault === undefined) await this.#file.appendFile(chunk);
      } catch (error) {
        this.#fault ??= `it could not be written: ${error instanceof Error ? error.message : String(error)}`;
      }
      done();
    })();
  }
}

/**
 * Begins a recording in a file that is not there yet.
 * @throws HarnessError `usage` when it is, or can not be made.
 */
export async function createChunkFile(path: string): Promise<ChunkFile> {
  try {
    const file = await open(path, "wx");
    await file.appendFile(MAGIC);
    return new ChunkFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new HarnessError("usage", code === "EEXIST" ? `${path} is there already` : `${path} can not be written (${code})`, {
      hint: "give --record a path of its own",
      cause: error,
    });
  }
}

/** Puts one more document behind a recording that its worker has closed. */
export function appendDocument(path: string, kind: number, value: unknown): void {
  const plain = Buffer.from(JSON.stringify(value));
  const file = openSync(path, "a");
  try {
    writeSync(file, chunkOf(kind, zstdCompressSync(plain, ZSTD), plain.length));
  } finally {
    closeSync(file);
  }
}
