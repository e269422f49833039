import { stringify } from "yaml";
import type { FaultEntry, FaultPlan } from "../core/fault.ts";
import type { ScenarioParameters } from "../core/scenario.ts";
import { namedPlans } from "../faults/named.ts";
import { writtenPlan } from "../faults/schema.ts";
import { wordsOf, wordsOfMs, wordsOfTime, wordsOfWhom } from "../faults/words.ts";
import { faultPlanOf, faultTimeline } from "./load-faults.ts";
import { bold } from "./progress.ts";

type Flags = Readonly<Record<string, unknown>>;

function entryText({ action, whom, at, during, every }: FaultEntry): string {
  const lasts = "ms" in during && during.ms === 0 ? "" : ` for ${wordsOfTime(during)}`;
  const again = every === undefined ? "" : `, every ${wordsOfTime(every)}`;
  return `${wordsOf(action)}: ${action.kind === "away" ? "" : `${wordsOfWhom(whom)}, `}at ${wordsOfTime(at)}${lasts}${again}`;
}

/** `rollcall faults`: the named plans in words, or one plan as a file to begin with. */
export function runFaults(name: string | undefined, flags: Flags): void {
  const plans = name === undefined ? namedPlans : [faultPlanOf(name)];
  if (flags["json"] === true) process.stdout.write(`${JSON.stringify(plans, null, 2)}\n`);
  else if (name !== undefined)
    process.stdout.write(plans.map((plan) => stringify(writtenPlan(plan), { flowCollectionPadding: true })).join(""));
  else {
    const lines = plans.flatMap(({ name: plan, summary, faults }) => [
      bold(plan),
      `  ${summary}`,
      ...faults.map((each) => `    ${entryText(each)}`),
      "",
    ]);
    process.stdout.write(`${lines.join("\n")}Times count from the end of the ramp; all is healed at 80 % of the run at the latest.\n`);
  }
}

/** A plan as it would be carried out: a line for each time that something begins. */
export function timelineText(plan: FaultPlan, parameters: ScenarioParameters, replicas: number, seed: string): string {
  const { faults, healMs } = faultTimeline(plan, parameters, replicas, seed);
  const at = (ms: number): string => `${(ms / 1000).toFixed(1).padStart(7)} s`;
  const rows = faults.map(({ beginMs, endMs, what, whom }) => {
    const lasts = endMs > beginMs ? ` for ${wordsOfMs(endMs - beginMs)}` : "";
    return `${at(beginMs)}  ${what}, ${whom}${lasts}`;
  });
  const head = `faults of ${plan.name}, from the start of the load (seed ${seed}):`;
  return `${[head, ...rows, `${at(healMs)}  heal: nothing is wrong any more`].join("\n")}\n`;
}
