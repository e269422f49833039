import type { Binding, BindingManifest, Capability } from "../../core/binding.ts";
import { requirementId } from "../../core/ids.ts";
import { encodeOp } from "./codec.ts";
import { hostile } from "./hostile.ts";
import { mutants } from "./mutants.ts";
import { operations } from "./operations.ts";
import { requirements } from "./requirements.ts";
import { rooms } from "./rooms.ts";
import { createSession } from "./session.ts";

function on(meaning: string): Capability {
  return { default: true, meaning };
}

function off(meaning: string): Capability {
  return { default: false, meaning };
}

const capabilities = {
  echoToSender: on(
    "the author of an update gets the broadcast too; off, evidence comes from the other sockets and from answers to SYNC_REQUEST",
  ),
  presence: { ...on("USER_JOINED, USER_LEFT and members"), shownBy: ({ kind }) => kind === "presence" },
  host: on("hostId and HOST_CHANGED"),
  roomList: on("GET /rooms and GET /rooms/:roomId"),
  capacityLimit: on("maxParticipants is kept"),
  emptyRoomKept: on("a room that all have left lives on until its timer ends"),
  positionMoves: on("the server works out the position while media plays; off, other checks compare paused states only"),
  accounts: on("the recipe `account` can register new users"),
  longWaits: on("the run may wait minutes"),
  secondUrl: off("a second process serves the same rooms"),
  restart: off("process control of the server and its store"),
  durable: off("rooms outlive the server's process"),
  metrics: off("metrics can be read"),
  setup: off("a hook runs the documented set-up"),
  clientDriver: off("a client under test can be driven"),
} as const satisfies Record<string, Capability>;

const manifest: BindingManifest = {
  name: "playback",
  summary: "rooms that play media together: HTTP and JSON over WebSocket",
  orderModel: "total",
  echo: true,
  dialects: ["published"],
  engines: { node: true, k6: true },
  capabilities,
  keepaliveMs: 30_000,
  roomTtlMs: 60_000,
  urls: "everyRoom",
  reference: { replicas: "redis" },
  judges: {
    delivery: { otherwise: requirementId("PLAY-CONV-04"), foreign: requirementId("PLAY-ISO-01") },
    order: requirementId("PLAY-ORD-01"),
    guarantees: requirementId("PLAY-ORD-03"),
    snapshot: requirementId("PLAY-CONV-01"),
    convergence: requirementId("PLAY-CONV-08"),
    presence: requirementId("PLAY-PRES-01"),
    lifecycle: { otherwise: requirementId("PLAY-HB-02"), early: requirementId("PLAY-HB-01") },
    isolation: requirementId("PLAY-ISO-01"),
    refusals: requirementId("PLAY-ERR-01"),
    latency: requirementId("PLAY-LAT-01"),
    kept: requirementId("PLAY-CONV-03"),
  },
  areas: {
    delivery: requirementId("PLAY-CONV-04"),
    order: requirementId("PLAY-ORD-01"),
    authorOrder: requirementId("PLAY-ORD-02"),
    isolation: requirementId("PLAY-ISO-01"),
    lateJoin: requirementId("PLAY-CONV-03"),
    quiescence: requirementId("PLAY-CONV-08"),
    departure: requirementId("PLAY-SESS-04"),
    refusal: requirementId("PLAY-ERR-01"),
    robustness: requirementId("PLAY-ROB-01"),
    unknownRoom: requirementId("PLAY-SESS-03"),
  },
  budgets: { deliveryMsP95: 200, spreadMs: 300 },
};

/** Rooms that play media together; the wire is that of kaicsm/roomy-backend. */
export const binding: Binding = {
  manifest,
  requirements,
  mutants,
  rooms,
  operations,
  hostile,
  session: createSession,
  encode: (op) => encodeOp(op),
  cases: async () => (await import("./cases/index.ts")).cases,
};
