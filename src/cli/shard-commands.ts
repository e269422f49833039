import type { Command } from "commander";
import { collect, examples, parseDuration, parsePort, parseProfile, parseWhole, parseWord } from "./flags.ts";
import { WORKERS_MAX, workloadFlags } from "./workload-flags.ts";

export const TOKEN_HELP = "the run's token, in a file's first line (default: the environment's ROLLCALL_RUN_TOKEN)";

/** As many as the referee's messages allow. */
const SHARDS_MAX = 1_024;

type Flags = Readonly<Record<string, unknown>>;

/** Adds the commands of runs over several shards. */
export function addShardCommands(root: Command, ending: { exitCode: number }, runFlags: (command: Command) => Command): void {
  runFlags(root.command("referee").description("hold the shards of one run together, and give one verdict over all"))
    .requiredOption("--shards <n>", "how many will come", parseWhole(1, SHARDS_MAX))
    .option("--run-token <text>", "what every shard has to show; a file keeps it out of the list of processes")
    .option("--token-file <path>", TOKEN_HELP)
    .option("--port <n>", "default: 7700; 0 for any free one", parsePort)
    .option("--bind <address>", "default: 127.0.0.1; 0.0.0.0 for shards on other machines")
    .option("--wait <time>", "shards may take so long to come (default: 5m)", parseDuration)
    .option("--stay", "go on answering after the verdict, with the result at /v1/result, until ended")
    .option("--lost-after <time>", "a shard that is silent for so long is lost (default: 15s)", parseDuration)
    .addHelpText(
      "after",
      examples([
        "openssl rand -hex 16 > token",
        "rollcall referee --shards 3 --token-file token",
        "rollcall referee --shards 20 --token-file token --bind 0.0.0.0 --out verdict",
      ]),
    )
    .action(async (flags: Flags) => {
      const { runRefereeCommand } = await import("./run-shard.ts");
      ending.exitCode = await runRefereeCommand(flags);
    });

  const deploy = root
    .command("deploy")
    .description("manifests for a run over several shards on Kubernetes: shards, referee and all that they need")
    .argument("<kind>", "k8s-job: our own engine in an Indexed Job; k6-operator: a TestRun", parseWord("k8s-job", "k6-operator"))
    .argument("<scenario>", "see `rollcall list`")
    .requiredOption("--target <file>", "a target file with the server's url")
    .requiredOption("--shards <n>", "pods that share the clients", parseWhole(1, SHARDS_MAX))
    .requiredOption("--image <image>", "an image of Rollcall, such as this repository's Dockerfile makes")
    .option("--name <name>", "of all objects (default: rollcall)")
    .option("--namespace <name>", "default: the one that kubectl uses");
  workloadFlags(deploy, "simulated clients, of all shards together")
    .option("--workers <n>", "worker processes of a shard", parseWhole(1, WORKERS_MAX))
    .option("--shard-by <what>", "members: every room over all shards (default); rooms: whole rooms", parseWord("members", "rooms"))
    .option("--seed <text>", "fixes workload and identities (default: a fresh one)")
    .option("--profile <name>", "mvp, production or strict", parseProfile)
    .option("--cpu <amount>", "processor time that a shard asks for (default: 1)")
    .option("--memory <amount>", "memory of a shard (default: 1Gi)")
    .option("--token-file <path>", "the run's token (default: a fresh one, in the Secret)")
    .option("--token-secret <name>", "a Secret of the cluster that has it as `token`")
    .option("--script <file>", "k6-operator: the script, such as `rollcall k6 bundle` makes")
    .option("--claim <name>", "k6-operator: the PersistentVolumeClaim that the script is on")
    .option("--k6-image <image>", "k6-operator: the runners' (default: grafana/k6:latest)")
    .option("--i-may-load <host>", "consent to load on the server's host", collect)
    .addHelpText(
      "after",
      examples([
        "rollcall deploy k8s-job watch-party --target staging.yaml --shards 20 --clients 200000 --rooms 20000 --image registry.example/rollcall:1 --i-may-load rooms.staging | kubectl apply -f -",
        "rollcall deploy k6-operator watch-party --target staging.yaml --shards 20 --image registry.example/rollcall:1 --script watch-party.js > run.yaml",
      ]),
    )
    .action(async (kind: string, scenario: string, flags: Flags) => {
      const { runDeploy } = await import("./deploy.ts");
      ending.exitCode = runDeploy(kind, scenario, flags);
    });
}
