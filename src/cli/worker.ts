import { createCheckers } from "../checkers/index.ts";
import { MemoryLedger } from "../checkers/ledger.ts";
import { HarnessError } from "../core/errors.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import type { ResolvedTarget } from "../core/target.ts";
import { createHdr } from "../engines/node/hdr.ts";
import { requestHttp } from "../engines/node/http.ts";
import type { ShardResult, ShardSecond } from "../engines/node/shard-types.ts";
import { runShard } from "../engines/node/shard.ts";
import { wsTransport } from "../engines/node/transport.ts";
import { createCredentials } from "../../fixtures/credentials/index.ts";
import { openPool } from "../../fixtures/identities/index.ts";
import { scenarios } from "../../scenarios/index.ts";
import { loadBinding } from "./registry.ts";

/** What a load worker is told; plain data over the process's IPC channel. */
export interface WorkerJob {
  readonly kind: "job";
  readonly binding: string;
  readonly target: ResolvedTarget;
  readonly scenario: string;
  readonly parameters: ScenarioParameters;
  readonly seed: string;
  readonly run: string;
  readonly shard: { readonly index: number; readonly count: number };
  readonly pool: { readonly dir: string | undefined; readonly seed: string };
}

/** What it tells. Histograms are encoded HDR. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "second"; readonly second: ShardSecond }
  | {
      readonly kind: "done";
      readonly result: ShardResult;
      readonly deliveryMs: string;
      readonly convergenceMs: string;
      readonly spreadMs: string;
      readonly delivered: number;
      readonly expected: number;
      readonly recognised: number;
    }
  | {
      readonly kind: "failed";
      readonly code: "usage" | "unreachable" | "internal";
      readonly message: string;
      readonly hint: string | undefined;
    };

/** Bytes of a room's creation answer at most. */
const BODY_BYTES_MAX = 1024 * 1024;
const HTTP_MS_MAX = 15_000;

const stopping = new AbortController();

function tell(message: WorkerMessage): void {
  process.send?.(message);
}

async function work(job: WorkerJob): Promise<void> {
  const binding = await loadBinding(job.binding);
  const scenario = scenarios.find((each) => each.name === job.scenario);
  if (scenario === undefined) throw new HarnessError("internal", `no scenario ${job.scenario} in the worker`);
  const pool = await openPool({ seed: job.pool.seed, ...(job.pool.dir === undefined ? {} : { dir: job.pool.dir }) });
  const source = createCredentials({ target: job.target, pool });
  const decoder = new TextDecoder();
  const judgesPresence = binding.manifest.judges.presence !== undefined && (job.target.capabilities["presence"] ?? true);
  let ledger: MemoryLedger | undefined;
  tell({ kind: "ready" });
  await new Promise<void>((resolve) => process.once("message", () => resolve()));
  const result = await runShard({
    session: binding.session,
    rooms: binding.rooms,
    operations: binding.operations,
    keepaliveMs: binding.manifest.keepaliveMs,
    scenario,
    parameters: job.parameters,
    target: job.target,
    seed: job.seed,
    run: job.run,
    shard: job.shard,
    credential: (client) => source.credential(client),
    http: (request, credential) =>
      requestHttp({ target: job.target, request, credential, withinMs: HTTP_MS_MAX, bodyBytesMax: BODY_BYTES_MAX }),
    transport: wsTransport,
    ledger: (slots, onDelivery) => {
      ledger = new MemoryLedger({
        orderModel: binding.manifest.orderModel,
        echo: binding.manifest.echo,
        run: job.run,
        slots,
        histogram: createHdr,
        textOf: (bytes) => decoder.decode(bytes),
        onDelivery,
      });
      return ledger;
    },
    checkers: createCheckers({
      orderModel: binding.manifest.orderModel,
      echo: binding.manifest.echo,
      run: job.run,
      histogram: createHdr,
      only: judgesPresence ? ["presence"] : [],
    }),
    onSecond: (second) => tell({ kind: "second", second }),
    signal: stopping.signal,
  });
  if (ledger === undefined) throw new HarnessError("internal", "the shard made no ledger");
  const { deliveryMs, convergenceMs, spreadMs, delivered, expected, recognised } = ledger.figures;
  tell({
    kind: "done",
    result,
    deliveryMs: deliveryMs.encode(),
    convergenceMs: convergenceMs.encode(),
    spreadMs: spreadMs.encode(),
    delivered,
    expected,
    recognised,
  });
}

// The terminal sends Ctrl-C to the whole group; the parent decides when a worker stops.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
process.on("message", (message: WorkerJob | { readonly kind: "go" | "stop" }) => {
  if (message.kind === "stop") stopping.abort();
  if (message.kind !== "job") return;
  work(message).catch((error: unknown) => {
    const isOurs = error instanceof HarnessError;
    tell({
      kind: "failed",
      code: isOurs ? error.code : "internal",
      message: error instanceof Error ? (isOurs ? error.message : (error.stack ?? error.message)) : String(error),
      hint: isOurs ? error.hint : undefined,
    });
  });
});
