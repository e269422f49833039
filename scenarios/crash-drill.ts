import type { Scenario } from "../src/core/scenario.ts";
import { killAndRestart } from "../src/faults/named.ts";
import { scenario as chatSpace } from "./chat-space.ts";

/**
 * A chat whose server is killed in the middle and started again. Members come back by themselves, resume behind what
 * they had, send again what had no answer, and hold the views against the events.
 */
export const scenario: Scenario = {
  ...chatSpace,
  name: "crash-drill",
  summary: "the server is killed in the middle of a chat and started again; all come back, nothing confirmed is lost",
  defaults: { ...chatSpace.defaults, clients: 100, rooms: 10, durationMs: 24_000 },
  objectives: { reach: 1, violations: 0 },
  faults: killAndRestart,
};
