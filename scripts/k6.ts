import { mkdirSync, writeFileSync } from "node:fs";
import type { Result } from "../src/core/result.ts";
import type { Verdict } from "../src/core/verdict.ts";
import { findMutant } from "../src/cli/find-mutant.ts";
import { type EngineName, load, type LoadOptions, openGround, playOn } from "../src/cli/load.ts";
import { loadBinding } from "../src/cli/registry.ts";
import { flagsOf } from "./flags.ts";

/**
 * `npm run k6 [-- --quick] [--pristine] [--only <binding>] [--json <path>]`: what runs in stock k6, shown. One server, the same
 * scenario in our engine and in k6: the same verdicts. Then each binding that can: 500 sockets for 30 s, and servers
 * with one fault each, which are named with the declared reason. Needs k6 (`rollcall k6 install`).
 */
const { values } = flagsOf("npm run k6 [-- --quick] [--pristine] [--only <binding>] [--json <path>]", {
  options: {
    quick: { type: "boolean", default: false },
    pristine: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "string" },
  },
});

interface Row {
  readonly binding: string;
  readonly scenario: string;
  readonly roomOf: number;
  readonly ratePerSecond: number;
  /** With the size of room in which the fault acts. */
  readonly mutants: readonly (readonly [id: string, roomOf: number])[];
}

const ALL: readonly Row[] = [
  {
    binding: "playback",
    scenario: "watch-party",
    roomOf: 10,
    ratePerSecond: 0.5,
    mutants: [
      ["drops-delivery-to-one-member", 10],
      ["doubles-broadcast", 10],
      ["reorders-between-members", 10],
      ["leaks-between-rooms", 4],
    ],
  },
  {
    binding: "steps",
    scenario: "watch-party",
    roomOf: 10,
    ratePerSecond: 0.1,
    mutants: [
      ["drops-delivery-to-one-member", 5],
      ["doubles-broadcast", 5],
      ["echoes-to-author", 5],
    ],
  },
  {
    binding: "leaf",
    scenario: "chat-space",
    roomOf: 10,
    ratePerSecond: 0.1,
    mutants: [
      ["view-leaves-out-its-last-row", 4],
      ["leaks-between-streams", 4],
    ],
  },
];

const ROWS = ALL.filter(({ binding }) => values.only === undefined || values.only === binding);

const SIZE = values.quick ? { clients: 100, durationMs: 8_000, rampMs: 3_000 } : { clients: 500, durationMs: 30_000, rampMs: 10_000 };
/** Faults act on single messages: they need no crowd. */
const FAULTY = { clients: 100, durationMs: 6_000, rampMs: 2_000 };
/** Writes a second and client, at the least: a view has to have several rows before one can be missing. */
const FAULTY_RATE = 0.5;

const lines: string[] = [];
const problems: string[] = [];
const results: { readonly what: string; readonly result: Result }[] = [];

function say(text: string): void {
  process.stdout.write(`${text}\n`);
  lines.push(text);
}

/** Verdicts but those of time, which tell of the machine as much as of the server. */
function verdictsOf({ requirements }: Result): ReadonlyMap<string, Verdict> {
  return new Map(requirements.filter(({ category }) => category !== "latency").map(({ id, verdict }) => [id, verdict]));
}

function told(result: Result): string {
  const run = result.load;
  const wrong = result.requirements.filter(({ verdict }) => verdict !== "pass").map(({ id, verdict }) => `${id} ${verdict}`);
  return (
    `${run?.clients} sockets, ${(run?.durationMs ?? 0) / 1000} s, ${run?.delivered} of ${run?.expected} delivered, ` +
    `${result.requirements.length - wrong.length} of ${result.requirements.length} requirements pass${wrong.length === 0 ? "" : ` (${wrong.join(", ")})`}`
  );
}

function optionsOf({ binding, scenario, roomOf, ratePerSecond }: Row, size: typeof SIZE, engine: EngineName): LoadOptions {
  return {
    scenario,
    target: binding,
    engine,
    seed: "k6",
    parameters: { ...size, rooms: Math.ceil(size.clients / roomOf), ratePerSecond },
    onProgress: (step) => {
      if (step.kind === "stage") process.stderr.write(`  ${step.text}\n`);
    },
  };
}

async function sameVerdicts(row: Row): Promise<void> {
  const ground = await openGround(optionsOf(row, FAULTY, "node"));
  try {
    const [ours, theirs] = [await playOn(ground, optionsOf(row, FAULTY, "node")), await playOn(ground, optionsOf(row, FAULTY, "k6"))];
    const [left, right] = [verdictsOf(ours), verdictsOf(theirs)];
    const differing = [...new Set([...left.keys(), ...right.keys()])].filter((id) => left.get(id) !== right.get(id));
    results.push({ what: "node", result: ours }, { what: "k6", result: theirs });
    say(
      `same verdicts: ${row.scenario} on one ${row.binding} server, our engine and k6: ${[...left].map(([id, verdict]) => `${id} ${verdict}`).join(", ")}`,
    );
    for (const id of differing)
      problems.push(`${id} is ${left.get(id) ?? "not judged"} in our engine and ${right.get(id) ?? "not judged"} in k6`);
  } finally {
    await ground.close();
  }
}

async function pristine(row: Row): Promise<void> {
  const result = await load(optionsOf(row, SIZE, "k6"));
  results.push({ what: row.binding, result });
  say(`${row.binding.padEnd(9)} ${told(result)}`);
  if (result.requirements.some(({ verdict }) => verdict === "fail")) problems.push(`${row.binding}: a pristine server failed`);
  if ((result.load?.delivered ?? 0) === 0) problems.push(`${row.binding}: nothing was delivered`);
}

async function faulty(row: Row, id: string, roomOf: number): Promise<void> {
  const declared = (await loadBinding(row.binding)).mutants.find((each) => each.id === id)?.breaks ?? [];
  const result = await load({
    ...optionsOf({ ...row, roomOf, ratePerSecond: Math.max(row.ratePerSecond, FAULTY_RATE) }, FAULTY, "k6"),
    profile: "strict",
    mutant: await findMutant(row.binding, id),
  });
  const seen = result.requirements.flatMap((each) => (each.verdict === "fail" ? each.reasons.map((reason) => `${each.id} ${reason}`) : []));
  const isNamed = declared.some(({ id: requirement, reason }) => seen.includes(`${requirement} ${reason}`));
  results.push({ what: `${row.binding} ${id}`, result });
  say(`${row.binding.padEnd(9)} ${isNamed ? "named " : "MISSED"} ${id}: ${seen.join(", ") || "nothing failed"}`);
  if (!isNamed) problems.push(`${row.binding}: ${id} was not named (${declared.map((each) => `${each.id} ${each.reason}`).join(", ")})`);
}

const [first] = ROWS;
if (first === undefined) {
  console.error("usage: npm run k6 [-- --quick] [--only playback|steps|leaf] [--json <path>]");
  process.exit(2);
}
if (first.binding === "playback" && !values.pristine) await sameVerdicts(first);
for (const row of ROWS) {
  await pristine(row);
  if (values.pristine) continue;
  for (const [id, roomOf] of values.quick ? row.mutants.slice(0, 2) : row.mutants) await faulty(row, id, roomOf);
}
if (values.json !== undefined) {
  mkdirSync(new URL(".", new URL(values.json, `file://${process.cwd()}/`)), { recursive: true });
  writeFileSync(values.json, JSON.stringify({ lines, problems, results }, null, 2));
}
for (const problem of problems) say(`problem: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
