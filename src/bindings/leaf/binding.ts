import type { Binding, BindingManifest, Capability } from "../../core/binding.ts";
import { requirementId } from "../../core/ids.ts";
import type { Op } from "../../core/op.ts";
import { callFrame } from "./codec.ts";
import { encodeEvent, markEvent } from "./events.ts";
import { hostile } from "./hostile.ts";
import { queryToCbor, text } from "./messages.ts";
import { mutants } from "./mutants.ts";
import { eventOf, MAIN_ROOM, operations } from "./operations.ts";
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
  serviceJwt: on("the target resolves DIDs of ours, so that each client signs in as itself"),
  trustedToken: off("the shared secret is known: one socket may act for many users"),
  anonymousRead: on("sessions without a token may ask where the module lets them"),
  proxyRoute: on("GET /xrpc/town.muni.leaf.authenticate answers with the caller's DID"),
  createStream: on("streams can be made over the wire"),
  moduleUpload: on("modules can be uploaded"),
  stateEvents: on("state_event_batch and clear_state"),
  polling: on("HTTP long-polling is served too"),
  longWaits: on("the run may wait minutes"),
  secondUrl: off("a second process serves the same streams"),
  restart: off("process control of the server"),
  metrics: off("metrics can be read"),
  directory: off("the DID directory is in the harness's hands"),
  pds: off("a PDS of the harness's own vouches for users"),
  clientDriver: off("a client under test can be driven"),
  browser: off("the driver is in a browser"),
  buildHook: off("the app can be built"),
} as const satisfies Record<string, Capability>;

/** Of the reference server; short, so that what waits for its end need not wait long. */
const DID_CACHE_MS = 60_000;

const manifest: BindingManifest = {
  name: "leaf",
  summary: "event streams with views in SQL: socket.io, MessagePack and DAG-CBOR, AT Protocol sign-in",
  orderModel: "position",
  echo: true,
  dialects: ["published"],
  engines: { node: true, k6: true },
  capabilities,
  keepaliveMs: undefined,
  judges: {
    delivery: {
      otherwise: requirementId("LEAF-ORD-04"),
      foreign: requirementId("LEAF-ISO-01"),
      diverged: requirementId("LEAF-CONV-02"),
    },
    order: requirementId("LEAF-ORD-01"),
    guarantees: requirementId("LEAF-CONV-04"),
    convergence: requirementId("LEAF-CONV-01"),
    isolation: requirementId("LEAF-ISO-01"),
    latency: requirementId("LEAF-LAT-01"),
    kept: requirementId("LEAF-ORD-05"),
  },
  recalls: true,
  areas: {
    delivery: requirementId("LEAF-ORD-04"),
    order: requirementId("LEAF-ORD-01"),
    authorOrder: requirementId("LEAF-ORD-03"),
    isolation: requirementId("LEAF-ISO-01"),
    lateJoin: requirementId("LEAF-CONV-04"),
    quiescence: requirementId("LEAF-CONV-01"),
    robustness: requirementId("LEAF-ERR-02"),
    unknownRoom: requirementId("LEAF-ERR-02"),
  },
  budgets: { deliveryMsP95: 250 },
  reference: {
    credential: { method: "town.muni.leaf.authenticate", show: "query:token", audience: "did:web:localhost%3A{port}" },
    env: ({ scratch }) => ({ DATA_DIR: scratch, DID_CACHE_MS: String(DID_CACHE_MS) }),
    limits: { didCacheMs: DID_CACHE_MS },
  },
};

/** A stream that is never there. */
const NO_STREAM = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
/** Ids of calls that no session has made. */
const FOREIGN_IDS = 800_000;

function encode(op: Op, _run: string): Uint8Array {
  const id = FOREIGN_IDS + (op.id % 1000);
  if (op.kind === "write") {
    const event = eventOf(op.value, undefined);
    const payload = encodeEvent(op.marker === undefined ? event : markEvent(event, op.marker));
    return callFrame("stream/event_batch", { streamDid: NO_STREAM, events: [payload] }, id);
  }
  const query = queryToCbor({ name: "room", params: { room: text(MAIN_ROOM) } });
  return callFrame("stream/query", { streamDid: NO_STREAM, query }, id);
}

/** Event streams with materialised views; the wire is that of muni-town/leaf. */
export const binding: Binding = {
  manifest,
  requirements,
  mutants,
  rooms,
  operations,
  hostile,
  session: createSession,
  encode,
  cases: () => Promise.resolve([]),
};
