import { describe, expect, test } from "vitest";
import { runShardProcesses } from "../scripts/shard-processes.ts";
import { findK6 } from "../src/cli/k6-find.ts";
import { redisMissing } from "../src/targets/index.ts";

const NO_K6 = await findK6().then(
  () => undefined,
  () => "there is no k6: set K6_BIN or put it on PATH",
);
const ABSENT = NO_K6 ?? redisMissing();

const K6 = ["k6", "k6", "k6"] as const;

describe.skipIf(NO_K6 !== undefined)(
  `three k6 processes with execution segments${NO_K6 === undefined ? "" : ` (skipped: ${NO_K6})`}`,
  { timeout: 300_000 },
  () => {
    test("find together that a server reorders between members of different shards, which none can see alone", async () => {
      const { result, refereeExit, shardExits } = await runShardProcesses({ engines: K6, mutant: "reorders-between-shards" });
      const order = result.requirements.find(({ id }) => id === "PLAY-ORD-01");
      expect(order).toMatchObject({ verdict: "fail", reasons: ["disordered"] });
      expect(order?.witness?.seen).toContain("at the members of shard");
      expect(result.load?.reach).toBe(1);
      expect(refereeExit).toBe(1);
      expect(shardExits).toEqual([0, 0, 0]);
    });

    test("are inconclusive together when one of them is killed, and nothing is blamed on the server", async () => {
      const { result, refereeExit } = await runShardProcesses({ engines: K6, killed: 2, duration: "12s" });
      expect(result.notes[0]).toMatch(/^shard 2 of 3 was silent for \d+ s \(VU \d of 2\)/);
      expect(result.requirements.filter(({ verdict }) => verdict === "fail")).toEqual([]);
      expect(result.verdict).toBe("inconclusive");
      expect(refereeExit).toBe(4);
    });
  },
);

describe.skipIf(ABSENT !== undefined)(
  `three k6 processes and three of our own engine${ABSENT === undefined ? "" : ` (skipped: ${ABSENT})`}`,
  { timeout: 300_000 },
  () => {
    test("have one verdict over two servers that share their rooms: every write at every member, in one order", async () => {
      const { result, shardExits } = await runShardProcesses({ engines: ["node", "k6", "node", "k6", "node", "k6"], replicas: 2 });
      expect(result.requirements.filter(({ verdict }) => verdict === "fail")).toEqual([]);
      expect(result.load).toMatchObject({ reach: 1, clients: 30, shards: { count: 6 } });
      expect(result.load?.shards?.compared).toBeGreaterThan(100);
      expect(result.notes.join()).toContain("6 shards (node and k6)");
      expect(shardExits).toEqual([0, 0, 0, 0, 0, 0]);
    });
  },
);
