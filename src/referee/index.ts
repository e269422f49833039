export { STREAMS_PER_CHECKPOINT_MAX, SHARDS_MAX, WINDOWS_PER_CHECKPOINT_MAX } from "./messages.ts";
export { Referee, type RefereeOutcome } from "./referee.ts";
export { type RefereeServer, startRefereeServer } from "./server.ts";
