import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { Job } from "kubernetes-models/batch/v1/Job";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Pod } from "kubernetes-models/v1/Pod";
import { Secret } from "kubernetes-models/v1/Secret";
import { Service } from "kubernetes-models/v1/Service";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { yamlOf } from "../src/cli/deploy.ts";
import { type DeployOptions, jobManifests, type K6DeployOptions, k6Manifests, type Manifest } from "../src/cli/deploy-manifests.ts";

const OPTIONS: DeployOptions = {
  name: "evening",
  namespace: "load",
  shards: 20,
  image: "registry.example/rollcall:1",
  scenario: "watch-party",
  loadFlags: ["--clients", "200000", "--rooms", "20000", "--seed", "it's 7", "--i-may-load", "rooms.staging"],
  refereeFlags: ["--profile", "strict"],
  targetFile: "binding: playback\nurl: http://rooms.staging:3000\n",
  token: "0123456789abcdef0123456789abcdef",
  tokenSecret: "evening-token",
  cpu: "1",
  memory: "1Gi",
};

const K6: K6DeployOptions = {
  ...OPTIONS,
  k6Image: "grafana/k6:1.8.0",
  variables: { TARGET: "http://rooms.staging:3000", CLIENTS: "200000" },
  script: { kind: "configMap", file: "watch-party.js", text: "export default function () {}\n" },
};

/** Holds an object against its kind's schema, as the API's own OpenAPI document has it; throws where they part. */
function validate(manifest: Manifest): void {
  const data = structuredClone(manifest) as never;
  const kinds = {
    Secret: () => new Secret(data).validate(),
    ConfigMap: () => new ConfigMap(data).validate(),
    Service: () => new Service(data).validate(),
    Deployment: () => new Deployment(data).validate(),
    Job: () => new Job(data).validate(),
  } as const;
  const check = kinds[manifest.kind as keyof typeof kinds];
  if (check === undefined) throw new Error(`no schema for ${manifest.kind}`);
  check();
}

/** The fields of k6.io/v1alpha1 that are used, by the operator's documentation: its schema is in no registry. */
const testRun = z.strictObject({
  apiVersion: z.literal("k6.io/v1alpha1"),
  kind: z.literal("TestRun"),
  metadata: z.strictObject({ name: z.string(), namespace: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.strictObject({
    parallelism: z.int().positive(),
    separate: z.boolean(),
    arguments: z.string(),
    script: z.union([
      z.strictObject({ configMap: z.strictObject({ name: z.string(), file: z.string() }) }),
      z.strictObject({ volumeClaim: z.strictObject({ name: z.string(), file: z.string(), readOnly: z.boolean() }) }),
    ]),
    runner: z.strictObject({ image: z.string(), env: z.array(z.unknown()), resources: z.unknown() }),
  }),
});

/** What goes through YAML and back is what the cluster gets. */
function applied(manifests: readonly Manifest[]): readonly Manifest[] {
  return parseAllDocuments(yamlOf(manifests)).map((document) => document.toJS() as Manifest);
}

describe("an Indexed Job", () => {
  const manifests = applied(jobManifests(OPTIONS));

  test("has a token, a target, a referee and the shards, each as the published schemas want it", () => {
    expect(manifests.map(({ kind }) => kind)).toEqual(["Secret", "ConfigMap", "Deployment", "Service", "Job"]);
    for (const manifest of manifests) expect(() => validate(manifest), manifest.kind).not.toThrow();
  });

  test("the schemas do refuse what is wrong", () => {
    const job = structuredClone(manifests.at(-1)) as Manifest & { spec: { completions: unknown } };
    job.spec.completions = "twenty";
    expect(() => validate(job)).toThrow();
  });

  test("each pod plays the shard of its index, and words of the user's are quoted for the shell", () => {
    const text = JSON.stringify(manifests.at(-1));
    expect(text).toContain(`--shard \\"$((JOB_COMPLETION_INDEX + 1))/20\\"`);
    expect(text).toContain(`--seed 'it'\\\\''s 7'`);
    expect(text).toContain("--referee http://evening-referee:7700");
    expect(manifests.at(-1)).toMatchObject({ spec: { completionMode: "Indexed", completions: 20, parallelism: 20, backoffLimit: 0 } });
  });

  test("without a token of its own it names the cluster's Secret", () => {
    const kinds = jobManifests({ ...OPTIONS, token: undefined, tokenSecret: "kept" }).map(({ kind }) => kind);
    expect(kinds).not.toContain("Secret");
  });
});

describe("a TestRun of k6-operator", () => {
  test("has as many runners as shards, the script and the token", () => {
    const manifests = applied(k6Manifests(K6));
    const run = manifests.find(({ kind }) => kind === "TestRun");
    const { spec } = testRun.parse(run);
    expect(spec).toMatchObject({ parallelism: 20 });
    expect(spec.arguments.split(" ").filter((word) => word !== "-e")).toEqual([
      "TARGET=http://rooms.staging:3000",
      "CLIENTS=200000",
      "REFEREE=http://evening-referee:7700",
      "SHARDS=20",
    ]);
    expect(spec.runner.env).toEqual([{ name: "ROLLCALL_RUN_TOKEN", valueFrom: { secretKeyRef: { name: "evening-token", key: "token" } } }]);
    for (const manifest of manifests) if (manifest !== run) expect(() => validate(manifest), manifest.kind).not.toThrow();
    const { image, env, resources } = spec.runner;
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "runner" },
      spec: { containers: [{ name: "k6", image, env, resources }] },
    };
    expect(() => new Pod(pod as never).validate()).not.toThrow();
  });

  test("takes the script from a volume where it is too large for a ConfigMap", () => {
    const manifests = k6Manifests({ ...K6, script: { kind: "claim", claim: "scripts", file: "party.js" } });
    expect(manifests.filter(({ kind }) => kind === "ConfigMap")).toHaveLength(1);
    expect(manifests.at(-1)).toMatchObject({ spec: { script: { volumeClaim: { name: "scripts", file: "party.js" } } } });
  });
});
