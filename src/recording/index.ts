export { type ChunkFile, appendDocument, createChunkFile } from "./chunk-file.ts";
export { readChunks, RecordingFault } from "./chunk-reader.ts";
export type { LiveCounts, RecordedFaults, RecordingAbout, RecordingHeader, RunEnd, ShardEnd } from "./documents.ts";
export { CHUNK } from "./format.ts";
export { Recorder } from "./recorder.ts";
export { type RecordedSecond, Replay } from "./replay.ts";
export { headerSchema, runEndSchema, shardEndSchema } from "./schema.ts";
