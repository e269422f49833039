/** A Kubernetes object as data; its kind's schema is the cluster's. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

/** What a run on a cluster needs to know. */
export interface DeployOptions {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly shards: number;
  /** Of Rollcall; the referee runs in it, and with `k8s-job` the shards do. */
  readonly image: string;
  readonly scenario: string;
  /** Flags of `rollcall load` beside target, shard and referee. */
  readonly loadFlags: readonly string[];
  /** Flags of `rollcall referee` beside shards, address and token. */
  readonly refereeFlags: readonly string[];
  /** Text of the target file. */
  readonly targetFile: string;
  /** The run's token; undefined when a Secret of the cluster has it. */
  readonly token: string | undefined;
  readonly tokenSecret: string;
  /** Of one shard. */
  readonly cpu: string;
  readonly memory: string;
}

/** Of a run by k6-operator, besides. */
export interface K6DeployOptions extends DeployOptions {
  readonly k6Image: string;
  /** Variables of the script, `-e NAME=value`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly script:
    | { readonly kind: "configMap"; readonly file: string; readonly text: string }
    | { readonly kind: "claim"; readonly claim: string; readonly file: string };
}

const PORT = 7700;
const TOKEN_FILE = "/run/rollcall/token";
const TARGET_FILE = "/etc/rollcall/target.yaml";

/** A ConfigMap takes 1 MiB (etcd's limit): larger scripts go on a volume. */
export const CONFIG_MAP_BYTES_MAX: number = 1024 * 1024 - 4096;

/** Nobody reads a finished run's pods after a day; the verdict is the referee's. */
const KEPT_S = 86_400;

/** An Indexed Job of our own engine, one pod a shard, and the referee. */
export function jobManifests(options: DeployOptions): readonly Manifest[] {
  return [...common(options), refereeDeployment(options), refereeService(options), shardJob(options)];
}

/** A TestRun of k6-operator, and the referee. */
export function k6Manifests(options: K6DeployOptions): readonly Manifest[] {
  const { script } = options;
  const scripts = script.kind === "claim" ? [] : [configMap(options, `${options.name}-script`, { [script.file]: script.text })];
  return [...common(options), ...scripts, refereeDeployment(options), refereeService(options), testRun(options)];
}

function common(options: DeployOptions): readonly Manifest[] {
  const { token, tokenSecret } = options;
  const secret: readonly Manifest[] =
    token === undefined
      ? []
      : [{ apiVersion: "v1", kind: "Secret", metadata: metadata(options, tokenSecret), type: "Opaque", stringData: { token } }];
  return [...secret, configMap(options, `${options.name}-target`, { "target.yaml": options.targetFile })];
}

function configMap(options: DeployOptions, name: string, data: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(options, name), data };
}

function refereeDeployment(options: DeployOptions): Manifest {
  const labels = labelsOf(options, "referee");
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(options, `${options.name}-referee`),
    spec: {
      // One referee has seen the run from its start: a second one could not take over.
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          securityContext: POD_SECURITY,
          containers: [
            {
              name: "referee",
              image: options.image,
              args: [
                "referee",
                "--shards",
                String(options.shards),
                "--token-file",
                TOKEN_FILE,
                "--bind",
                "0.0.0.0",
                "--port",
                String(PORT),
                "--out",
                "/reports",
                "--stay",
                ...options.refereeFlags,
              ],
              ports: [{ name: "http", containerPort: PORT }],
              readinessProbe: { httpGet: { path: "/healthz", port: PORT }, periodSeconds: 2 },
              resources: { requests: { cpu: "500m", memory: "512Mi" }, limits: { memory: "2Gi" } },
              securityContext: CONTAINER_SECURITY,
              volumeMounts: [
                { name: "token", mountPath: "/run/rollcall", readOnly: true },
                { name: "reports", mountPath: "/reports" },
                { name: "scratch", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [tokenVolume(options), { name: "reports", emptyDir: {} }, { name: "scratch", emptyDir: {} }],
        },
      },
    },
  };
}

function refereeService(options: DeployOptions): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(options, `${options.name}-referee`),
    spec: { selector: labelsOf(options, "referee"), ports: [{ name: "http", port: PORT, targetPort: PORT }] },
  };
}

function shardJob(options: DeployOptions): Manifest {
  const { name, shards, scenario, loadFlags, cpu, memory } = options;
  const labels = labelsOf(options, "shard");
  const words = ["load", scenario, "--target", TARGET_FILE, ...loadFlags, "--referee", refereeUrl(options), "--token-file", TOKEN_FILE];
  // The index of an Indexed Job counts from 0, shards from 1: only a shell can add.
  const command = `exec node bin/rollcall.js ${words.map(quoted).join(" ")} --shard "$((JOB_COMPLETION_INDEX + 1))/${shards}"`;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata(options, name),
    spec: {
      completionMode: "Indexed",
      completions: shards,
      parallelism: shards,
      // A shard that died can not be played again: the run goes on without it, and is inconclusive.
      backoffLimit: 0,
      ttlSecondsAfterFinished: KEPT_S,
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          securityContext: POD_SECURITY,
          // Two shards on one machine share its cores, and measure each other.
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: labels },
            },
          ],
          containers: [
            {
              name: "shard",
              image: options.image,
              command: ["/bin/sh", "-c", command],
              env: [{ name: "ROLLCALL_CACHE", value: "/scratch/identities" }],
              // No limit of processor time: a throttled shard sends late, and the run is inconclusive.
              resources: { requests: { cpu, memory }, limits: { memory } },
              securityContext: CONTAINER_SECURITY,
              volumeMounts: [
                { name: "token", mountPath: "/run/rollcall", readOnly: true },
                { name: "target", mountPath: "/etc/rollcall", readOnly: true },
                { name: "scratch", mountPath: "/scratch" },
                { name: "scratch", mountPath: "/tmp" },
              ],
            },
          ],
          volumes: [tokenVolume(options), { name: "target", configMap: { name: `${name}-target` } }, { name: "scratch", emptyDir: {} }],
        },
      },
    },
  };
}

function testRun(options: K6DeployOptions): Manifest {
  const { name, shards, script, variables, cpu, memory } = options;
  // Runners know which shard they are by their execution segment; VUs are planned before a script can see it.
  const given = { ...variables, REFEREE: refereeUrl(options), SHARDS: String(shards) };
  return {
    apiVersion: "k6.io/v1alpha1",
    kind: "TestRun",
    metadata: metadata(options, name),
    spec: {
      parallelism: shards,
      separate: false,
      arguments: Object.entries(given)
        .map(([key, value]) => `-e ${key}=${value}`)
        .join(" "),
      script:
        script.kind === "claim"
          ? { volumeClaim: { name: script.claim, file: script.file, readOnly: true } }
          : { configMap: { name: `${name}-script`, file: script.file } },
      runner: {
        image: options.k6Image,
        env: [{ name: "ROLLCALL_RUN_TOKEN", valueFrom: { secretKeyRef: { name: options.tokenSecret, key: "token" } } }],
        resources: { requests: { cpu, memory }, limits: { memory } },
      },
    },
  };
}

const POD_SECURITY = { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: "RuntimeDefault" } } as const;

const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;

function tokenVolume({ tokenSecret }: DeployOptions): object {
  return { name: "token", secret: { secretName: tokenSecret, items: [{ key: "token", path: "token" }] } };
}

function refereeUrl({ name }: DeployOptions): string {
  return `http://${name}-referee:${PORT}`;
}

function labelsOf({ name }: DeployOptions, part: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": "rollcall", "app.kubernetes.io/instance": name, "app.kubernetes.io/component": part };
}

function metadata(options: DeployOptions, name: string): Manifest["metadata"] {
  const { namespace } = options;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { "app.kubernetes.io/name": "rollcall", "app.kubernetes.io/instance": options.name },
  };
}

/** A word of a shell's command line. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
