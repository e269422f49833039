import { execFileSync } from "node:child_process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BenchClient, pause, startBench } from "./jazz-clients.ts";
import { treeOf } from "./process-tree.ts";
import { type BenchPart, commandOf, machine, printPart, today, writeResult } from "./result-file.ts";

/**
 * What one process holds and does of this binding: `npm run bench -- jazz-replicas` (under a minute). Memory of a replica,
 * and transactions a second when everybody writes as fast as all others take it in, in spaces of different size.
 */
const SIZES = [
  { replicas: 10, spaces: 1 },
  { replicas: 20, spaces: 1 },
  { replicas: 40, spaces: 1 },
  { replicas: 40, spaces: 8 },
] as const;
const WRITE_MS = 4_000;
const SETTLE_MS = 1_000;
const ONE_MS_MAX = 60_000;

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
  const warm = await bench.open("warm-0", 1);
  await pause(SETTLE_MS);
  const before = residentBytes();
  const startMs = performance.now();
  const bySpace: (readonly BenchClient[])[] = [];
  for (let space = 0; space < spaces; space += 1) bySpace.push(await bench.open(`bench-${space}`, replicas / spaces));
  const clients = bySpace.flat();
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
  const beginMs = performance.now();
  for (const members of bySpace) {
    const pump = pumpOf(members, () => isOver);
    for (const client of members) client.onProgress = pump;
    pump();
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
  for (const client of [...warm, ...clients]) client.close();
  bench.stop();
  return row;
}

/**
 * Has the members of a space write in turn: as many writes are under way as there are members, and the next goes out when
 * one has come to everybody. Waiting for confirmations alone would fill the replicas' queues without end.
 */
function pumpOf(members: readonly BenchClient[], isOver: () => boolean): () => void {
  const own = members.map((client) => ownMessage(client));
  const others = members.length - 1;
  const arrived = (): number => members.reduce((sum, { delivered }) => sum + delivered, 0);
  const before = arrived();
  let sent = 0;
  return () => {
    while (!isOver() && sent - (arrived() - before) / others < members.length) {
      const turn = sent % members.length;
      sent += 1;
      members[turn]?.act({ do: "react", message: own[turn] ?? "", emoji: "👍", on: sent % 2 === 0 });
    }
  };
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

// Each in a process of its own: memory that one has given back would be taken for the next one's.
const [, script = "", word, ...given] = process.argv;
if (word === "--one") {
  process.stdout.write(JSON.stringify(await measure(Number(given[0]), Number(given[1]))));
  process.exit(0);
}
const rows = SIZES.map(({ replicas, spaces }): Row => {
  console.error(`${replicas} replicas in ${spaces === 1 ? "one space" : `${spaces} spaces`}`);
  const answer = execFileSync(process.execPath, [script, "--one", String(replicas), String(spaces)], {
    encoding: "utf8",
    timeout: ONE_MS_MAX,
  });
  return JSON.parse(answer) as Row;
});
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
      "Rate: for four seconds all react to messages of their own, as many at once as a space has replicas, and the next when one has come to everybody.",
  },
  [part],
);
process.exit(0);
