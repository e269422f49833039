import type { Command } from "commander";
import { examples, parseWhole } from "./flags.ts";

type Flags = Readonly<Record<string, unknown>>;

const LINES_MAX = 1_000_000;

/** The commands that start, remove and read stacks of containers. */
export function addStackCommands(root: Command, ending: { exitCode: number }): void {
  root
    .command("up")
    .description("start a server stack in containers that stays: replicas, and what they keep their state in")
    .argument("<target>", "a binding, or a target file with `compose:` or `image:`")
    .option("--fresh", "start anew what is up already")
    .option("--mutant <id>", "reference servers only: with this deliberate fault")
    .option("--dialect <name>", "default: the target's own; see `rollcall spec`")
    .option("--json", "print what is up on stdout as JSON")
    .addHelpText("after", examples(["rollcall up playback", "rollcall up leaf", "rollcall up my-stack.yaml --json"]))
    .action(async (target: string, flags: Flags) => {
      const { runUp } = await import("./stacks.ts");
      ending.exitCode = await runUp(target, flags);
    });

  root
    .command("down")
    .description("remove what `up` and `--keep` have started, and what runs that were killed have left behind")
    .argument("[target]", "only this one")
    .option("--all", "also the stacks of runs that are still going on")
    .option("--json", "print what was removed on stdout as JSON")
    .addHelpText("after", examples(["rollcall down", "rollcall down playback"]))
    .action(async (target: string | undefined, flags: Flags) => {
      const { runDown } = await import("./stacks.ts");
      ending.exitCode = await runDown(target, flags);
    });

  root
    .command("logs")
    .description("what the containers of a stack that is up have written")
    .argument("<target>", "as it was given to `up`")
    .argument("[service]", "only this one")
    .option("--follow", "go on until Ctrl-C")
    .option("--tail <n>", "so many lines of each (default: 200)", parseWhole(0, LINES_MAX))
    .option("--json", "one JSON object a line")
    .addHelpText("after", examples(["rollcall logs playback", "rollcall logs playback redis --follow"]))
    .action(async (target: string, service: string | undefined, flags: Flags) => {
      const { runLogs } = await import("./stacks.ts");
      ending.exitCode = await runLogs(target, service, flags);
    });
}
