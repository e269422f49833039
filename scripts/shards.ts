import { findK6 } from "../src/cli/k6-find.ts";
import { redisMissing } from "../src/targets/index.ts";
import { runShardProcesses, type ShardedOutcome, type ShardedRun } from "./shard-processes.ts";
import { flagsOf } from "./flags.ts";

/**
 * `npm run shards [-- --quiet]`: three shards in processes of their own, one referee, one verdict: against one pristine
 * server, against two that share their rooms, against a server that reorders between members of different shards only,
 * and with a shard that is killed; then with shards of k6, which are execution segments, and with shards of both. What
 * needs a k6 or a redis-server that is not here is skipped, with the reason. Ends with 1 when one of them comes out
 * otherwise than it must.
 */
const { values } = flagsOf("npm run shards [-- --quiet] [--only <word>]", {
  options: { quiet: { type: "boolean", default: false }, only: { type: "string" } },
});

interface Play {
  readonly name: string;
  readonly run: ShardedRun;
  /** What is wrong with the outcome; undefined when it is as it must be. */
  readonly wrong: (outcome: ShardedOutcome) => string | undefined;
}

const verdictOf = ({ result }: ShardedOutcome, id: string): string =>
  result.requirements.find((each) => each.id === id)?.verdict ?? "not judged";

/** On a busy machine time alone may be in doubt; what was delivered, and in which order, may not. */
function unclean(outcome: ShardedOutcome): string | undefined {
  const { result } = outcome;
  const failed = result.requirements.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
  if (failed.length > 0) return `failed: ${failed.join(", ")}`;
  if (result.load?.reach !== 1) return `reach ${result.load?.reach ?? 0}`;
  if ((result.load.shards?.compared ?? 0) === 0) return "nothing was compared";
  return result.verdict === "pass" || result.verdict === "inconclusive" || result.verdict === "warning" ? undefined : result.verdict;
}

const disordered = (outcome: ShardedOutcome): string | undefined =>
  verdictOf(outcome, "PLAY-ORD-01") === "fail" && verdictOf(outcome, "PLAY-CONV-04") !== "fail" ? undefined : "the disorder was not found";

const isLost = ({ result, refereeExit }: ShardedOutcome): string | undefined =>
  refereeExit === 4 && result.verdict === "inconclusive" && result.notes.some((note) => note.startsWith("shard 2 of 3 was silent"))
    ? undefined
    : `${result.verdict}, exit code ${refereeExit ?? "none"}`;

const K6 = ["k6", "k6", "k6"] as const;
const BOTH = ["node", "k6", "node", "k6", "node", "k6"] as const;

const PLAYS: readonly Play[] = [
  { name: "three shards, one server", run: {}, wrong: unclean },
  { name: "three shards, two servers that share their rooms", run: { replicas: 2 }, wrong: unclean },
  { name: "reorders between shards only", run: { mutant: "reorders-between-shards", duration: "12s" }, wrong: disordered },
  {
    name: "reorders between servers, of which each shard knows one",
    run: { mutant: "reorders-across-replicas", replicas: 2, isApart: true, clients: 45, duration: "12s" },
    wrong: disordered,
  },
  { name: "one shard is killed", run: { killed: 2, duration: "15s" }, wrong: isLost },
  { name: "k6: three segments, two servers that share their rooms", run: { engines: K6, replicas: 2 }, wrong: unclean },
  { name: "k6: three segments and three shards of our own, two servers", run: { engines: BOTH, replicas: 2, clients: 60 }, wrong: unclean },
  {
    name: "k6: reorders between shards only",
    run: { engines: K6, mutant: "reorders-between-shards", duration: "12s" },
    wrong: disordered,
  },
  { name: "k6: one process is killed", run: { engines: K6, killed: 2, duration: "15s" }, wrong: isLost },
];

const noRedis = redisMissing();
const noK6 = await findK6().then(
  () => undefined,
  (error: unknown) => (error instanceof Error ? error.message : String(error)),
);

function absentFor({ replicas = 1, engines = [] }: ShardedRun): string | undefined {
  return (engines.includes("k6") ? noK6 : undefined) ?? (replicas > 1 ? noRedis : undefined);
}

let isWell = true;
for (const { name, run, wrong } of PLAYS.filter((play) => play.name.includes(values.only ?? ""))) {
  console.log(`\n== ${name}`);
  const absent = absentFor(run);
  if (absent !== undefined) {
    console.log(`skipped: ${absent}`);
    continue;
  }
  const outcome = await runShardProcesses({ ...run, say: values.quiet ? () => undefined : (text) => console.log(text) });
  const problem = wrong(outcome);
  const { result } = outcome;
  const { compared = 0, count = 0 } = result.load?.shards ?? {};
  console.log(
    `${problem === undefined ? "as it must be" : `WRONG: ${problem}`}: ${result.verdict}, ${count} shards, ${compared} writes held against each other`,
  );
  for (const note of result.notes) console.log(`  ${note}`);
  if (problem !== undefined) isWell = false;
}
process.exitCode = isWell ? 0 : 1;
