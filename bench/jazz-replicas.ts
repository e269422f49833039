import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Detail } from "../src/core/observation.ts";
import { createPrng } from "../src/core/prng.ts";
import type { Session, SessionOptions } from "../src/core/session.ts";
import { type Act, valueOf } from "../src/bindings/jazz/acts.ts";
import { inNode } from "../src/bindings/jazz/node.ts";
import { createAlarms } from "../src/engines/node/alarms.ts";
import { createNodeClient } from "../src/engines/node/client.ts";
import { netTransport } from "../src/engines/node/net-transport.ts";

/**
 * Replicas that edit the same messages while three in ten of the time they are offline: `node bench/jazz-replicas.ts
 * [accounts] [edits]`. Prints whether all replicas hold the same in the end, transactions a second, and memory a client.
 */
const ACCOUNTS = Number(process.argv[2] ?? 50);
const EDITS = Number(process.argv[3] ?? 100);
const MESSAGES = 20;
const OFFLINE_SHARE = 0.3;
const JOIN_MS_MAX = 30_000;
const QUIESCE_MS_MAX = 120_000;

interface Client {
  readonly seen: Detail[];
  isOffline: boolean;
  act(what: Act): void;
  text(): string;
}

if (inNode.absent !== undefined || inNode.session === undefined) {
  console.log(inNode.absent);
  process.exit(0);
}
const makeSession: (options: SessionOptions) => Session = inNode.session;
const server = spawn(process.execPath, [fileURLToPath(new URL("../src/bindings/jazz/reference/main.ts", import.meta.url))], {
  stdio: ["ignore", "pipe", "inherit"],
});
const url = await readyUrl();
const prng = createPrng("jazz-replicas");
const alarms = createAlarms(() => performance.now());

async function readyUrl(): Promise<string> {
  for (;;) {
    const [chunk] = (await once(server.stdout, "data")) as [Buffer];
    const line = chunk
      .toString("utf8")
      .split("\n")
      .find((each) => each.startsWith("{"));
    if (line !== undefined) return (JSON.parse(line) as { readonly url: string }).url;
  }
}

async function until(holds: () => boolean, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs;
  while (!holds() && performance.now() < endMs) await pause(20);
  return holds();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function open(index: number): Client {
  const seen: Detail[] = [];
  let ops = 0;
  const client = createNodeClient({
    session: makeSession({
      room: "bench-replicas-1",
      basePath: "",
      dialect: "published",
      prng: prng.fork(`client-${index}`),
      keepaliveMs: undefined,
      reconnect: false,
      readOnJoin: false,
      run: "bench",
    }),
    url,
    headers: {},
    ca: undefined,
    localAddress: undefined,
    transport: netTransport,
    alarms,
    nowMs: () => performance.now(),
    credential: () => Promise.resolve({ user: `user-${index}`, headers: {}, query: {}, protocols: [] }),
    http: () => Promise.resolve({ failure: "not here" }),
    observe: (detail) => seen.push(detail),
  });
  client.start();
  return {
    seen,
    isOffline: false,
    act: (what) => client.invoke({ kind: "write", id: (ops += 1), plannedMs: 0, value: valueOf(what) }),
    text: () => {
      client.invoke({ kind: "read", id: (ops += 1), plannedMs: 0 });
      const last = seen.findLast((each) => each.kind === "snapshot");
      return last?.kind === "snapshot" ? last.content : "";
    },
  };
}

const hasJoined = ({ seen }: Client): boolean => seen.some((each) => each.kind === "lifecycle" && each.event === "joined");
const accepted = ({ seen }: Client): number => seen.filter((each) => each.kind === "accepted").length;
const residentBefore = process.memoryUsage.rss();
const first = open(0);
await until(() => hasJoined(first), JOIN_MS_MAX);
const clients = [first, ...Array.from({ length: ACCOUNTS - 1 }, (_, index) => open(index + 1))];
if (!(await until(() => clients.every(hasJoined), JOIN_MS_MAX))) throw new Error(`only ${clients.filter(hasJoined).length} joined`);
const perClientKb = (process.memoryUsage.rss() - residentBefore) / 1024 / ACCOUNTS;
for (let n = 0; n < MESSAGES; n += 1) first.act({ do: "send", content: `message ${n}` });
await pause(2_000);
const startMs = performance.now();
for (let round = 0; round < EDITS; round += 1) {
  for (const client of clients) {
    const wantsOffline = client.isOffline ? prng.next() > 0.1 : prng.next() < 0.1 * (OFFLINE_SHARE / (1 - OFFLINE_SHARE));
    if (wantsOffline !== client.isOffline) {
      client.isOffline = wantsOffline;
      client.act({ do: wantsOffline ? "offline" : "online" });
    }
    client.act({ do: "edit", pick: prng.next(), content: `edit ${round}` });
  }
  await pause(10);
}
for (const client of clients) if (client.isOffline) client.act({ do: "online" });
const isConfirmed = await until(() => clients.every((client) => accepted(client) >= EDITS), QUIESCE_MS_MAX);
const isSame = await until(() => new Set(clients.map((client) => client.text())).size === 1, QUIESCE_MS_MAX);
const tookMs = performance.now() - startMs;
console.log(
  `${ACCOUNTS} accounts × ${EDITS} edits, ${OFFLINE_SHARE * 100} % offline: ${isConfirmed ? "all confirmed" : "NOT all confirmed"}, ` +
    `replicas ${isSame ? "equal" : "DIFFERENT"} after ${(tookMs / 1_000).toFixed(1)} s; ` +
    `${((ACCOUNTS * EDITS) / (tookMs / 1_000)).toFixed(0)} transactions a second; ${perClientKb.toFixed(0)} KB a client at joining ` +
    `(${Math.floor((1024 * 1024) / perClientKb)} clients a GiB), ${((process.memoryUsage.rss() - residentBefore) / 1024 / ACCOUNTS).toFixed(0)} KB at the end`,
);
server.kill();
process.exit(isSame && isConfirmed ? 0 : 1);
