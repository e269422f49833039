import { createPrng } from "../src/core/prng.ts";
import type { Message } from "../src/bindings/jazz/messages.ts";
import { type BenchClient, pause, startBench, until } from "./jazz-clients.ts";

/**
 * Replicas that edit the same messages while three in ten of the time they are offline:
 * `npm run bench -- jazz-convergence [accounts] [edits]` (50 and 100). Compares every field of every message on all replicas.
 */
const ACCOUNTS = Number(process.argv[2] ?? 50);
const EDITS = Number(process.argv[3] ?? 100);
/** Messages that all edit: each by nearly every account. */
const MESSAGES = ACCOUNTS * 2;
/** Each account is offline for one spell of this share of the run, somewhere in it. */
const OFFLINE_SHARE = 0.3;
const ROUND_MS = 200;
const QUIESCE_MS_MAX = 300_000;
const TELL_MS = 5_000;

const bench = await startBench();
const prng = createPrng("jazz-convergence");
const clients = await bench.open("bench-convergence-1", ACCOUNTS);
const [first] = clients;
for (let n = 0; n < MESSAGES; n += 1) first?.act({ do: "send", content: `message ${n}` });
if (!(await until(() => clients.slice(1).every(({ delivered }) => delivered >= MESSAGES), QUIESCE_MS_MAX)))
  throw new Error("the messages to edit did not reach everybody");
const base = new Map(clients.map((client) => [client, client.accepted]));

const spell = Math.round(EDITS * OFFLINE_SHARE);
const leavesAt = new Map(clients.map((client) => [client, prng.below(EDITS - spell + 1)]));
const away = new Set<BenchClient>();
let edits = 0;
let awayEdits = 0;
const startMs = performance.now();
let toldMs = startMs;
for (let round = 0; round < EDITS; round += 1) {
  const dueMs = startMs + round * ROUND_MS;
  for (const client of clients) {
    const since = round - (leavesAt.get(client) ?? 0);
    if (since === 0) {
      away.add(client);
      client.act({ do: "offline" });
    } else if (since === spell) {
      away.delete(client);
      client.act({ do: "online" });
    }
    client.act({ do: "edit", pick: prng.next(), content: `edit ${round}` });
    edits += 1;
    if (away.has(client)) awayEdits += 1;
  }
  await pause(dueMs + ROUND_MS - performance.now());
  if (performance.now() - toldMs > TELL_MS) {
    toldMs = performance.now();
    console.error(`${((toldMs - startMs) / 1_000).toFixed(0)} s: edit ${round + 1} of ${EDITS}, ${away.size} offline`);
  }
}
for (const client of away) client.act({ do: "online" });
const total = ACCOUNTS * EDITS;
const confirmed = (): number => clients.reduce((sum, client) => sum + client.accepted - (base.get(client) ?? 0), 0);
const arrived = (): number => clients.reduce((sum, { delivered }) => sum + delivered, 0) - MESSAGES * (ACCOUNTS - 1);
const isComplete = await until(() => {
  if (performance.now() - toldMs > TELL_MS) {
    toldMs = performance.now();
    console.error(
      `${((toldMs - startMs) / 1_000).toFixed(0)} s: ${confirmed()} of ${total} confirmed, ${arrived()} of ${total * (ACCOUNTS - 1)} arrived`,
    );
  }
  return confirmed() >= total && arrived() >= total * (ACCOUNTS - 1);
}, QUIESCE_MS_MAX);
const tookMs = performance.now() - startMs;

// Value by value: what one replica shows of each message, held against every other's.
const fields = ["content", "createdAt", "author", "threadId", "reactions", "hiddenIn", "softDeleted", "updatedAt"] as const;
const shownBy = (client: BenchClient): ReadonlyMap<string, Message> =>
  new Map(
    Object.values(client.view().threads)
      .flat()
      .map((message) => [message.id, message]),
  );
const reference = first === undefined ? new Map<string, Message>() : shownBy(first);
let compared = 0;
let differing = 0;
let examples = "";
for (const client of clients.slice(1)) {
  const shown = shownBy(client);
  if (shown.size !== reference.size) differing += 1;
  for (const [id, message] of reference)
    for (const field of fields) {
      compared += 1;
      if (JSON.stringify(message[field]) === JSON.stringify(shown.get(id)?.[field])) continue;
      differing += 1;
      examples ||= ` (first: ${field} of ${id})`;
    }
}
const several = [...reference.values()].filter(({ content }) => content.includes("\n")).length;
console.log(
  `${ACCOUNTS} accounts × ${EDITS} edits of ${reference.size} messages, each ${OFFLINE_SHARE * 100} % of the time offline, ${((awayEdits / edits) * 100).toFixed(0)} % of all edits made then, in ${(tookMs / 1_000).toFixed(1)} s\n` +
    `${confirmed()} of ${total} confirmed, ${arrived()} of ${total * (ACCOUNTS - 1)} deliveries\n` +
    `${compared} values compared on ${ACCOUNTS} replicas: ${differing} differ${examples}; ${several} messages hold concurrent edits`,
);
bench.stop();
process.exit(isComplete && differing === 0 && reference.size === MESSAGES ? 0 : 1);
