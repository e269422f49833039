import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { crc32, zstdDecompress } from "node:zlib";
import { CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES, CODEC_ZSTD, MAGIC } from "./format.ts";

const decompress = promisify(zstdDecompress);

/** Compressed bytes of a chunk at most: what does not compress grows by less than this. */
const STORED_BYTES_MAX = CHUNK_BYTES_MAX + 65_536;

/** What zlib takes for an output buffer at least; one that holds the whole chunk saves putting it together. */
const OUTPUT_BYTES_MIN = 64;

/** Why a recording can not be read, or not further. */
export class RecordingFault extends Error {
  override readonly name = "RecordingFault";
}

export interface Chunk {
  readonly kind: number;
  readonly plain: Buffer;
}

/**
 * The chunks of a recording in order, one read and decompressed ahead of the one in use, so that memory is that of two
 * chunks whatever the file's size.
 * @throws RecordingFault where the file is none of ours, is damaged, or ends within a chunk.
 */
export async function* readChunks(path: string): AsyncGenerator<Chunk, void, undefined> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new RecordingFault(error.code === "ENOENT" ? "there is no such file" : `it can not be opened (${error.code ?? "unknown"})`);
  });
  try {
    const magic = await bytesAt(file, 0, MAGIC.length);
    if (magic.toString("latin1") !== MAGIC) throw new RecordingFault("it is no recording of rollcall");
    let at = MAGIC.length;
    const fetch = async (): Promise<{ chunk: Chunk; length: number } | undefined> => chunkAt(file, at);
    let next = await fetch();
    while (next !== undefined) {
      const { chunk, length } = next;
      at += length;
      const ahead = fetch();
      // A fault of what lies ahead is told once everything before it has been used.
      ahead.catch(() => undefined);
      yield chunk;
      next = await ahead;
    }
  } finally {
    await file.close();
  }
}

async function chunkAt(file: FileHandle, at: number): Promise<{ chunk: Chunk; length: number } | undefined> {
  const head = await bytesAt(file, at, CHUNK_HEADER_BYTES);
  if (head.length === 0) return undefined;
  if (head.length < CHUNK_HEADER_BYTES) throw new RecordingFault(`it ends in mid-chunk at byte ${at + head.length}`);
  const [stored, plainLength] = [head.readUInt32LE(4), head.readUInt32LE(8)];
  if (head[1] !== CODEC_ZSTD || stored > STORED_BYTES_MAX || plainLength > CHUNK_BYTES_MAX)
    throw new RecordingFault(`it is damaged at byte ${at}`);
  const body = await bytesAt(file, at + CHUNK_HEADER_BYTES, stored);
  if (body.length < stored) throw new RecordingFault(`it ends in mid-chunk at byte ${at + CHUNK_HEADER_BYTES + body.length}`);
  if (crc32(body) !== head.readUInt32LE(12)) throw new RecordingFault(`it is damaged at byte ${at}`);
  const plain = await decompress(body, {
    maxOutputLength: Math.max(1, plainLength),
    chunkSize: Math.max(OUTPUT_BYTES_MIN, plainLength),
  }).catch(() => {
    throw new RecordingFault(`it is damaged at byte ${at}`);
  });
  if (plain.length !== plainLength) throw new RecordingFault(`it is damaged at byte ${at}`);
  return { chunk: { kind: head[0] ?? 0, plain }, length: CHUNK_HEADER_BYTES + stored };
}

/** Fewer bytes where the file ends. */
async function bytesAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
