import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { stringify } from "yaml";
import { HarnessError } from "../core/errors.ts";
import { readTargetFile } from "../targets/index.ts";
import {
  CONFIG_MAP_BYTES_MAX,
  type DeployOptions,
  jobManifests,
  type K6DeployOptions,
  k6Manifests,
  type Manifest,
} from "./deploy-manifests.ts";
import { tokenOf } from "./referee.ts";
import { textOf } from "./run.ts";
import { scenarioNamed } from "./scenario-named.ts";

type Flags = Readonly<Record<string, unknown>>;

/** What of a load run's flags is handed on as it is, and under which name k6 scripts take it. */
const HANDED_ON = [
  ["clients", "--clients", "CLIENTS"],
  ["rooms", "--rooms", "ROOMS"],
  ["rate", "--rate", "RATE"],
  ["duration", "--duration", "DURATION"],
  ["ramp", "--ramp", "RAMP"],
  ["churn", "--churn", "CHURN"],
  ["workers", "--workers", undefined],
  ["seed", "--seed", "SEED"],
  ["shardBy", "--shard-by", "SHARD_BY"],
] as const;

/** Names of objects: they stand in host names (RFC 1123), with room for what is put behind them. */
const NAME = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/;

/**
 * Manifests of a run over several shards on a cluster, as YAML on stdout.
 * @throws HarnessError `usage` for names, files and targets that can not be.
 */
export function runDeploy(kind: string, scenario: string, flags: Flags): number {
  scenarioNamed(scenario);
  const options = optionsOf(scenario, flags);
  const manifests = kind === "k6-operator" ? k6Manifests(k6OptionsOf(options, flags)) : jobManifests(options);
  process.stdout.write(yamlOf(manifests));
  const where = options.namespace === undefined ? "" : ` -n ${options.namespace}`;
  process.stderr.write(
    `start it: kubectl apply -f -    verdict: kubectl logs${where} deployment/${options.name}-referee, ` +
      `report: kubectl exec${where} deployment/${options.name}-referee -- cat /reports/result.json\n`,
  );
  return 0;
}

/** Several objects as one YAML stream. */
export function yamlOf(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false })).join("---\n");
}

function optionsOf(scenario: string, flags: Flags): DeployOptions {
  const name = textOf(flags, "name") ?? "rollcall";
  if (!NAME.test(name))
    throw new HarnessError("usage", `"${name}" can not name objects of a cluster`, { hint: "small letters, digits and -, at most 40" });
  const target = textOf(flags, "target") ?? "";
  const { data } = readTargetFile(target, process.env);
  if (data.url === undefined)
    throw new HarnessError("usage", `${target} has no url: the shards need a server that runs already`, {
      hint: "give its address within the cluster",
    });
  const secret = textOf(flags, "tokenSecret");
  const given = HANDED_ON.flatMap(([flag, word]) => (flags[flag] === undefined ? [] : [word, worded(flag, flags[flag])]));
  const consent = Array.isArray(flags["iMayLoad"]) ? flags["iMayLoad"].flatMap((host) => ["--i-may-load", String(host)]) : [];
  const profile = textOf(flags, "profile");
  return {
    name,
    namespace: textOf(flags, "namespace"),
    shards: Number(flags["shards"]),
    image: textOf(flags, "image") ?? "",
    scenario,
    loadFlags: [...given, ...consent],
    refereeFlags: profile === undefined ? [] : ["--profile", profile],
    targetFile: readFileSync(target, "utf8"),
    token: secret === undefined ? tokenFor(textOf(flags, "tokenFile")) : undefined,
    tokenSecret: secret ?? `${name}-token`,
    cpu: textOf(flags, "cpu") ?? "1",
    memory: textOf(flags, "memory") ?? "1Gi",
  };
}

function tokenFor(file: string | undefined): string {
  return file === undefined ? randomBytes(16).toString("hex") : tokenOf(undefined, file);
}

function k6OptionsOf(options: DeployOptions, flags: Flags): K6DeployOptions {
  const path = textOf(flags, "script");
  const claim = textOf(flags, "claim");
  const { data } = readTargetFile(textOf(flags, "target") ?? "", process.env);
  const variables = HANDED_ON.flatMap(([flag, , name]) =>
    flags[flag] === undefined || name === undefined ? [] : [[name, worded(flag, flags[flag])] as const],
  );
  const basePath = data.basePath ?? "";
  return {
    ...options,
    k6Image: textOf(flags, "k6Image") ?? "grafana/k6:latest",
    variables: { TARGET: `${data.url ?? ""}${basePath}`, ...Object.fromEntries(variables) },
    script: claim === undefined ? scriptFrom(path) : { kind: "claim", claim, file: path ?? "script.js" },
  };
}

function scriptFrom(path: string | undefined): K6DeployOptions["script"] {
  const hint = "make one with `rollcall k6 bundle <scenario>`";
  if (path === undefined) throw new HarnessError("usage", "k6-operator needs a script", { hint: `--script file.js; ${hint}` });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new HarnessError("usage", `${path} can not be read`, { hint, cause: error });
  }
  if (Buffer.byteLength(text) > CONFIG_MAP_BYTES_MAX)
    throw new HarnessError("usage", `${path} is larger than a ConfigMap can be (1 MiB)`, {
      hint: "put it on a volume, and give --claim <PersistentVolumeClaim> with --script <file on it>",
    });
  return { kind: "configMap", file: basename(path), text };
}

/** Times were read as milliseconds; everything else is as it was written. */
function worded(flag: string, value: unknown): string {
  return (flag === "duration" || flag === "ramp") && typeof value === "number" ? `${value}ms` : String(value);
}
