import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BenchClient, pause, startBench } from "./jazz-clients.ts";
import { treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";

/**
 * What one process holds and does of this binding: `npm run bench -- jazz-replicas` (under a minute). Memory of a replica,
 * and transactions a second when everybody writes as fast as its last write is confirmed, in spaces of different size.
 */
const SIZES = [
  { replicas: 10, spaces: 1 },
  { replicas: 20, spaces: 1 },
  { replicas: 40, spaces: 1 },
  { replicas: 40, spaces: 8 },
] as const;
const WRITE_MS = 4_000;
const SETTLE_MS = 1_000;

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

function residentBytes(): number {
  collect();
  return process.memoryUsage.rss();
}

interface Row {
  readonly replicas: number;
  readonly spaces: number;
  readonly kbAReplica: number;
  readonly joinMs: number;
  readonly transactionsPerSecond: number;
  readonly deliveriesPerSecond: number;
  readonly clientCpu: number;
  readonly relayCpu: number;
}

async function measure(replicas: number, spaces: number): Promise<Row> {
  const bench = await startBench();
  // What the library itself takes is taken once.
  const [warm] = await bench.open("bench-warm-0", 1);
  await pause(SETTLE_MS);
  const before = residentBytes();
  const startMs = performance.now();
  const clients: BenchClient[] = [];
  for (let space = 0; space < spaces; space += 1)
    clients.push(...(await bench.open(`bench-${replicas}-${spaces}-${space}`, replicas / spaces)));
  const joinMs = performance.now() - startMs;
  await pause(SETTLE_MS);
  const kbAReplica = (residentBytes() - before) / 1024 / replicas;
  // Everybody changes a message of its own, again as soon as the last change is confirmed.
  for (const client of clients) client.act({ do: "send", content: "mine" });
  await pause(SETTLE_MS);
  const sum = (of: (client: BenchClient) => number): number => clients.reduce((left, client) => left + of(client), 0);
  const relayOf = (): number => treeOf(bench.server.pid ?? 0).reduce((left, { cpuMs }) => left + cpuMs, 0);
  const counted = {
    accepted: sum((each) => each.accepted),
    delivered: sum((each) => each.delivered),
    relay: relayOf(),
    own: process.cpuUsage(),
  };
  let isOver = false;
  let n = 0;
  const beginMs = performance.now();
  for (const client of clients) {
    const own = ownMessage(client);
    const write = (): void => {
      if (!isOver) client.act({ do: "react", message: own, emoji: "👍", on: (n += 1) % 2 === 0 });
    };
    client.onAccepted = write;
    write();
  }
  await pause(WRITE_MS);
  isOver = true;
  const seconds = (performance.now() - beginMs) / 1_000;
  const own = process.cpuUsage(counted.own);
  const row: Row = {
    replicas,
    spaces,
    kbAReplica,
    joinMs,
    transactionsPerSecond: (sum((each) => each.accepted) - counted.accepted) / seconds,
    deliveriesPerSecond: (sum((each) => each.delivered) - counted.delivered) / seconds,
    clientCpu: (own.user + own.system) / 1_000_000 / seconds,
    relayCpu: (relayOf() - counted.relay) / 1_000 / seconds,
  };
  for (const client of [warm, ...clients]) client?.close();
  await pause(SETTLE_MS);
  bench.stop();
  return row;
}

/** The message that a client has sent itself: the one in its space that it is the author of. */
function ownMessage(client: BenchClient): string {
  const { threads } = client.view();
  const account = client.account;
  const own = Object.values(threads)
    .flat()
    .find(({ author }) => author === account);
  if (own === undefined) throw new Error("a replica does not show its own message");
  return own.id;
}

const rows: Row[] = [];
for (const { replicas, spaces } of SIZES) {
  console.error(`${replicas} replicas in ${spaces === 1 ? "one space" : `${spaces} spaces`}`);
  rows.push(await measure(replicas, spaces));
}
const least = Math.min(...rows.map(({ kbAReplica }) => kbAReplica));
const most = Math.max(...rows.map(({ kbAReplica }) => kbAReplica));
const clientsAGib = (kb: number): string => Math.floor((1024 * 1024) / kb).toLocaleString("en");
const part: BenchPart = {
  key: "replicas",
  command: commandOf("jazz-replicas"),
  measuredOn: today(),
  machine: machine(),
  tables: [
    {
      caption: "Replicas in one process, against the published relay in another",
      columns: ["replicas", "spaces", "KB a replica", "all joined, s", "transactions/s", "deliveries/s", "cores, client", "cores, relay"],
      rows: rows.map((row) => [
        String(row.replicas),
        String(row.spaces),
        row.kbAReplica.toFixed(0),
        (row.joinMs / 1_000).toFixed(1),
        row.transactionsPerSecond.toFixed(0),
        row.deliveriesPerSecond.toFixed(0),
        row.clientCpu.toFixed(2),
        row.relayCpu.toFixed(2),
      ]),
    },
  ],
  bars: [],
  notes: [
    `${clientsAGib(most)} to ${clientsAGib(least)} replicas in a GiB at joining; every message held makes them larger.`,
    "Transactions are confirmed writes; each is signed, encrypted, checked and decrypted once more at every other replica of its space.",
  ],
};
printPart(part);
writeResult(
  {
    name: "jazz-replicas",
    title: "Replicas of jazz",
    about:
      "Each client is a node of the Jazz library with a copy of its space. Memory: resident bytes after a forced collection, less what one replica of another space takes. " +
      "Rate: for four seconds every replica reacts to a message of its own, again as soon as the last reaction is confirmed.",
  },
  [part],
);
process.exit(0);
