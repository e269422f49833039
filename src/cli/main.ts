import { writeFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { redact } from "../core/redact.ts";
import { HarnessError, type HarnessErrorCode } from "../core/errors.ts";
import {
  collect,
  examples,
  parseDuration,
  parseNumber,
  parsePort,
  parseProfile,
  parseShare,
  parseTransport,
  parseWhole,
  parseWord,
} from "./flags.ts";
import { addStackCommands } from "./stack-commands.ts";
import { addShardCommands, TOKEN_HELP } from "./shard-commands.ts";
import { CLIENTS_MAX, RATE_MAX, WORKERS_MAX, workloadFlags } from "./workload-flags.ts";
import { version } from "./version.ts";

/** Decision: first that applies. A HarnessError ends a command with the code of its kind. */
const EXIT = { usage: 2, unreachable: 3, internal: 5 } as const satisfies Record<HarnessErrorCode, number>;

const TIME_SCALE_MAX = 20;
const REPLICAS_MAX = 8;
const REPLICAS_HELP = "reference servers only: so many processes on the same rooms (playback; needs redis-server)";
const TRANSPORT_HELP = "net (our own; default) or ws";
const OUT_DEFAULT = "rollcall-report";

type Flags = Readonly<Record<string, unknown>>;

/** Commands set this; commander only parses. */
interface Ending {
  exitCode: number;
}

function runFlags(command: Command): Command {
  return command
    .option("--out <dir>", "folder for the reports", OUT_DEFAULT)
    .option("--json", "print result.json on stdout, everything else on stderr")
    .option("--seed <text>", "fixes workload, identities and faults (default: a fresh one)")
    .option("--profile <name>", "mvp, production or strict", parseProfile, "mvp")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--keep", "containers that were started stay, until `rollcall down`")
    .option("--fail-on <verdict>", "`warning`: a SHOULD that is not met fails the run", (text: string) => {
      if (text !== "warning") throw new InvalidArgumentError("only `warning` can be named.");
      return text;
    })
    .option("--allow-inconclusive", "a MUST that could not be judged does not fail the run");
}

function program(ending: Ending): Command {
  const root = new Command("rollcall")
    .description("Load-testing and conformance harness for real-time room servers.\nEvery client, every event, accounted for.")
    .version(version, "-V, --version", "print the version")
    .helpCommand("help [command]", "help for a command")
    .showSuggestionAfterError(true)
    .showHelpAfterError("(`rollcall --help` or `rollcall help <command>` says more)")
    .exitOverride()
    .addHelpText(
      "after",
      examples([
        "rollcall check playback",
        "rollcall load watch-party --target playback --clients 500 --rooms 50",
        "rollcall init playback",
      ]),
    );

  runFlags(
    root
      .command("check")
      .description("judge a server against the requirements of its protocol")
      .argument("<target>", "a reference server's name, or a target file"),
  )
    .option("--only <pattern>", "requirement ids or patterns such as 'PLAY-CONV-*'; may be repeated", collect)
    .option("--transport <name>", TRANSPORT_HELP, parseTransport)
    .option("--client <command>", "judge a client in place of the server: the command that starts its driver")
    .option("--real-time", "run our reference servers' timers unscaled")
    .option("--dialect <name>", "in place of the target's own; see `rollcall spec`")
    .option("--mutant <id>", "reference servers only: with this deliberate fault")
    .option("--replicas <n>", REPLICAS_HELP, parseWhole(1, REPLICAS_MAX))
    .option("--i-may-load <host>", "allow the cases that flood on a host that is not this machine", collect)
    .addHelpText(
      "after",
      examples([
        "rollcall check playback",
        "rollcall check my-server.yaml --profile production",
        "rollcall check playback --only 'PLAY-CONV-*' --only PLAY-ERR-01",
        "rollcall check playback --replicas 2",
      ]),
    )
    .action(async (target: string, flags: Flags) => {
      const { runCheck } = await import("./run.ts");
      ending.exitCode = await runCheck(target, flags);
    });

  const load = runFlags(
    root
      .command("load")
      .description("drive a server with many clients and account for every delivery")
      .argument("<scenario>", "see `rollcall list`"),
  ).requiredOption("--target <target>", "a reference server's name, or a target file");
  workloadFlags(load, "simulated clients")
    .option("--workers <n>", "worker processes", parseWhole(1, WORKERS_MAX))
    .option("--dialect <name>", "in place of the target's own; see `rollcall spec`")
    .option("--mutant <id>", "reference servers only: with this deliberate fault")
    .option("--replicas <n>", REPLICAS_HELP, parseWhole(1, REPLICAS_MAX))
    .option("--transport <name>", TRANSPORT_HELP, parseTransport)
    .option("--engine <name>", "what plays the clients: node (our own; default) or k6 (see docs/k6.md)", parseWord("node", "k6"))
    .option("--sockets-per-vu <n>", "with --engine k6: clients in one VU (default: 100)", parseWhole(1, CLIENTS_MAX))
    .option("--faults <plan>", "what goes wrong meanwhile: a named plan (see `rollcall faults`) or a YAML file")
    .option("--record <path>", "write what every client saw to a file, or to a folder with a file a worker; see `recheck`")
    .option("--shard <i/n>", "play one part of a run over n processes or machines, such as 2/3; needs --referee")
    .option("--shard-by <what>", "members: every room over all shards (default); rooms: whole rooms", parseWord("members", "rooms"))
    .option("--referee <url>", "where `rollcall referee` listens")
    .option("--token-file <path>", TOKEN_HELP)
    .option("--i-may-load <host>", "consent to load on a host that is not this machine", collect)
    .addHelpText(
      "after",
      examples([
        "rollcall load watch-party --target playback --clients 2000 --rooms 200 --rate 1 --duration 30s",
        "rollcall load join-storm --target my-server.yaml --i-may-load staging.example",
        "rollcall load watch-party --target playback --record run.rec",
        "rollcall load watch-party --target playback --engine k6 --clients 500 --rooms 50",
        "rollcall load co-edit --target steps --faults flaky-wifi",
        "rollcall load watch-party --target my-server.yaml --shard 1/3 --referee http://10.0.0.1:7700 --token-file token",
      ]),
    )
    .action(async (scenario: string, flags: Flags) => {
      if (flags["shard"] !== undefined) {
        const { runShardOfLoad } = await import("./run-shard.ts");
        ending.exitCode = await runShardOfLoad(scenario, flags);
        return;
      }
      const { runLoad } = await import("./run.ts");
      ending.exitCode = await runLoad(scenario, flags);
    });

  addShardCommands(root, ending, runFlags);

  runFlags(
    root
      .command("capacity")
      .description("find the greatest load that a server holds: objectives met, every delivery accounted for")
      .argument("<scenario>", "see `rollcall list`"),
  )
    .requiredOption("--target <target>", "a reference server's name, or a target file")
    .option("--by <what>", "`rate` raises the writes a second and client, `clients` their number", parseWord("rate", "clients"))
    .option("--from <n>", "the lowest level; not to hold it is a failure (default: the scenario's own)", parseNumber(0, CLIENTS_MAX))
    .option("--to <n>", "the highest level; the search ends when it holds", parseNumber(0, CLIENTS_MAX))
    .option("--hold <time>", "how long each level is held; what was found is held three times longer (default: 10s)", parseDuration)
    .option("--resolution <share>", "how near the answer and the limit above it must be (default: 5%)", parseShare)
    .option("--clients <n>", "simulated clients, when the rate is searched", parseWhole(1, CLIENTS_MAX))
    .option("--rooms <n>", "rooms; as clients grow, rooms keep their size", parseWhole(1, CLIENTS_MAX))
    .option("--rate <n>", "writes a second and client, when clients are searched", parseNumber(0, RATE_MAX))
    .option("--ramp <time>", "time over which the clients of a level arrive", parseDuration)
    .option("--churn <share>", "share of clients that leave and come back in a minute, 0 to 1", parseNumber(0, 1))
    .option("--workers <n>", "worker processes", parseWhole(1, WORKERS_MAX))
    .option("--dialect <name>", "in place of the target's own; see `rollcall spec`")
    .option("--mutant <id>", "reference servers only: with this deliberate fault")
    .option("--replicas <n>", REPLICAS_HELP, parseWhole(1, REPLICAS_MAX))
    .option("--transport <name>", TRANSPORT_HELP, parseTransport)
    .option("--i-may-load <host>", "consent to load on a host that is not this machine", collect)
    .addHelpText(
      "after",
      examples([
        "rollcall capacity watch-party --target playback --by rate --clients 100",
        "rollcall capacity watch-party --target playback --by clients --from 500 --to 5000 --hold 30s",
        "rollcall capacity idle-rooms --target my-server.yaml --by clients --resolution 10% --i-may-load staging.example",
      ]),
    )
    .action(async (scenario: string, flags: Flags) => {
      const { runCapacity } = await import("./run-capacity.ts");
      ending.exitCode = await runCapacity(scenario, flags);
    });

  root
    .command("recheck")
    .description("judge a recorded run again: the same checks, without a server")
    .argument("<recording>", "what `load --record` has written: a file, or a folder")
    .option("--out <dir>", "folder for the reports", OUT_DEFAULT)
    .option("--json", "print result.json on stdout, everything else on stderr")
    .addHelpText("after", examples(["rollcall recheck run.rec", "rollcall recheck recordings/ --out rechecked"]))
    .action(async (recording: string, flags: Flags) => {
      const { runRecheck } = await import("./run.ts");
      ending.exitCode = await runRecheck(recording, flags);
    });

  root
    .command("mutants")
    .description("prove the checks: run them against reference servers with one fault each")
    .argument("<binding>", "see `rollcall list`")
    .option("--only <id>", "mutant ids or patterns; may be repeated", collect)
    .option("--out <dir>", "folder for the report", OUT_DEFAULT)
    .option("--json", "print the outcome on stdout as JSON")
    .option("--seed <text>", "fixes workload and identities")
    .option("--quick", "judge the declared requirements only")
    .option("--jobs <n>", "mutants side by side; what is timed wants a core for each", parseWhole(1, 16), 2)
    .option("--write", "write the table to docs/mutants-<binding>.md")
    .option("--dry-run", "name the mutants, and do nothing")
    .addHelpText("after", examples(["rollcall mutants playback", "rollcall mutants playback --only 'drops-*'"]))
    .action(async (binding: string, flags: Flags) => {
      const { runMutantTable } = await import("./run.ts");
      ending.exitCode = await runMutantTable(binding, flags);
    });

  root
    .command("serve")
    .description("run a reference server until Ctrl-C")
    .argument("<binding>", "see `rollcall list`")
    .option("--port <n>", "default: any free one", parsePort)
    .option("--dialect <name>", "default: the protocol's first; see `rollcall spec`")
    .option("--mutant <id>", "with this deliberate fault")
    .option("--replicas <n>", REPLICAS_HELP, parseWhole(1, REPLICAS_MAX))
    .option("--recipe <name>", "credentials: serviceJwt, account or none")
    .option("--time-scale <n>", `timers run this many times faster, at most ${TIME_SCALE_MAX}`, parseNumber(1, TIME_SCALE_MAX))
    .addHelpText("after", examples(["rollcall serve playback --port 3000", "rollcall serve playback --recipe none"]))
    .action(async (binding: string, flags: Flags) => {
      const { runServe } = await import("./serve.ts");
      ending.exitCode = await runServe(binding, flags);
    });

  addStackCommands(root, ending);

  root
    .command("spec")
    .description("the requirements of a protocol, or of all")
    .argument("[binding]", "see `rollcall list`")
    .option("--markdown", "as the page in docs/")
    .option("--json", "as data")
    .addHelpText("after", examples(["rollcall spec playback", "rollcall spec playback --markdown > requirements.md"]))
    .action(async (binding: string | undefined, flags: Flags) => {
      const { runSpec } = await import("./inform.ts");
      await runSpec(binding, flags);
    });

  root
    .command("report")
    .description("render a result again, in every format")
    .argument("<result.json>", "written by check or load")
    .option("--out <dir>", "folder for the reports (default: the result's own)")
    .option("--format <name>", "print one on stdout instead: terminal, html, junit, markdown or ctrf")
    .addHelpText("after", examples(["rollcall report rollcall-report/result.json --format markdown"]))
    .action(async (path: string, flags: Flags) => {
      const { runReport } = await import("./inform.ts");
      await runReport(path, flags);
    });

  root
    .command("explain")
    .description("one requirement: text, source, how it is checked, what proves the check")
    .argument("<requirement>", "an id such as PLAY-CONV-04")
    .addHelpText("after", examples(["rollcall explain PLAY-CONV-04"]))
    .action(async (id: string) => {
      const { runExplain } = await import("./inform.ts");
      await runExplain(id);
    });

  root
    .command("list")
    .description("bindings, scenarios and mutants that are here")
    .option("--json", "as data")
    .action(async (flags: Flags) => {
      const { runList } = await import("./inform.ts");
      await runList(flags);
    });

  root
    .command("faults")
    .description("the fault plans that have a name, or one of them as YAML")
    .argument("[plan]", "its name, or a file: printed as a plan file to begin with")
    .option("--json", "as data")
    .addHelpText("after", examples(["rollcall faults", "rollcall faults flaky-wifi > plan.yaml"]))
    .action(async (plan: string | undefined, flags: Flags) => {
      const { runFaults } = await import("./faults.ts");
      runFaults(plan, flags);
    });

  root
    .command("doctor")
    .description("what is here, what is missing, and how to get it")
    .action(async () => {
      const { doctorText, examine, examineBindings, examineContainers } = await import("./doctor.ts");
      const { text, isWell } = doctorText([...examine(), ...(await examineContainers()), ...(await examineBindings())]);
      process.stdout.write(text);
      ending.exitCode = isWell ? 0 : 2;
    });

  const k6 = root.command("k6").description("stock k6 as another engine: get it, and make scripts for it");
  k6.command("install")
    .description("get k6 by `go install`, where `load --engine k6` finds it")
    .option("--again", "also when a k6 is here")
    .addHelpText("after", examples(["rollcall k6 install"]))
    .action(async (flags: Flags) => {
      const { runK6Install } = await import("./k6-command.ts");
      await runK6Install(flags);
    });
  k6.command("bundle")
    .description("make one script of a scenario and a protocol, for k6 on any machine")
    .argument("<scenario>", "see `rollcall list`")
    .requiredOption("--target <target>", "whose protocol and dialect: a reference server's name, or a target file")
    .option("--file <path>", "default: <scenario>.<binding>.k6.js")
    .option("--dialect <name>", "in place of the target's own; see `rollcall spec`")
    .addHelpText(
      "after",
      examples(["rollcall k6 bundle co-edit --target steps", "k6 run -e TARGET=ws://127.0.0.1:8080 -e CLIENTS=500 co-edit.steps.k6.js"]),
    )
    .action(async (scenario: string, flags: Flags) => {
      const { runK6Bundle } = await import("./k6-command.ts");
      await runK6Bundle(scenario, flags);
    });
  for (const command of k6.commands) command.exitOverride().showSuggestionAfterError(true);

  root
    .command("init")
    .description("write a commented target file")
    .argument("[binding]", "the protocol that your server speaks", "playback")
    .option("--file <path>", "where to write it", "rollcall.yaml")
    .option("--force", "write over a file that is there")
    .addHelpText("after", examples(["rollcall init playback --file staging.yaml"]))
    .action(async (name: string, flags: Flags) => {
      const [{ targetTemplate }, { loadBinding }] = await Promise.all([import("./init.ts"), import("./registry.ts")]);
      const path = typeof flags["file"] === "string" ? flags["file"] : "rollcall.yaml";
      writeNew(path, targetTemplate(await loadBinding(name)), flags["force"] === true);
      process.stdout.write(`wrote ${path}; put your server's address in, then: rollcall check ${path}\n`);
    });

  for (const command of root.commands) command.exitOverride().showSuggestionAfterError(true);
  return root;
}

function writeNew(path: string, text: string, mayReplace: boolean): void {
  try {
    writeFileSync(path, text, { flag: mayReplace ? "w" : "wx" });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EEXIST")
      throw new HarnessError("usage", `${path} is there already`, { hint: "choose another --file, or --force", cause: error });
    throw new HarnessError("usage", `${path} can not be written (${code ?? "unknown"})`, { cause: error });
  }
}

/** What a user reads of an error; the stack only with ROLLCALL_DEBUG=1. Gives the exit code. */
function complain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  const isOurs = error instanceof HarnessError;
  // The last words of a server stand in some of them.
  const message = redact(error instanceof Error ? error.message : String(error));
  process.stderr.write(`${isOurs && error.code !== "internal" ? "error" : "internal error"}: ${message}\n`);
  if (isOurs && error.hint !== undefined) process.stderr.write(`hint: ${redact(error.hint)}\n`);
  if (process.env["ROLLCALL_DEBUG"] === "1") console.error(error);
  else if (!isOurs || error.code === "internal")
    process.stderr.write("hint: this is a fault of the harness; ROLLCALL_DEBUG=1 shows where\n");
  return isOurs ? EXIT[error.code] : EXIT.internal;
}

/**
 * The command line. Gives the exit code: 0 · 1 a MUST failed · 2 usage · 3 target never reached · 4 inconclusive ·
 * 5 fault of the harness · 130 interrupted. Never throws.
 */
export async function main(args: readonly string[]): Promise<number> {
  const ending: Ending = { exitCode: 0 };
  // A reader that goes (`| head`) is no fault, and no reason to drop the reports or the exit code.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") process.exit(EXIT.internal);
  });
  try {
    const root = program(ending);
    if (args.length === 0) {
      root.outputHelp();
      return EXIT.usage;
    }
    await root.parseAsync(args, { from: "user" });
    return ending.exitCode;
  } catch (error) {
    return complain(error);
  }
}
