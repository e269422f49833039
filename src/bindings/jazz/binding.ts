import type { Binding, BindingManifest, Capability } from "../../core/binding.ts";
import { HarnessError } from "../../core/errors.ts";
import { requirementId } from "../../core/ids.ts";
import { knownFailures } from "./findings.ts";
import { hostile } from "./hostile.ts";
import { mutants } from "./mutants.ts";
import { operations } from "./operations.ts";
import { requirements } from "./requirements.ts";

function on(meaning: string): Capability {
  return { default: true, meaning };
}

function off(meaning: string): Capability {
  return { default: false, meaning };
}

const capabilities = {
  hub: off("the JSON side channel for hints, typing and presence; on once its address is given"),
  hubProof: on("the hub demands a proof of the account"),
  presence: on("the hub tells who is online, away and offline"),
  fullSession: on("sessions of the real library: groups, encryption, the whole data model"),
  storage: off("what the relay has confirmed outlives its process"),
  restart: off("process control of the server"),
  reconcile: off("bulk comparison of newer relays"),
  longWaits: on("the run may wait minutes"),
  clientDriver: off("a client under test can be driven"),
  clientMetrics: off("the client under test tells its metrics"),
  metrics: off("metrics can be read"),
} as const satisfies Record<string, Capability>;

const manifest: BindingManifest = {
  name: "jazz",
  summary: "chat on local replicas over a Jazz relay: signed, encrypted CRDT values, and a hub for hints",
  orderModel: "perAuthor",
  echo: false,
  dialects: ["published"],
  engines: { node: true, k6: "its sessions are made of the Jazz library, which is native code or WebAssembly; k6 has neither" },
  capabilities,
  keepaliveMs: undefined,
  // Nothing is ordered across values, and every message is a value of its own: arrivals of one author may change places.
  judges: {
    delivery: requirementId("JAZZ-CONV-01"),
    convergence: requirementId("JAZZ-CONV-03"),
    isolation: requirementId("JAZZ-ISO-01"),
    kept: requirementId("JAZZ-RES-10"),
    typing: { foreign: requirementId("JAZZ-ISO-01"), otherwise: requirementId("JAZZ-PRES-01") },
    hints: { foreign: requirementId("JAZZ-ISO-01"), leaked: requirementId("JAZZ-PRES-01"), otherwise: requirementId("JAZZ-SESS-02") },
    endings: requirementId("JAZZ-PRES-02"),
    statuses: { stale: requirementId("JAZZ-PRES-04"), otherwise: requirementId("JAZZ-PRES-03") },
  },
  areas: {},
  budgets: { deliveryMsP95: 250 },
  // PRES-01; J-9; X-4; X-11 with its sweep.
  signals: { withinMs: 2_000, typingMs: 10_000, statusMs: 5_000, silentMs: 55_000 },
  // Every client is a node that signs, encrypts and verifies: more cases at once would only starve each other.
  casesAtOnce: { shared: 5, quiet: 3 },
  writesOffline: true,
  reference: {
    credential: { recipe: "none" },
    env: ({ scratch }) => ({ SCRATCH: scratch }),
    capabilities: { hub: true, storage: true, metrics: false },
    known: knownFailures,
  },
};

/** Chat on Jazz: replicas at the clients, a relay that stores and forwards, a hub beside it. */
export const binding: Binding = {
  manifest,
  requirements,
  mutants,
  rooms: { kind: "named", name: (label) => label },
  operations,
  hostile,
  session: () => {
    throw new HarnessError("internal", "the sessions of jazz are driven: they stand in node.ts");
  },
  encode: (op) => (op.kind === "write" ? JSON.stringify(op.value) : ""),
  cases: async () => (await import("./cases/index.ts")).cases,
};
