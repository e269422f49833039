import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { FaultAction, FaultPlan } from "../src/core/fault.ts";
import type { Result } from "../src/core/result.ts";
import { load } from "../src/cli/load.ts";
import { flakyWifi, killAndRestart } from "../src/faults/named.ts";

/**
 * `npm run faults [-- --quick] [--only word]`: what goes wrong, against the reference servers. Every binding survives
 * being killed and a bad network, every kind of fault is shown by one case, and servers that forget what they have
 * confirmed are found out. Times are not judged here (the plan takes them away), so that it also runs on a busy machine.
 */
const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    clients: { type: "string", default: "50" },
    seconds: { type: "string", default: "15" },
  },
});

interface Case {
  readonly name: string;
  readonly target: string;
  readonly scenario: string;
  readonly plan: FaultPlan;
  /** Also with `--quick`. */
  readonly isQuick?: true;
  readonly mutant?: string;
  /** The requirement that the mutant is to break, for the reason. */
  readonly breaks?: readonly [id: string, reason: string];
  /** The objective that the mutant is to miss. */
  readonly misses?: string;
  readonly replicas?: number;
  /** Left out where this is not there. */
  readonly needs?: "redis" | "jazz";
}

/** What each binding's clients do meanwhile. */
const SCENARIOS = { playback: "watch-party", sync: "co-edit", steps: "co-edit", leaf: "chat-space", jazz: "space-chat" } as const;
type Binding = keyof typeof SCENARIOS;
const BINDINGS = Object.keys(SCENARIOS) as Binding[];

const NEEDS: Partial<Record<Binding, "jazz">> = { jazz: "jazz" };

function caseOf(target: Binding, plan: FaultPlan, more: Partial<Case> = {}): Case {
  const needs = NEEDS[target];
  return { name: `${target}, ${plan.name}`, target, scenario: SCENARIOS[target], plan, ...(needs === undefined ? {} : { needs }), ...more };
}

function single(name: string, action: FaultAction, whom: FaultPlan["faults"][number]["whom"], share: number): FaultPlan {
  const fault = { action, whom, at: { share: 0.25 }, during: { share }, every: undefined };
  return { name, summary: "", faults: [fault] };
}

/** Every fault kind by one case; `squeeze` needs containers and is shown where those are. */
const KINDS: readonly Case[] = [
  caseOf("playback", single("latency", { kind: "latency", latencyMs: 150, jitterMs: 100 }, "all", 0.4)),
  caseOf("playback", single("bandwidth", { kind: "bandwidth", bytesPerSecond: 20_000 }, { clients: 0.5 }, 0.4)),
  caseOf("steps", single("cut", { kind: "cut" }, { clients: 0.5 }, 0)),
  caseOf("leaf", single("reset", { kind: "reset" }, { clients: 0.5 }, 0.05)),
  caseOf("sync", single("half-open", { kind: "half-open" }, { clients: 0.3 }, 0.2)),
  caseOf("playback", single("slow-close", { kind: "slow-close", delayMs: 500 }, "all", 0.4)),
  caseOf("leaf", single("pause", { kind: "pause" }, "all", 0.15)),
  caseOf("sync", single("restart", { kind: "restart" }, "all", 0)),
  caseOf("playback", single("partition", { kind: "partition" }, "all", 0.2)),
  caseOf("leaf", single("plc-away", { kind: "away", of: "plc" }, "all", 0.3)),
  caseOf("playback", single("redis-away", { kind: "away", of: "redis" }, "all", 0.2), { replicas: 2, needs: "redis" }),
  caseOf("playback", single("one-replica-killed", { kind: "kill" }, { replicas: 1 }, 0), { replicas: 2, needs: "redis" }),
];

const CASES: readonly Case[] = [
  ...BINDINGS.map((target) => caseOf(target, killAndRestart, { isQuick: true })),
  ...BINDINGS.map((target) => caseOf(target, flakyWifi, { isQuick: true })),
  ...KINDS,
  caseOf("leaf", killAndRestart, {
    name: "leaf that forgets, kill",
    mutant: "forgets-the-last-events",
    breaks: ["LEAF-ORD-05", "lost"],
    isQuick: true,
  }),
  caseOf("playback", killAndRestart, {
    name: "playback that is silent, kill",
    mutant: "is-silent-after-restart",
    misses: "clients back after faults",
  }),
  caseOf("jazz", killAndRestart, { name: "jazz that forgets, kill", mutant: "relay-forgets-at-restart", breaks: ["JAZZ-RES-10", "lost"] }),
];

const hasRedis = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].some((path) => existsSync(path));
const hasJazz = existsSync(new URL("../optional/jazz/node_modules", import.meta.url));

function missing({ needs }: Case): string | undefined {
  if (needs === "redis" && !hasRedis) return "redis-server is not installed";
  if (needs === "jazz" && !hasJazz) return "jazz is not installed: npm run install:jazz";
  return undefined;
}

function problemsOf({ breaks, misses }: Case, result: Result): readonly string[] {
  if (misses !== undefined) {
    const objective = result.load?.objectives.find(({ name }) => name === misses);
    return objective?.verdict === "fail" ? [] : [`${misses} is not missed: ${objective?.got ?? "not judged"}`];
  }
  if (breaks !== undefined) {
    const [id, reason] = breaks;
    const found = result.requirements.find((each) => each.id === id);
    const isNamed =
      found !== undefined && (found.verdict === "fail" || found.verdict === "warning") && found.reasons.some((each) => each === reason);
    return isNamed ? [] : [`${id} is not broken by ${reason}: ${found?.verdict ?? "not judged"}`];
  }
  const broken = result.requirements.filter(({ verdict, known }) => (verdict === "fail" || verdict === "warning") && known === undefined);
  return [
    ...broken.map(({ id, reasons, witness, observed }) => `${id} ${reasons.join(", ")}: ${witness?.seen ?? observed}`),
    ...(result.load?.objectives ?? [])
      .filter(({ verdict }) => verdict === "fail" || verdict === "warning")
      .map(({ name, wanted, got }) => `${name} ${got}, wanted ${wanted}`),
    ...(result.load?.faults?.looked === 0 ? ["nobody new could look when all was over"] : []),
    ...result.notes.filter((note) => note.startsWith("fault ")),
  ];
}

const clients = Number(values.clients);
const seconds = Number(values.seconds);
const chosen = CASES.filter(
  ({ name, isQuick }) => (!values.quick || isQuick === true) && (values.only === undefined || name.includes(values.only)),
);
const most = (list: readonly (number | undefined)[]): string => {
  const seen = list.flatMap((each) => each ?? []);
  return seen.length === 0 ? "–" : `${Math.max(...seen)} ms`;
};
let failures = 0;
console.log(`${chosen.length} cases, ${clients} clients, ${seconds} s each, ${availableParallelism()} cores`);
console.log(
  `${"case".padEnd(32)}${"faults".padStart(7)}${"noticed".padStart(9)}${"detected".padStart(11)}${"recovered".padStart(12)}${"looked".padStart(8)}${"lost".padStart(6)}`,
);
for (const each of chosen) {
  const why = missing(each);
  if (why !== undefined) {
    console.log(`${each.name.padEnd(32)}  left out: ${why}`);
    continue;
  }
  try {
    const result = await load({
      target: each.target,
      scenario: each.scenario,
      faults: each.plan,
      parameters: { clients, rooms: Math.max(1, Math.round(clients / 6)), durationMs: seconds * 1000, rampMs: 3000 },
      allowInconclusive: true,
      ...(each.mutant === undefined ? {} : { mutant: { id: each.mutant } }),
      ...(each.replicas === undefined ? {} : { replicas: each.replicas }),
    });
    const problems = problemsOf(each, result);
    const seen = result.load?.faults;
    const list = seen?.faults ?? [];
    const figures = [
      String(list.length).padStart(7),
      String(list.reduce((sum, { noticedBy }) => sum + noticedBy, 0)).padStart(9),
      most(list.map(({ detectMs }) => detectMs)).padStart(11),
      most(list.map(({ recoverMs }) => recoverMs)).padStart(12),
      String(seen?.looked ?? 0).padStart(8),
      String(seen?.lost ?? 0).padStart(6),
    ].join("");
    const named = each.misses ?? each.breaks?.join(" ");
    const expected = named === undefined ? "survived" : `named: ${named}`;
    console.log(`${each.name.padEnd(32)}${figures}  ${problems.length === 0 ? expected : "FAILED"}`);
    for (const problem of problems) console.log(`    ${problem}`);
    if (problems.length > 0) {
      failures += 1;
      console.log(`    again: ${result.rerun}`);
    }
  } catch (error) {
    failures += 1;
    console.log(`${each.name.padEnd(32)}  FAILED: ${error instanceof Error ? error.message : String(error)}`);
  }
}
console.log(failures === 0 ? "all as it should be" : `${failures} of ${chosen.length} failed`);
process.exitCode = failures === 0 ? 0 : 1;
