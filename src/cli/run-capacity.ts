import { join, resolve } from "node:path";
import type { CapacityLevel } from "../core/capacity.ts";
import { levelHead, levelLine, writeReports } from "../../reports/index.ts";
import { describeTarget } from "../targets/index.ts";
import { capacity, type CapacityOptions, searchOf } from "./capacity.ts";
import * as registry from "./registry.ts";
import { commonOf, dialectOf, mutantOf, parametersOf, perform, replicasOf, showLoad, textOf, transportOf } from "./run.ts";

const BY = ["rate", "clients"] as const;

type Flags = Readonly<Record<string, unknown>>;

function numberOf<Name extends string>(flags: Flags, flag: string, name: Name): { readonly [name in Name]?: number } {
  const value = flags[flag];
  return typeof value === "number" ? ({ [name]: value } as { readonly [name in Name]: number }) : {};
}

/** `rollcall capacity`. Gives the exit code. Each level's own reports go to `levels/` in the folder of the reports. */
export async function runCapacity(scenario: string, flags: Flags): Promise<number> {
  const common = commonOf(flags);
  const target = textOf(flags, "target") ?? "";
  const mutant = await mutantOf(target, flags);
  const by = BY.find((each) => each === flags["by"]);
  const options: CapacityOptions = {
    scenario,
    target,
    parameters: parametersOf(flags),
    ...(by === undefined ? {} : { by }),
    ...numberOf(flags, "from", "from"),
    ...numberOf(flags, "to", "to"),
    ...numberOf(flags, "hold", "holdMs"),
    ...numberOf(flags, "resolution", "resolution"),
    ...numberOf(flags, "workers", "workers"),
    ...transportOf(flags),
    ...common.shared,
    ...(mutant === undefined ? {} : { mutant }),
    ...replicasOf(flags),
    ...dialectOf(flags),
  };
  const search = searchOf(options);
  if (common.dryRun) {
    const { how } = await describeTarget({
      target,
      registry,
      purpose: "load",
      ...dialectOf(flags),
      ...(common.shared.mayLoad === undefined ? {} : { mayLoad: common.shared.mayLoad }),
    });
    const { from, to, resolution } = search.range;
    process.stdout.write(
      `would ${how}, and look for the greatest ${search.by === "rate" ? "rate" : "number of clients"} from ${from} to ${to} ` +
        `(to ${resolution * 100} %) at which ${scenario} holds for ${search.holdMs / 1000} s; reports to ${resolve(common.out)}\n`,
    );
    return 0;
  }
  return perform(common, (progress, interrupt) => {
    const show = showLoad(progress);
    const levels: CapacityLevel[] = [];
    return capacity({
      ...options,
      // Of the levels only the seconds are shown: their stages would part the lines of the table.
      onProgress: (step) => {
        if (step.kind === "second") show(step);
        else if (levels.length === 0) progress.status(step.text);
      },
      onLevel: async (level, result) => {
        if (levels.length === 0) progress.line(levelHead());
        levels.push(level);
        progress.line(levelLine(level));
        const name = `${String(levels.length).padStart(2, "0")}-${level.phase}-${level.at}`;
        await writeReports(result, join(common.out, "levels", name));
      },
      signal: interrupt.signal,
    });
  });
}
