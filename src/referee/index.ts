export { SHARDS_MAX } from "./messages.ts";
export { Referee, type RefereeOutcome } from "./referee.ts";
export { type RefereeServer, startRefereeServer } from "./server.ts";
