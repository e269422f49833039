import type { Scenario } from "../src/core/scenario.ts";
import { scenario as loginJourney } from "./login-journey.ts";
import { scenario as editWar } from "./edit-war.ts";
import { scenario as hotStream } from "./hot-stream.ts";
import { scenario as chatSpace } from "./chat-space.ts";
import { scenario as backlogStorm } from "./backlog-storm.ts";
import { scenario as coEdit } from "./co-edit.ts";
import { scenario as crashDrill } from "./crash-drill.ts";
import { scenario as cursorSwarm } from "./cursor-swarm.ts";
import { scenario as idleRooms } from "./idle-rooms.ts";
import { scenario as joinStorm } from "./join-storm.ts";
import { scenario as offlineEditors } from "./offline-editors.ts";
import { scenario as offlineCommuters } from "./offline-commuters.ts";
import { scenario as spaceChat } from "./space-chat.ts";
import { scenario as reconnectHerd } from "./reconnect-herd.ts";
import { scenario as rollingRestart } from "./rolling-restart.ts";
import { scenario as rotationDrill } from "./rotation-drill.ts";
import { scenario as tokenStorm } from "./token-storm.ts";
import { scenario as typingNoise } from "./typing-noise.ts";
import { scenario as typingStorm } from "./typing-storm.ts";
import { scenario as watchParty } from "./watch-party.ts";

/** All workloads by name. */
export const scenarios: readonly Scenario[] = [
  watchParty,
  joinStorm,
  reconnectHerd,
  idleRooms,
  coEdit,
  tokenStorm,
  rollingRestart,
  rotationDrill,
  typingStorm,
  cursorSwarm,
  offlineEditors,
  backlogStorm,
  chatSpace,
  hotStream,
  loginJourney,
  crashDrill,
  spaceChat,
  offlineCommuters,
  editWar,
  typingNoise,
];
