import type { Result } from "../src/core/result.ts";
import { type LoadOptions, openGround, playOn } from "../src/cli/load.ts";
import { type FaultCase, missing } from "./fault-cases.ts";

/** How large a run is. */
export interface Size {
  readonly clients: number;
  readonly seconds: number;
}

/** What became of a case: `open` was not judged, mostly for a machine that was too busy. */
export interface Tried {
  readonly name: string;
  readonly verdict: "passed" | "open" | "failed" | "left out";
}

/** The table's first line. */
export const HEAD: string = row("fault", ["faults", "noticed", "detected", "recovered", "looked", "lost"], "verdict");

function row(name: string, figures: readonly string[], verdict: string): string {
  return `${name.padEnd(32)}${figures.map((figure, index) => figure.padStart(index === 2 || index === 3 ? 11 : 9)).join("")}  ${verdict}`;
}

/** What is not as it should be, and what could not be judged. */
function problemsOf(
  { breaks, misses }: FaultCase,
  result: Result,
): { readonly wrong: readonly string[]; readonly open: readonly string[] } {
  const objectives = result.load?.objectives ?? [];
  if (misses !== undefined) {
    const objective = objectives.find(({ name }) => name === misses);
    return { wrong: objective?.verdict === "fail" ? [] : [`${misses} is not missed: ${objective?.got ?? "not judged"}`], open: [] };
  }
  const isBroken = ({ verdict }: { readonly verdict: string }): boolean => verdict === "fail" || verdict === "warning";
  if (breaks !== undefined) {
    const [id, reason] = breaks;
    const found = result.requirements.find((each) => each.id === id);
    const isNamed = found !== undefined && isBroken(found) && found.reasons.some((each) => each === reason);
    return { wrong: isNamed ? [] : [`${id} is not broken by ${reason}: ${found?.verdict ?? "not judged"}`], open: [] };
  }
  const words = ({ name, wanted, got }: (typeof objectives)[number]): string => `${name} ${got}, wanted ${wanted}`;
  const isOpen = objectives.filter(({ verdict }) => verdict === "inconclusive").map(words);
  return {
    wrong: [
      ...result.requirements
        .filter((each) => isBroken(each) && each.known === undefined)
        .map(({ id, reasons, witness, observed }) => `${id} ${reasons.join(", ")}: ${witness?.seen ?? observed}`),
      ...objectives.filter(isBroken).map(words),
      ...result.notes.filter((note) => note.startsWith("fault ")),
    ],
    open: isOpen.length === 0 ? [] : [...isOpen, ...result.harness.inconclusiveBecause],
  };
}

function figuresOf({ load }: Result): readonly string[] {
  const seen = load?.faults;
  const list = seen?.faults ?? [];
  const most = (values: readonly (number | undefined)[]): string => {
    const known = values.flatMap((value) => value ?? []);
    return known.length === 0 ? "–" : `${Math.max(...known)} ms`;
  };
  return [
    String(list.length),
    String(list.reduce((sum, { noticedBy }) => sum + noticedBy, 0)),
    most(list.map(({ detectMs }) => detectMs)),
    most(list.map(({ recoverMs }) => recoverMs)),
    String(seen?.looked ?? 0),
    String(seen?.lost ?? 0),
  ];
}

/** The servers that a case is tried on: cases of one ground are tried one after the other on the same. */
function groundOf({ target, replicas, mutant }: FaultCase): string {
  return [target, replicas ?? 1, mutant ?? ""].join(" ");
}

function optionsOf({ target, scenario, plan, mutant, replicas }: FaultCase, { clients, seconds }: Size): LoadOptions {
  return {
    target,
    scenario,
    faults: plan,
    parameters: { clients, rooms: Math.max(1, Math.round(clients / 6)), durationMs: seconds * 1000, rampMs: 1500 },
    // No time is judged where things go wrong, so that a busy machine is no hindrance.
    allowInconclusive: true,
    ...(mutant === undefined ? {} : { mutant: { id: mutant } }),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

/**
 * Tries the cases, a line each as it is done, on `abreast` grounds at a time.
 */
export async function tryFaults(
  cases: readonly FaultCase[],
  size: Size,
  abreast: number,
  onDone: (tried: Tried, lines: readonly string[]) => void,
): Promise<void> {
  const waiting = Object.values(Object.groupBy(cases, groundOf)).map((group) => group ?? []);
  const oneGround = async (group: readonly FaultCase[]): Promise<void> => {
    const here: FaultCase[] = [];
    for (const each of group) {
      const why = await missing(each);
      if (why === undefined) here.push(each);
      else onDone({ name: each.name, verdict: "left out" }, [`${each.name.padEnd(32)}  left out: ${why}`]);
    }
    const [first] = here;
    if (first === undefined) return;
    const failed = (each: FaultCase, error: unknown): void =>
      onDone({ name: each.name, verdict: "failed" }, [
        `${each.name.padEnd(32)}  FAILED: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    const ground = await openGround(optionsOf(first, size)).catch((error: unknown) => {
      for (const each of here) failed(each, error);
      return undefined;
    });
    if (ground === undefined) return;
    try {
      for (const each of here) {
        const result = await playOn(ground, optionsOf(each, size)).catch((error: unknown) => failed(each, error));
        if (result === undefined) continue;
        const { wrong, open } = problemsOf(each, result);
        const named = each.misses ?? each.breaks?.join(" ");
        const verdict = wrong.length > 0 ? "failed" : open.length > 0 ? "open" : "passed";
        const words = { failed: "FAILED", open: "not judged", passed: named === undefined ? "survived" : `named: ${named}` };
        onDone({ name: each.name, verdict }, [
          row(each.name, figuresOf(result), words[verdict]),
          ...[...wrong, ...(verdict === "open" ? open : [])].map((problem) => `    ${problem}`),
          ...(verdict === "failed" ? [`    again: ${result.rerun}`] : []),
        ]);
      }
    } finally {
      await ground.close();
    }
  };
  const oneAfterTheOther = async (): Promise<void> => {
    for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) await oneGround(group);
  };
  await Promise.all(Array.from({ length: abreast }, oneAfterTheOther));
}
