import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { encodeEvent } from "../../events.ts";
import { ask } from "../lab.ts";
import { LeafSocket } from "../socket.ts";

/** A writer and a live reader in a process of their own: what this one decodes meanwhile makes nothing there late. */
export interface Pair {
  /** p99 from the planned time of an append to its receipt, ms, and the most that the process itself was late. */
  measure(): Promise<PairFigures>;
  end(): void;
}

export interface PairFigures {
  readonly p99Ms: number;
  readonly ownLagMs: number;
}

export interface PairOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly writerToken: string;
  readonly readerToken: string;
  readonly stream: string;
}

type FromPair = PairFigures | { readonly ready: true } | { readonly error: string };

const EVENTS = 120;
const EVERY_MS = 15;
const RECEIPT_MS_MAX = 20_000;
const START_MS_MAX = 20_000;
const MEASURE_MS_MAX = EVENTS * EVERY_MS + RECEIPT_MS_MAX + 5_000;

/** @throws Error when it does not come to live within 20 s. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const path = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./pair.ts" : "./pair.js", import.meta.url));
  const child = fork(path, [], { stdio: ["ignore", "ignore", "inherit", "ipc"], env: { ...process.env, [ROLE]: JSON.stringify(options) } });
  const next = (withinMs: number): Promise<FromPair> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the live pair said nothing for ${withinMs} ms`)), withinMs);
      child.once("message", (message: FromPair) => {
        clearTimeout(timer);
        if ("error" in message) reject(new Error(message.error));
        else resolve(message);
      });
    });
  await next(START_MS_MAX);
  return {
    measure: async () => {
      const answer = next(MEASURE_MS_MAX);
      child.send("measure");
      const figures = await answer;
      if (!("p99Ms" in figures)) throw new Error("the live pair answered something else");
      return figures;
    },
    end: () => void child.kill("SIGKILL"),
  };
}

const ROLE = "ROLLCALL_LEAF_PAIR";

async function live(options: PairOptions): Promise<void> {
  const nowMs = (): number => performance.now();
  const open = async (token: string): Promise<LeafSocket> => {
    const socket = new LeafSocket({ url: options.url, headers: options.headers, token, nowMs });
    if (!(await socket.signedIn())) throw new Error(`one of the pair could not sign in: ${socket.refusal ?? "no answer"}`);
    return socket;
  };
  const [writer, reader] = [await open(options.writerToken), await open(options.readerToken)];
  const subscription = await reader.subscribe(options.stream, ask("log", { start: 1 }));
  let sent = 0;
  process.on("message", () => {
    void (async () => {
      const first = subscription.last;
      const plannedMs: number[] = [];
      const fromMs = nowMs();
      let ownLagMs = 0;
      for (let n = 0; n < EVENTS; n += 1) {
        const atMs = fromMs + n * EVERY_MS;
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - nowMs())));
        ownLagMs = Math.max(ownLagMs, nowMs() - atMs);
        plannedMs.push(atMs);
        sent += 1;
        const event = encodeEvent({ eid: `pair-${process.pid}-${sent}`, kind: "post", room: "general", body: `message ${sent}` });
        void writer.call("stream/event_batch", { streamDid: options.stream, events: [event] });
      }
      await reader.until(() => subscription.last >= first + EVENTS, RECEIPT_MS_MAX);
      const latencies = subscription.news.flatMap((news) =>
        news.rows.flatMap((row) => {
          const idx = row["idx"];
          const planned = idx?.kind === "integer" ? plannedMs[Number(idx.value) - first - 1] : undefined;
          return planned === undefined ? [] : [news.atMs - planned];
        }),
      );
      if (latencies.length < EVENTS) throw new Error(`the pair got ${latencies.length} of ${EVENTS} events`);
      const p99Ms = latencies.toSorted((left, right) => left - right)[Math.ceil(latencies.length * 0.99) - 1] ?? NaN;
      tell({ p99Ms, ownLagMs });
    })().catch(fail);
  });
  process.on("disconnect", () => process.exit(0));
  tell({ ready: true });
}

function tell(message: FromPair): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  tell({ error: error instanceof Error ? error.message : String(error) });
}

const given = process.env[ROLE];
if (given !== undefined) live(JSON.parse(given) as PairOptions).catch(fail);
