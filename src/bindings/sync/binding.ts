import type { Binding, BindingManifest, Capability } from "../../core/binding.ts";
import { requirementId } from "../../core/ids.ts";
import type { Op } from "../../core/op.ts";
import { clientFrame } from "./codec.ts";
import { opaqueDocuments } from "./documents.ts";
import { hostile } from "./hostile.ts";
import { NOTHING } from "./messages.ts";
import { mutants } from "./mutants.ts";
import { operations } from "./operations.ts";
import { requirements } from "./requirements.ts";
import { entityId, rooms } from "./rooms.ts";
import { createSession, TOKEN_METHOD } from "./session.ts";

function on(meaning: string): Capability {
  return { default: true, meaning };
}

function off(meaning: string): Capability {
  return { default: false, meaning };
}

const capabilities = {
  jwt: on("the target resolves fixture DIDs: did:web on a loopback port, or a directory of ours"),
  pds: off("a PDS beside the directory of ours"),
  devToken: off("the development token is known"),
  echoToSender: on("the author of an update that is subscribed gets it back"),
  singleUseToken: off("a token serves once"),
  revoke: on("tokens can be revoked"),
  limits: off("figures of connections, tokens, frames and failures are kept"),
  accessRules: off("a forbidden entity is named"),
  directory: off("the target uses a directory of ours; `didCacheMs` is the declared life of its cache"),
  longWaits: on("the run may wait minutes"),
  keepalive: on("silent peers are dropped"),
  health: on("/healthz and /readyz"),
  secondUrl: off("two base URLs of one system"),
  restart: off("the process can be stopped and started again"),
  processControl: off("the process can be started with variables, stopped and killed"),
  metrics: off("metrics can be read"),
  logs: off("the log can be read"),
  storageListing: off("the keys of the store can be listed"),
  clientDriver: off("a client under test can be driven"),
} as const satisfies Record<string, Capability>;

/** Ten minutes: how long the reference server keeps a DID document (Y-13). */
const DID_CACHE_MS = 600_000;

const manifest: BindingManifest = {
  name: "sync",
  summary: "CRDT documents relayed and stored: token by service JWT, msgpack over WebSocket, Loro updates",
  orderModel: "perAuthor",
  echo: true,
  dialects: ["published"],
  // Taking documents in is work for the harness, and all cases share one thread.
  casesAtOnce: { shared: 6 },
  engines: { node: true, k6: "documents are WebAssembly, which k6 has none of" },
  capabilities,
  keepaliveMs: undefined,
  judges: {
    delivery: { otherwise: requirementId("SYNC-SESS-02"), foreign: requirementId("SYNC-ISO-01") },
    order: requirementId("SYNC-ORD-01"),
    convergence: requirementId("SYNC-CONV-01"),
    isolation: requirementId("SYNC-ISO-01"),
    latency: requirementId("SYNC-CAP-04"),
    kept: requirementId("SYNC-CONV-02"),
  },
  areas: {
    delivery: requirementId("SYNC-SESS-02"),
    order: requirementId("SYNC-ORD-01"),
    authorOrder: requirementId("SYNC-ORD-01"),
    isolation: requirementId("SYNC-ISO-01"),
    lateJoin: requirementId("SYNC-CONV-01"),
    quiescence: requirementId("SYNC-CONV-01"),
    departure: requirementId("SYNC-SESS-04"),
    robustness: requirementId("SYNC-ROB-04"),
  },
  budgets: { deliveryMsP95: 200 },
  writesOffline: true,
  reference: {
    timeScaleMax: 6,
    credential: { show: "bearer", method: TOKEN_METHOD },
    env: ({ audience, directoryUrl, scratch }) => ({ DID: audience, PLC_URL: directoryUrl ?? "", DATA_DIR: scratch }),
    capabilities: {
      singleUseToken: true,
      limits: true,
      directory: true,
      secondUrl: true,
      processControl: true,
      logs: true,
    },
    limits: {
      didCacheMs: DID_CACHE_MS,
      socketsPerDid: 20,
      tokensPerMinute: 10,
      framesPerSecond: 200,
      authFailuresPerMinute: 60,
      frameBytes: 1_048_576,
      silentMs: 45_000,
    },
  },
};

/** An act as the published wire writes it; documents are opaque here, and every frame is of one document. */
function encode(op: Op, run: string): Uint8Array {
  const entity = entityId(run);
  switch (op.kind) {
    case "write":
      return clientFrame({ type: "sendUpdate", entityId: entity, update: opaqueDocuments.replica(1).edit(op.value, op.marker) });
    case "read":
      return clientFrame({ type: "subscribe", entityId: entity, versionVector: NOTHING });
    case "leave":
      return clientFrame({ type: "unsubscribe", entityId: entity });
    case "keepalive":
    case "presence":
      throw new RangeError(`sync has no frame for the act "${op.kind}"`);
  }
}

/** CRDT documents, relayed and stored; the wire is that of roomy-syncserver. */
export const binding: Binding = {
  manifest,
  requirements,
  mutants,
  rooms,
  operations,
  hostile,
  session: (options) => createSession(options),
  encode,
  // Cases need sockets, keys and documents of their own: they come with `node.ts`.
  cases: () => Promise.resolve([]),
};
