import type { Binding, BindingManifest, Capability } from "../../core/binding.ts";
import { requirementId } from "../../core/ids.ts";
import type { Op } from "../../core/op.ts";
import { codecOf, DIALECTS } from "./codec.ts";
import { editOf } from "./editing.ts";
import { flatEditing } from "./flat.ts";
import { hostile } from "./hostile.ts";
import { markText } from "./marker.ts";
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
  presence: on("presence, join and leave notices"),
  history: on("`history-request` is answered; off, a batch in doubt is judged by the document"),
  docRequest: on("`doc-request` is answered"),
  heartbeat: on("the server pings, and drops who is silent for `silentMs`"),
  documentKept: on("a document outlives its users"),
  longWaits: on("the run may wait minutes"),
  restart: off("process control of the server"),
  durable: off("what was written outlives the server's process"),
  rateLimit: off("the allowed rate is named by `messagesPerSecondMax`"),
  binaryFrames: off("a binary form of the messages exists"),
  secondUrl: off("rooms are spread over servers by a rule"),
  metrics: off("metrics can be read"),
  clientDriver: off("a client under test can be driven"),
} as const satisfies Record<string, Capability>;

const manifest: BindingManifest = {
  name: "steps",
  summary: "rich text that several people write at once: ProseMirror steps as JSON over WebSocket",
  orderModel: "total",
  echo: false,
  dialects: DIALECTS,
  engines: { node: true, k6: true },
  capabilities,
  keepaliveMs: undefined,
  judges: {
    delivery: {
      otherwise: requirementId("STEP-CONV-02"),
      foreign: requirementId("STEP-ISO-01"),
      diverged: requirementId("STEP-CONV-01"),
      damaged: requirementId("STEP-CONV-05"),
      absent: requirementId("STEP-CONV-04"),
    },
    order: requirementId("STEP-ORD-01"),
    guarantees: requirementId("STEP-RES-03"),
    convergence: requirementId("STEP-CONV-01"),
    presence: requirementId("STEP-PRES-03"),
    isolation: requirementId("STEP-ISO-01"),
    refusals: requirementId("STEP-ERR-02"),
    latency: requirementId("STEP-LAT-02"),
    kept: requirementId("STEP-SESS-02"),
  },
  areas: {
    delivery: requirementId("STEP-CONV-02"),
    order: requirementId("STEP-ORD-01"),
    authorOrder: requirementId("STEP-ORD-01"),
    isolation: requirementId("STEP-ISO-01"),
    lateJoin: requirementId("STEP-SESS-02"),
    quiescence: requirementId("STEP-CONV-01"),
    departure: requirementId("STEP-SESS-04"),
    refusal: requirementId("STEP-ERR-03"),
    robustness: requirementId("STEP-ERR-03"),
  },
  budgets: {},
  writesOffline: true,
  // Silence is found after 15 s: at five times the speed a busy machine still has 3 s to answer a ping.
  urls: "ownRooms",
  reference: { credential: { recipe: "none" }, capabilities: { secondUrl: true }, timeScaleMax: 5 },
};

/** The frame of a write as `documented` writes it, for whoever needs bytes: the marked text at the start of the document. */
function encode(op: Op): string {
  const to = { room: "", user: "somebody", epochMs: 0 };
  const codec = codecOf("documented");
  if (op.kind !== "write") return codec.writeClient({ type: "doc-request" }, to);
  const text = editOf(op.value)?.text ?? "x";
  const content = [{ type: "text", text: op.marker === undefined ? text : markText(text, op.marker) }];
  const step = { stepType: "replace", from: 1, to: 1, slice: { content } };
  return codec.writeClient({ type: "steps", steps: [step], version: 0, userId: "somebody" }, to);
}

/**
 * Rich text that several people write at once; the wire is that of realtime-pm, as its documentation has it or as its
 * package speaks it. Here without a document model, so that it runs anywhere; `node.ts` puts ProseMirror in.
 */
export const binding: Binding = {
  manifest,
  requirements,
  mutants,
  rooms,
  operations,
  hostile,
  session: (options) => createSession(options, { editing: flatEditing, epochMs: () => Date.now() }),
  encode,
  // They take sockets of their own and documents: node.ts has them.
  cases: () => Promise.resolve([]),
};
