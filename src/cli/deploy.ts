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
  const { recipe, nameQuery } = data.credential;
  if (recipe !== "none")
    throw new HarnessError("usage", `the target's users have the recipe ${recipe}, which runners of k6-operator can not carry out`, {
      hint: "use k8s-job; or `credential: { recipe: none }`, where a name is enough",
    });
  const basePath = data.basePath ?? "";
  const urls = [data.url ?? "", ...(data.secondUrl === undefined ? [] : [data.secondUrl])];
  return {
    ...options,
    k6Image: textOf(flags, "k6Image") ?? "grafana/k6:latest",
    variables: forShell({
      TARGET: urls.map((url) => url.replace(/\/$/, "") + basePath).join(","),
      NAME_QUERY: nameQuery,
      ...(data.dialect === undefined ? {} : { DIALECT: data.dialect }),
      ...Object.fromEntries(variables),
    }),
    script: claim === undefined ? scriptFrom(path) : { kind: "claim", claim, file: path ?? "script.js" },
  };
}

/** The operator's initializer has its arguments read by a shell, unquoted. @throws HarnessError `usage` for others. */
function forShell(variables: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(variables))
    if (!/^[A-Za-z0-9_./:,@%+[\]-]*$/.test(value))
      throw new HarnessError("usage", `k6-operator can not hand on ${name}=${value}`, {
        hint: "it has its arguments read by a shell: letters, digits and _ . / : , @ % + - only",
      });
  return variables;
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
